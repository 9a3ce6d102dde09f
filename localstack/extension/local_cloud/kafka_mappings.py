"""Event source mappings of Kafka topics, which the emulators refuse: stored with all their fields, and not polled.

`penstock-trigger --follow` lists them and delivers the topics.
"""

import functools
from typing import Any

from local_cloud import emulator

# Lambda takes these for Kafka only together with ProvisionedPollerConfig.
PROVISIONED_ONLY = (
    "BisectBatchOnFunctionError",
    "MaximumRetryAttempts",
    "MaximumRecordAgeInSeconds",
    "FunctionResponseTypes",
)
# How long the worker of a mapping that polls nothing may take to end.
STOP_SECS = 5
STARTING_POSITIONS = ("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP")


def is_kafka(request: dict[str, Any]) -> bool:
    arn = request.get("EventSourceArn") or ""
    return bool(request.get("SelfManagedEventSource")) or arn.split(":")[2:3] == ["kafka"]


def problem(request: dict[str, Any]) -> str | None:
    """What Lambda would refuse in a request to create a mapping."""
    if not request.get("Topics"):
        return "Required 'topics' parameter is missing."
    if request.get("StartingPosition") not in STARTING_POSITIONS:
        return (
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
            "Member must not be null."
        )
    used = [name for name in PROVISIONED_ONLY if request.get(name)]
    if used and not request.get("ProvisionedPollerConfig"):
        return f"{', '.join(used)}: for Kafka only in provisioned mode (ProvisionedPollerConfig)."
    return None


def add_defaults(mapping: dict[str, Any], request: dict[str, Any]) -> None:
    """Lambda's defaults; the mapping has its UUID already."""
    mapping |= {
        "BatchSize": 100,
        "MaximumBatchingWindowInSeconds": 0,
        "DestinationConfig": {"OnFailure": {}},
        "StateTransitionReason": "USER_INITIATED",
        "LastProcessingResult": "No records processed",
    }
    if request.get("ProvisionedPollerConfig") is not None:
        mapping |= {
            "ProvisionedPollerConfig": {"MinimumPollers": 1, "MaximumPollers": 200},
            "BisectBatchOnFunctionError": False,
            "MaximumRetryAttempts": -1,
            "MaximumRecordAgeInSeconds": -1,
            "FunctionResponseTypes": [],
        }
    kind = "SelfManagedKafka" if request.get("SelfManagedEventSource") else "AmazonManagedKafka"
    mapping[f"{kind}EventSourceConfig"] = {"ConsumerGroupId": mapping["UUID"]}


def passive_poller() -> type[Any]:
    """A poller that polls nothing. Made when it is needed: importing the emulator's Lambda takes seconds."""
    base = emulator.module("services.lambda_.event_source_mapping.pollers.poller").Poller

    class PassivePoller(base):  # type: ignore[misc, valid-type]
        def __init__(self, arn: str | None = None, client: Any = None, processor: Any = None, **_: Any) -> None:
            super().__init__(source_arn=arn or None, source_client=client, processor=processor)

        def event_source(self) -> str:
            return "aws:kafka"

        def poll_events(self) -> None:
            """The trigger does."""

    return PassivePoller


@functools.cache
def patch_provider() -> None:
    """What no hook of the emulators reaches. They ask for the executor more than once; this is done once."""
    provider = emulator.module("services.lambda_.provider").LambdaProvider
    worker = emulator.module("services.lambda_.event_source_mapping.esm_worker").EsmWorker
    refusal = emulator.module("aws.api.lambda_").InvalidParameterValueException
    create, update, delete = (
        provider.create_event_source_mapping_v2,
        provider.update_event_source_mapping_v2,
        worker.delete,
    )

    # LocalEmu swallows what a hook raises.
    def create_if_valid(self: Any, context: Any, request: dict[str, Any]) -> Any:
        if is_kafka(request) and (reason := problem(request)):
            raise refusal(reason, Type="User")
        return create(self, context, request)

    # An update has a new worker, and the old one may write its last state, Disabled, over the new one's.
    def update_with_its_own_state(self: Any, context: Any, request: dict[str, Any]) -> Any:
        old = self.esm_workers.get(request.get("UUID"))
        answer = update(self, context, request)
        if old and is_kafka(old.esm_config):
            if old._poller_thread:
                old._poller_thread.join(STOP_SECS)
            new = self.esm_workers[request["UUID"]]
            new.update_esm_state_in_store(new.current_state)
        return answer

    # Both emulators leave a disabled mapping in the state Deleting for ever.
    def delete_also_if_disabled(self: Any) -> None:
        delete(self)
        if self._poller_thread is None or not self._poller_thread.is_alive():
            self.delete_esm_in_store()

    provider.create_event_source_mapping_v2 = create_if_valid
    provider.update_event_source_mapping_v2 = update_with_its_own_state
    worker.delete = delete_also_if_disabled
