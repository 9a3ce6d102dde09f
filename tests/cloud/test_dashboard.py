"""The dashboard and the alarms that Terraform made, on an emulator: no widget is empty, and alarms fire that can.

Real functions make the metrics, of good, bad, late, repeated and failing traffic: lines of their logs become metrics in
the emulator. The tests build on each other and run in the order of this file.
"""

import base64
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from calls import Call
from cloud import ALIAS, PATIENCE_SECS, REPOSITORY, Cloud, running_cloud, until
from lake import report_of
from proxy import Answer, Fault
from sources import send_to_kafka, send_to_kinesis

DASHBOARDS = REPOSITORY / "dashboards"
INGEST, INGEST_KINESIS, REFINE = "penstock-ingest-kafka", "penstock-ingest-kinesis", "penstock-refine"

ALARMS = {
    # What nobody could be told has a queue, and that an alarm.
    "channels": {"slack": "ssm:/penstock/slack"},
    # All alarms are there; too few events come for one, and too many for another.
    "thresholds": {"events-too-few": 1_000_000, "events-too-many": 1, "cost": 100},
}

# Refine was never called, and no event has come.
FIRE_AT_FIRST = {"events-too-few", "refine-silent"}

EVENTS = 20_000

# Longer than the test takes.
PERIOD = timedelta(hours=3)

# Longer than the emulator takes for some alarms; to put one again would end its evaluation.
EVALUATION_SECS = 15

# A topic of which every record is made here, and what happens to its partitions.
TOPIC = "by-hand"
REPEATED, HOLED, OLD, BROKEN = range(4)
# The same whenever a record is made, or it would be another record.
BORN_SECS = int(time.time())


