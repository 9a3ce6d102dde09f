"""Step Functions' own integrations with EMR and EMR Serverless, which LocalStack core lacks.

`emr-serverless:startJobRun` and its like, and `elasticmapreduce:{addStep,cancelStep,createCluster,terminateCluster}`,
each also with `.sync`, which waits for the end.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from local_cloud import emulator

_ASL = "services.stepfunctions.asl"
_TASK = f"{_ASL}.component.state.state_execution.state_task"

# What a waiting state machine hears when it looks: done, failed or busy, and the answer.
Look = tuple[str, Any]


def add_emr() -> None:
    factory = emulator.module(f"{_TASK}.state_task_factory")
    others = factory.state_task_service_for
    own = dict(zip(("emr-serverless", "elasticmapreduce"), _services(), strict=True))
    factory.state_task_service_for = lambda service_name: (
        own[service_name]() if service_name in own else others(service_name)
    )


def mend_jsonata() -> None:
    """Its fork has no JSONata."""
    if emulator.NAME == "localstack":
        _take_the_java_that_is_here()
        for user in ("eval.variable_store", "eval.states"):
            emulator.module(f"{_ASL}.{user}").encode_jsonata_variable_declarations = declarations


def _take_the_java_that_is_here() -> None:
    """A library in Java evaluates JSONata, and the emulator would fetch a Java of its own from outside registries."""
    if java := shutil.which("java"):
        home = os.environ.get("JAVA_HOME") or str(Path(java).resolve().parents[1])
        installer = emulator.module("services.stepfunctions.packages").JSONataPackageInstaller
        installer._prepare_installation = lambda *_: None
        installer.get_java_home = lambda *_: home


def declarations(bindings: dict[str, Any]) -> str:
    """What stands before an expression. The emulator's own does not escape strings, so that a quote in one ended it."""
    return "".join(f"{name}:={json.dumps(value, default=str)};" for name, value in bindings.items())


def _services() -> tuple[type[Any], type[Any]]:
    """The classes are made when they are needed, because their base belongs to the emulator and is slow to import."""
    base = _waiting_service()

    class Serverless(base):  # type: ignore[misc, valid-type]
        boto, prefix = "emr-serverless", "EmrServerless"

        def call(self, client: Any, parameters: dict[str, Any]) -> Any:
            return getattr(client, self._get_boto_service_action())(**parameters)

        def look(self, client: Any, parameters: dict[str, Any], started: dict[str, Any]) -> Look:
            return look_at_serverless(client, self._get_boto_service_action(), parameters, started)

    class Emr(base):  # type: ignore[misc, valid-type]
        boto, prefix = "emr", "ElasticMapReduce"

        def _normalise_parameters(self, *_: Any, **__: Any) -> None:
            """The API has PascalCase names, as the state machine's language."""

        _normalise_response = _normalise_parameters

        def call(self, client: Any, parameters: dict[str, Any]) -> Any:
            return call_emr(client, self.resource.api_action, parameters)

        def look(self, client: Any, parameters: dict[str, Any], started: dict[str, Any]) -> Look:
            return look_at_emr(client, self.resource.api_action, parameters, started)

    return Serverless, Emr


def look_at_serverless(client: Any, action: str, parameters: dict[str, Any], started: dict[str, Any]) -> Look:
    application = started.get("ApplicationId") or started.get("applicationId") or parameters.get("applicationId")
    if action == "start_job_run":
        id = started.get("JobRunId") or started.get("jobRunId")
        run = client.get_job_run(applicationId=application, jobRunId=id)["jobRun"]
        return _progress(run["state"], done=("SUCCESS",), failed=("FAILED", "CANCELLED")), pascal_case(run)
    shown = client.get_application(applicationId=application)["application"]
    awaited = {
        "create_application": "CREATED",
        "start_application": "STARTED",
        "stop_application": "STOPPED",
        "delete_application": "TERMINATED",
    }
    return _progress(shown["state"], done=(awaited[action],)), pascal_case(shown)


def call_emr(client: Any, action: str, parameters: dict[str, Any]) -> Any:
    match action:
        case "addStep":
            role = {name: value for name, value in parameters.items() if name == "ExecutionRoleArn" and value}
            steps = [parameters["Step"]]
            added = client.add_job_flow_steps(JobFlowId=parameters["ClusterId"], Steps=steps, **role)
            return {"StepId": added["StepIds"][0]}
        case "createCluster":
            made = client.run_job_flow(**parameters)
            return {"ClusterId": made["JobFlowId"], "ClusterArn": made["ClusterArn"]}
        case "terminateCluster":
            return client.terminate_job_flows(JobFlowIds=[parameters["ClusterId"]])
        case "cancelStep":
            answer = client.cancel_steps(ClusterId=parameters["ClusterId"], StepIds=[parameters["StepId"]])
            return answer["CancelStepsInfoList"][0]
        case other:
            raise RuntimeError(f"elasticmapreduce:{other} is not there")


