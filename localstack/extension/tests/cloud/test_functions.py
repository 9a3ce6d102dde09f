"""Lambda functions as processes, as their callers and their operators see them."""

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud.conftest import Cloud, Deploy, until


def invoke(cloud: Cloud, function: str, event: object = None) -> tuple[Any, str | None]:
    answer = cloud.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())
    return json.loads(answer["Payload"].read()), answer.get("FunctionError")


def test_a_function_answers_with_its_own_variables(cloud: Cloud, deploy: Deploy) -> None:
    script = "def handle(event): return {'event': event, 'color': os.environ['COLOR']}"
    function = deploy(script, Environment={"Variables": {"COLOR": "red"}})
    assert invoke(cloud, function, {"a": 1}) == ({"event": {"a": 1}, "color": "red"}, None)


def test_an_error_of_the_function_is_its_own(cloud: Cloud, deploy: Deploy) -> None:
    function = deploy("def handle(event): raise ValueError('wrong')")
    assert invoke(cloud, function) == ({"errorType": "ValueError", "errorMessage": "wrong"}, "Unhandled")


def test_a_function_that_takes_too_long_is_ended(cloud: Cloud, deploy: Deploy) -> None:
    function = deploy("import time\ndef handle(event): time.sleep(60)", Timeout=1)
    answer, error = invoke(cloud, function)
    assert error == "Unhandled"
    assert "Task timed out after 1.00 seconds" in answer["errorMessage"]


def test_a_killed_function_fails_its_invocation_and_no_other(cloud: Cloud, deploy: Deploy) -> None:
    function = deploy("def handle(event): return os.kill(os.getpid(), 9) if event else 'fine'")
    answer, error = invoke(cloud, function, 1)
    assert (answer["errorType"], error) == ("Runtime.ExitError", "Unhandled")
    assert invoke(cloud, function, 0) == ("fine", None)


def test_reserved_concurrency_refuses_a_second_invocation(cloud: Cloud, deploy: Deploy) -> None:
    function = deploy("def handle(event): return 'fine'")
    cloud.client("lambda").put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError, match="TooManyRequests"):
        invoke(cloud, function)


def test_what_it_writes_goes_to_its_log_group(cloud: Cloud, deploy: Deploy) -> None:
    function = deploy("def handle(event): print('hello of mine', flush=True)")
    invoke(cloud, function)
    logs = cloud.client("logs")

    def lines() -> list[str] | None:
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return None
        found = [event["message"].strip() for event in events]
        return found if any(line.startswith("REPORT") for line in found) else None

    assert "hello of mine" in until(lines)


def test_lines_in_the_embedded_metric_format_become_metrics(cloud: Cloud, deploy: Deploy) -> None:
    script = """import time
def handle(event):
    directive = {"Namespace": "Test", "Dimensions": [["dataset"]], "Metrics": [{"Name": "landed", "Unit": "Count"}]}
    head = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
    print(json.dumps({"_aws": head, "dataset": "iot", "landed": 7}), flush=True)"""
    invoke(cloud, deploy(script))
    dimensions = [{"Name": "dataset", "Value": "iot"}]

    def total() -> float | None:
        now = time.time()
        data = cloud.client("cloudwatch").get_metric_statistics(
            Namespace="Test",
            MetricName="landed",
            Dimensions=dimensions,
            StartTime=now - 600,
            EndTime=now + 600,
            Period=3600,
            Statistics=["Sum"],
        )
        return sum(point["Sum"] for point in data["Datapoints"]) or None

    assert until(total) == 7
