"""What the emulator loads when it starts: see the entry points in `pyproject.toml`.

Imports little, because the emulator does it before it answers.
"""

import os
from typing import Any

from local_cloud import emulator, kafka_mappings, loopback

_hooks = emulator.module("services.lambda_.hooks")
_RuntimeExecutorPlugin: Any = emulator.module("services.lambda_.invocation.plugins").RuntimeExecutorPlugin
_runtime_hooks = emulator.module("runtime.hooks")


class ProcessExecutorPlugin(_RuntimeExecutorPlugin):
    """Chosen by LAMBDA_RUNTIME_EXECUTOR=process."""

    name = "process"

    def load(self, *args: Any, **kwargs: Any) -> type[Any]:
        from local_cloud.lambda_executor import ProcessExecutor

        kafka_mappings.patch_provider()
        return ProcessExecutor


@_hooks.create_event_source_poller()
def kafka_poller(holder: Any, service: str, mapping: dict[str, Any]) -> None:
    if kafka_mappings.is_kafka(mapping):
        holder.create_poller_fn = kafka_mappings.passive_poller()


@_hooks.set_event_source_config_defaults()
def kafka_defaults(mapping: dict[str, Any], request: dict[str, Any], service: str) -> None:
    if kafka_mappings.is_kafka(request):
        kafka_mappings.add_defaults(mapping, request)


@_runtime_hooks.on_infra_start()
def bind_to_loopback() -> None:
    loopback.bind()


@_runtime_hooks.on_infra_start()
def complete_rights() -> None:
    from local_cloud import rights

    rights.complete()


@_runtime_hooks.on_infra_start()
def mend_services() -> None:
    from local_cloud import kinesis, schedules, step_functions, tags

    kinesis.remember_hashes()
    step_functions.add_emr()
    step_functions.mend_jsonata()
    tags.keep()
    if os.environ.get("LOCAL_CLOUD_SCHEDULES", "1") == "1":
        schedules.start()
