"""An alarm goes off and people hear of it: CloudWatch, SNS and the real `notify`, with a Slack of our own."""

import io
import json
import os
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.cloud.conftest import Cloud, until

NOTIFY = Path(os.environ["BINARIES"]) / "notify"
ROLE = "arn:aws:iam::000000000000:role/r"


@dataclass
class Slack:
    """Answers as an incoming webhook of Slack's does, after the statuses that it is told."""

    texts: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    url: str = ""

    def answer(self, text: str) -> int:
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 200:
            self.texts.append(text)
        return status

    def text(self, beginning: str) -> str:
        """The first message that begins like this, once there is one."""
        return until(lambda: next((text for text in self.texts if text.startswith(beginning)), None))


@pytest.fixture
def slack() -> Iterator[Slack]:
    slack = Slack()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(slack.answer(body["text"]))
            self.send_header("Retry-After", "1")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: pytest shows what failed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    slack.url = f"http://127.0.0.1:{server.server_address[1]}/services/T0/B0/hush"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield slack
    server.shutdown()


@pytest.fixture
def topic(cloud: Cloud, slack: Slack) -> Iterator[str]:
    """A topic that `notify` listens to, which finds the address of its Slack in Parameter Store."""
    lambda_, sns, ssm = cloud.client("lambda"), cloud.client("sns"), cloud.client("ssm")
    ssm.put_parameter(Name="/penstock/slack", Type="SecureString", Value=slack.url, Overwrite=True)
    lambda_.create_function(
        FunctionName="notify",
        Runtime="provided.al2023",
        Handler="bootstrap",
        Role=ROLE,
        Timeout=60,
        Code={"ZipFile": archive(NOTIFY)},
        Environment={"Variables": {"PENSTOCK_NOTIFY_SLACK": "ssm:/penstock/slack"}},
    )
    lambda_.get_waiter("function_active_v2").wait(FunctionName="notify", WaiterConfig={"Delay": 1})
    arn = lambda_.get_function(FunctionName="notify")["Configuration"]["FunctionArn"]
    topic: str = sns.create_topic(Name="alarms")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    yield topic
    sns.delete_topic(TopicArn=topic)
    lambda_.delete_function(FunctionName="notify")


def archive(binary: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, binary.read_bytes())
    return buffer.getvalue()


def test_an_alarm_and_its_end_reach_slack(cloud: Cloud, slack: Slack, topic: str) -> None:
    # Slack is busy at first.
    slack.statuses = [429, 500]
    cloudwatch = cloud.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="cuts-behind",
        AlarmDescription="Refine is slower than events come.\nRunbook: https://example.org/runbook#refine-stops",
        Namespace="Penstock",
        MetricName="CutsBehind",
        Statistic="Maximum",
        Dimensions=[{"Name": "dataset", "Value": "iot"}],
        Period=10,
        EvaluationPeriods=1,
        Threshold=2,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
        AlarmActions=[topic],
        OKActions=[topic],
    )
    try:
        put(cloudwatch, 7)
        alarm = slack.text("*🔴 ALARM: cuts-behind*")
        assert "\nRefine is slower than events come.\nSince 20" in alarm
        # The emulator's reason has no value in it, and then the reason stands as it came.
        threshold = "Threshold &gt; 2: maximum of Penstock CutsBehind of dataset iot, over 10 s."
        assert f"\nThreshold Crossed\n{threshold}\n" in alarm
        assert "<https://example.org/runbook#refine-stops|Runbook>" in alarm
        # No more data is no more alarm.
        slack.text("*🟢 OK: cuts-behind*\nIt is over; it was in alarm for")
    finally:
        cloudwatch.delete_alarms(AlarmNames=["cuts-behind"])


def put(cloudwatch: Any, value: float) -> None:
    data = {"MetricName": "CutsBehind", "Dimensions": [{"Name": "dataset", "Value": "iot"}], "Value": value}
    cloudwatch.put_metric_data(Namespace="Penstock", MetricData=[data])


def test_what_is_no_alarm_arrives_as_it_came(cloud: Cloud, slack: Slack, topic: str) -> None:
    cloud.client("sns").publish(TopicArn=topic, Subject="Disk", Message="<90 % & more>")
    assert slack.text("*Disk*").endswith("\n&lt;90 % &amp; more&gt;")


def test_a_secret_that_is_missing_is_named(cloud: Cloud, topic: str) -> None:
    cloud.client("ssm").delete_parameter(Name="/penstock/slack")
    answer = cloud.client("lambda").invoke(FunctionName="notify", Payload=b'{"Records": []}')
    assert answer["FunctionError"] == "Unhandled"
    message = json.loads(answer["Payload"].read())["errorMessage"]
    assert "Slack (PENSTOCK_NOTIFY_SLACK): the secret ssm:/penstock/slack cannot be read" in message
    assert "ParameterNotFound" in message