@dataclass(frozen=True, order=True)
class Asked:
    """What a widget or an alarm asks CloudWatch for."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str


@pytest.fixture(scope="module")
def cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    settings = {"TF_VAR_alarms": json.dumps(ALARMS), "TF_VAR_shards": "1", "LAMBDA_RETRY_BASE_DELAY": "1"}
    with running_cloud(request.session, "dashboard", **settings) as cloud:
        cloud.run(REPOSITORY / "localstack" / "kafka.sh", "topic", "events", "3")
        yield cloud


def test_alarms_fire_on_silence(cloud: Cloud) -> None:
    until("alarms fire", lambda: all(is_firing(cloud, name) for name in FIRE_AT_FIRST))


def test_alarms_link_to_the_dashboard(cloud: Cloud) -> None:
    texts = [alarm["AlarmDescription"] for alarm in deployed_alarms(cloud)]
    assert texts
    assert all(text.endswith("#dashboards/dashboard/penstock") for text in texts), texts


def test_every_metric_is_in_the_registry_or_one_of_aws(cloud: Cloud) -> None:
    unknown = {one for one in asked(cloud) if one.name not in known_metrics().get(one.namespace, {})}
    assert unknown == set()


def test_no_widget_is_empty(cloud: Cloud, tmp_path: Path) -> None:
    flow(cloud, tmp_path)
    fail(cloud)
    fail_again(cloud)
    deadline = time.monotonic() + PATIENCE_SECS
    while found := missing(cloud):
        assert time.monotonic() < deadline, "\n".join(found)
        time.sleep(1)


def test_what_is_unproven_really_has_no_values(cloud: Cloud) -> None:
    unproven = {one for one in asked(cloud) if known_metrics()[one.namespace][one.name]}
    assert unproven
    assert {one for one in unproven if values(cloud, one)} == set()


@pytest.mark.parametrize("function", [INGEST, REFINE])
def test_a_log_has_the_stages_of_each_invocation(cloud: Cloud, function: str) -> None:
    """They are fields of the line and no metrics, because each would cost."""
    pages = cloud.client("logs").get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{function}")
    messages = [event["message"] for page in pages for event in page["events"]]
    lines = [json.loads(message) for message in messages if '"CloudWatchMetrics"' in message]
    assert any(line.get("ColdStarts") for line in lines)
    measured = [line for line in lines if line.get("StageDurationBy")]
    assert measured, lines[-1:]
    assert all(line["MemoryPeak"] > 0 and line["InvocationDuration"] > 0 for line in measured)


def test_the_share_of_rejects_is_what_its_alarm_computes(cloud: Cloud) -> None:
    """The emulator keeps an expression and does not evaluate it."""
    [alarm] = [alarm for alarm in deployed_alarms(cloud) if alarm.get("Metrics")]
    metrics = {one["Id"]: one for one in alarm["Metrics"]}
    assert metrics["expression"]["Expression"] == "IF(whole > 0, 100 * part / whole, 0)"
    part, whole = (sum(values(cloud, asked_of(metrics[which]["MetricStat"]))) for which in ("part", "whole"))
    # Every record by hand is rejected, and a thousandth of the others.
    assert 0 < 100 * part / whole < 100


def test_the_alarms_fire_that_the_readme_says(cloud: Cloud) -> None:
    """They are as Terraform made them: with their own thresholds, periods and numbers of periods."""
    readme = (DASHBOARDS / "README.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (seen firing|computed|only validated)", readme, re.MULTILINE))
    known = json.loads((REPOSITORY / "infra/modules/alarms/alarms.json").read_text())
    assert set(rows) == set(known)
    expected = {name for name, seen in rows.items() if seen == "seen firing"}
    assert expected >= FIRE_AT_FIRST
    waiting = expected - FIRE_AT_FIRST
    deadline = time.monotonic() + PATIENCE_SECS
    while waiting := {name for name in waiting if not is_firing(cloud, name)}:
        assert time.monotonic() < deadline, f"never fired: {sorted(waiting)}"
        fail_again(cloud)
        evaluate(cloud, waiting)
        time.sleep(EVALUATION_SECS)


def flow(cloud: Cloud, reports: Path) -> None:
    """Good, repeated, malformed and late events, from both sources."""
    sent = [send_to_kinesis(cloud, reports, 400, 1)]
    for seed in (2, 3):
        sent.append(send_to_kafka(cloud, reports, EVENTS, seed))
        until("all land", lambda: report_of(cloud).get("landed") == sum(part.sent for part in sent))
        until("refine takes everything", lambda: cloud.refine() == [])


def fail(cloud: Cloud) -> None:
    """What makes one batch fail, or hinders it, or breaks a chain for good."""
    for function in (INGEST, INGEST_KINESIS):
        assert is_failing(cloud, function, b'{"Records": 7}')
    for _ in range(2):
        # That the chain begins later than it could is a gap, which is declared.
        assert not is_failing(cloud, INGEST, record(REPEATED, 5))
    # S3 is busy; it never answers; it does what it was asked for, and the answer is lost.
    for offset, answer, takes_effect in (
        (6, Answer.SLOW_DOWN, False),
        (7, Answer.NOTHING, False),
        (8, Answer.CLOSED, True),
    ):
        cloud.proxy.add(Fault(creates_a_raw_object, answer, 1, takes_effect))
        assert not is_failing(cloud, INGEST, record(REPEATED, offset))
    assert not is_failing(cloud, INGEST, record(HOLED, 0))
    lose_a_raw_object(cloud)
    leave_a_letter(cloud)


def lose_a_raw_object(cloud: Cloud) -> None:
    """While refine may not run, the first of two that it has not taken yet."""
    lambda_, s3 = cloud.client("lambda"), cloud.client("s3")
    until("refine takes everything", lambda: cloud.refine() == [])
    lambda_.put_function_concurrency(FunctionName=REFINE, ReservedConcurrentExecutions=0)
    for offset in (0, 1):
        assert not is_failing(cloud, INGEST, record(BROKEN, offset))
    folder = f"lake/raw/iot/kafka/{TOPIC}@0/{BROKEN:05}/"
    first = s3.list_objects_v2(Bucket="penstock", Prefix=folder)["Contents"][0]["Key"]
    s3.delete_object(Bucket="penstock", Key=first)
    lambda_.put_function_concurrency(FunctionName=REFINE, ReservedConcurrentExecutions=1)


def leave_a_letter(cloud: Cloud) -> None:
    """The emulator asks for the destination of a version, never for an alias's, and so sends none itself."""
    sqs = cloud.client("sqs")
    [queue] = sqs.list_queues()["QueueUrls"]
    sqs.send_message(QueueUrl=queue, MessageBody="nobody could be told")


def fail_again(cloud: Cloud) -> None:
    """What has to last for minutes before anybody is told."""
    assert is_failing(cloud, INGEST, record(HOLED, 100))
    assert not is_failing(cloud, INGEST, record(OLD, 0, age_secs=3600))
    death = cloud.proxy.add(Fault(lambda call: call.function == REFINE, Answer.DEATH, 1))
    until("refine dies", lambda: is_failing(cloud, REFINE) or death.used_up.is_set())
    until("refine runs again", lambda: not is_failing(cloud, REFINE))


def record(partition: int, offset: int, age_secs: int = 0) -> bytes:
    """One that is no event, as a mapping of Kafka delivers it."""
    delivered = {
        "topic": TOPIC,
        "partition": partition,
        "offset": offset,
        "timestamp": (BORN_SECS - age_secs) * 1000,
        "timestampType": "CREATE_TIME",
        "value": base64.b64encode(b"no event").decode(),
        "headers": [],
    }
    event = {"eventSource": "SelfManagedKafka", "bootstrapServers": "b:9092"}
    return json.dumps({**event, "records": {f"{TOPIC}-{partition}": [delivered]}}).encode()


