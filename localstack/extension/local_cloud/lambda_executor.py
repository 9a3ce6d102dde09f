"""Lets the emulator run a function's zip as a process of this machine, instead of in Docker."""

import logging
import os
import threading
from pathlib import Path
from typing import Any

from local_cloud import emulator, metrics
from local_cloud.environment import Environment, StartError
from local_cloud.runtime_api import Invocation

LOG = logging.getLogger(__name__)

_models = emulator.module("services.lambda_.invocation.lambda_models")
_RuntimeExecutor: Any = emulator.module("services.lambda_.invocation.runtime_executor").RuntimeExecutor


class ProcessExecutor(_RuntimeExecutor):
    """One execution environment of a version; the emulator decides how many there are, and when one ends."""

    def __init__(self, id: str, function_version: Any) -> None:
        super().__init__(id, function_version)
        self._environment: Environment | None = None

    def start(self, env_vars: dict[str, Any]) -> None:
        function, version = self.function_version.config, self.function_version.id.qualifier
        code = Path(function.code.get_unzipped_code_location())
        variables = {name: str(value) for name, value in env_vars.items()}
        if endpoint := os.environ.get("LOCAL_CLOUD_FUNCTION_ENDPOINT"):
            variables["AWS_ENDPOINT_URL"] = endpoint
        self._environment = Environment(code, variables, function.memory_size, version)
        try:
            self._environment.start()
        except StartError as reason:
            # Each invocation reports it to its caller.
            LOG.warning("%s", reason)

    def stop(self) -> None:
        if self._environment:
            self._environment.stop()

    # LocalEmu passes the function's time-out, too.
    def invoke(self, payload: dict[str, Any], function_timeout: object = None) -> Any:
        assert self._environment, "the emulator starts an environment before it invokes"
        event = payload["payload"]
        answer = self._environment.invoke(
            Invocation(
                request_id=payload["invoke-id"],
                function_arn=payload["invoked-function-arn"],
                event=event.encode() if isinstance(event, str) else event,
                trace_id=payload.get("trace-id", ""),
                timeout_secs=float(self.function_version.config.timeout),
            )
        )
        # The caller need not wait for its metrics.
        threading.Thread(target=self._put_metrics, args=(answer.log,), daemon=True).start()
        return _models.InvocationResult(payload["invoke-id"], answer.payload, is_error=answer.is_error, logs=answer.log)

    def get_logs(self) -> str:
        return self._environment.take_output() if self._environment else ""

    def get_address(self) -> str:
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        return emulator.endpoint()

    @classmethod
    def prepare_version(cls, function_version: Any) -> None:
        if function_version.config.code:
            function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: Any) -> None:
        """The emulator removes the code; there is nothing else."""

    def _put_metrics(self, log: str) -> None:
        id = self.function_version.id
        try:
            cloudwatch = emulator.client("cloudwatch", id.account, id.region)
            for namespace, data in metrics.of_log(log, id.function_name):
                cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)
        except Exception as error:  # whatever boto3 raises, the function has done its work
            LOG.warning("metrics of %s are not stored: %s", id.function_name, error)