def look_at_emr(client: Any, action: str, parameters: dict[str, Any], started: dict[str, Any]) -> Look:
    if action == "addStep":
        step = client.describe_step(ClusterId=parameters["ClusterId"], StepId=started["StepId"])["Step"]
        failed = ("FAILED", "CANCELLED", "INTERRUPTED")
        return _progress(step["Status"]["State"], done=("COMPLETED",), failed=failed), {"Step": step}
    id = started.get("ClusterId") or parameters["ClusterId"]
    cluster = client.describe_cluster(ClusterId=id)["Cluster"]
    state, ended = cluster["Status"]["State"], ("TERMINATED", "TERMINATED_WITH_ERRORS")
    if action == "createCluster":
        answer = {"ClusterId": cluster["Id"], "ClusterArn": cluster.get("ClusterArn"), "Cluster": cluster}
        return _progress(state, done=("WAITING", "RUNNING"), failed=(*ended, "TERMINATING")), answer
    return _progress(state, done=ended), {"Cluster": cluster}


def pascal_case(value: Any) -> Any:
    if isinstance(value, dict):
        return {name[:1].upper() + name[1:]: pascal_case(inner) for name, inner in value.items()}
    return [pascal_case(inner) for inner in value] if isinstance(value, list) else value


def _progress(state: str, done: tuple[str, ...], failed: tuple[str, ...] = ()) -> str:
    return "done" if state in done else "failed" if state in failed else "busy"


def _waiting_service() -> type[Any]:
    """A service whose call may be waited for: it looks at what it started until that has ended."""
    from botocore.exceptions import ClientError

    api = emulator.module("aws.api.stepfunctions")
    errors = f"{_ASL}.component.common.error_name"
    custom_error = emulator.module(f"{errors}.custom_error_name").CustomErrorName
    failure_event = emulator.module(f"{errors}.failure_event")
    states_error = emulator.module(f"{errors}.states_error_name").StatesErrorName
    states_error_type = emulator.module(f"{errors}.states_error_name_type").StatesErrorNameType
    event_details = emulator.module(f"{_ASL}.eval.event.event_detail").EventDetails
    boto_client_for = emulator.module(f"{_ASL}.utils.boto_client").boto_client_for
    to_json_str = emulator.module(f"{_ASL}.utils.encoding").to_json_str
    callback = emulator.module(f"{_TASK}.service.state_task_service_callback").StateTaskServiceCallback
    condition = emulator.module(f"{_TASK}.service.resource").ResourceCondition

    class WaitingService(callback):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            # With task tokens, which these do not have, a second try would find the first one's ended.
            super().__init__(supported_integration_patterns={condition.Sync})

        def _validate_service_integration_is_supported(self) -> None:
            """The emulator has a list, and these are not on it."""

        def _eval_service_task(
            self, env: Any, resource_runtime_part: Any, normalised_parameters: dict[str, Any], state_credentials: Any
        ) -> None:
            answer = self.call(self._client(resource_runtime_part, state_credentials), normalised_parameters)
            answer.pop("ResponseMetadata", None)
            env.stack.append(answer)

        def _build_sync_resolver(
            self, env: Any, resource_runtime_part: Any, normalised_parameters: dict[str, Any], state_credentials: Any
        ) -> Any:
            started, client = env.stack.pop(), self._client(resource_runtime_part, state_credentials)

            def resolve() -> Any:
                progress, answer = self.look(client, normalised_parameters, started)
                if progress == "failed":
                    error = states_error(typ=states_error_type.StatesTaskFailed)
                    raise failure_event.FailureEventException(self._failed(env, error, to_json_str(answer)))
                return answer if progress == "done" else None

            return resolve

        def _from_error(self, env: Any, ex: Exception) -> Any:
            if not isinstance(ex, ClientError):
                return super()._from_error(env=env, ex=ex)
            reason = ex.response["Error"]
            return self._failed(env, custom_error(f"{self.prefix}.{reason['Code']}"), reason["Message"])

        def _failed(self, env: Any, error: Any, cause: str) -> Any:
            details = api.TaskFailedEventDetails(
                resource=self._get_sfn_resource(),
                resourceType=self._get_sfn_resource_type(),
                error=error.error_name,
                cause=cause,
            )
            return failure_event.FailureEvent(
                env=env,
                error_name=error,
                event_type=api.HistoryEventType.TaskFailed,
                event_details=event_details(taskFailedEventDetails=details),
            )

        def _client(self, part: Any, credentials: Any) -> Any:
            return boto_client_for(service=self.boto, region=part.region, state_credentials=credentials)

    return WaitingService