def creates_a_raw_object(call: Call) -> bool:
    return call.action == "s3:PutObject" and call.resource.startswith("arn:aws:s3:::penstock/lake/raw/")


def is_failing(cloud: Cloud, function: str, payload: bytes = b"{}") -> bool:
    """Whether an invocation fails that is made now, or as soon as no other one keeps it from being made."""
    lambda_ = cloud.client("lambda")

    def answer() -> Any:  # noqa: ANN401 - what boto3 answers
        try:
            return lambda_.invoke(FunctionName=f"{function}:{ALIAS}", Payload=payload)
        except lambda_.exceptions.TooManyRequestsException:
            return None

    return "FunctionError" in until(f"{function} answers", answer)


def known_metrics() -> dict[str, dict[str, str | None]]:
    """By namespace and name, why no value of it is seen here, or nothing."""
    known: dict[str, dict[str, str | None]] = json.loads((DASHBOARDS / "cloudwatch/metrics.json").read_text())
    return known


def asked(cloud: Cloud) -> set[Asked]:
    """By the widgets of the dashboard and by the alarms, as they were deployed."""
    body = json.loads(cloud.client("cloudwatch").get_dashboard(DashboardName="penstock")["DashboardBody"])
    found = set()
    for widget in body["widgets"]:
        for namespace, name, *pairs, options in widget["properties"].get("metrics", []):
            found.add(Asked(namespace, name, dimensions(zip(pairs[::2], pairs[1::2], strict=True)), options["stat"]))
    for alarm in deployed_alarms(cloud):
        queries = [one["MetricStat"] for one in alarm.get("Metrics", []) if "MetricStat" in one]
        found.update(map(asked_of, queries or [{"Metric": alarm, "Stat": alarm["Statistic"]}]))
    assert found
    return found


def asked_of(query: Any) -> Asked:  # noqa: ANN401 - what boto3 answers
    metric = query["Metric"]
    pairs = [(one["Name"], one["Value"]) for one in metric["Dimensions"]]
    return Asked(metric["Namespace"], metric["MetricName"], dimensions(pairs), query["Stat"])


def dimensions(pairs: Any) -> tuple[tuple[str, str], ...]:  # noqa: ANN401 - any pairs
    return tuple(sorted(pairs))


def values(cloud: Cloud, one: Asked) -> list[float]:
    """In one period, because the emulator takes its time for each; none is no value at all."""
    end = datetime.now(UTC) + timedelta(minutes=1)
    points = cloud.client("cloudwatch").get_metric_statistics(
        Namespace=one.namespace,
        MetricName=one.name,
        Dimensions=[{"Name": name, "Value": value} for name, value in one.dimensions],
        StartTime=end - PERIOD,
        EndTime=end,
        Period=int(PERIOD.total_seconds()),
        Statistics=[one.statistic],
    )["Datapoints"]
    return [point[one.statistic] for point in points]


def missing(cloud: Cloud) -> list[str]:
    """What has no values although it should; of what Penstock counts, also what never happened."""
    found = []
    for one in sorted(asked(cloud)):
        if known_metrics()[one.namespace][one.name] is None:
            seen = values(cloud, one)
            if not seen or (one.namespace == "Penstock" and one.statistic == "Sum" and not any(seen)):
                found.append(f"{one}: {seen}")
    return found


def deployed_alarms(cloud: Cloud) -> list[dict[str, Any]]:
    alarms: list[dict[str, Any]] = cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]
    return alarms


def evaluate(cloud: Cloud, names: set[str]) -> None:
    """The emulator looks at an alarm when it is put and again when all its periods are over, for which nobody waits."""
    cloudwatch = cloud.client("cloudwatch")
    accepted = cloudwatch.meta.service_model.operation_model("PutMetricAlarm").input_shape.members
    for alarm in deployed_alarms(cloud):
        if any(is_of(alarm, name) for name in names):
            cloudwatch.put_metric_alarm(**{name: value for name, value in alarm.items() if name in accepted})


def is_firing(cloud: Cloud, name: str) -> bool:
    return any(alarm["StateValue"] == "ALARM" for alarm in deployed_alarms(cloud) if is_of(alarm, name))


def is_of(alarm: dict[str, Any], name: str) -> bool:
    """An alarm on each of several things has their names behind its own."""
    return f"{alarm['AlarmName']}-".startswith(f"penstock-{name}-")
