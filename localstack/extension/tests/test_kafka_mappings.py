"""What Lambda refuses of a Kafka mapping, and what it adds."""

from typing import Any

import pytest

from local_cloud import kafka_mappings

SELF_MANAGED: dict[str, Any] = {
    "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b:9092"]}},
    "Topics": ["events"],
    "StartingPosition": "TRIM_HORIZON",
}
MSK: dict[str, Any] = {"EventSourceArn": "arn:aws:kafka:us-east-1:000000000000:cluster/c/1", "Topics": ["events"]}
PROVISIONED: dict[str, Any] = {"ProvisionedPollerConfig": {"MinimumPollers": 2}}


@pytest.mark.parametrize(
    ("request_", "expect"),
    [
        (SELF_MANAGED, True),
        (MSK, True),
        ({"EventSourceArn": "arn:aws:kinesis:us-east-1:0:stream/s"}, False),
        ({}, False),
    ],
)
def test_knows_a_kafka_mapping(request_: dict[str, Any], expect: bool) -> None:
    assert kafka_mappings.is_kafka(request_) == expect


@pytest.mark.parametrize(
    ("changes", "expect"),
    [
        ({}, None),
        ({"Topics": []}, "topics"),
        ({"StartingPosition": None}, "startingPosition"),
        ({"StartingPosition": "NOW"}, "startingPosition"),
        ({"BisectBatchOnFunctionError": True}, "BisectBatchOnFunctionError"),
        ({"MaximumRetryAttempts": 3}, "ProvisionedPollerConfig"),
        ({"FunctionResponseTypes": ["ReportBatchItemFailures"]}, "FunctionResponseTypes"),
        ({"MaximumRetryAttempts": 3} | PROVISIONED, None),
    ],
)
def test_refuses_what_lambda_refuses(changes: dict[str, Any], expect: str | None) -> None:
    problem = kafka_mappings.problem(SELF_MANAGED | changes)
    assert problem is None if expect is None else problem and expect in problem


def defaults(request: dict[str, Any]) -> dict[str, Any]:
    mapping = {"UUID": "u"}
    kafka_mappings.add_defaults(mapping, request)
    return mapping


def test_adds_lambdas_defaults() -> None:
    self_managed, msk = defaults(SELF_MANAGED), defaults(MSK)
    assert self_managed["BatchSize"] == 100
    assert self_managed["SelfManagedKafkaEventSourceConfig"] == {"ConsumerGroupId": "u"}
    assert msk["AmazonManagedKafkaEventSourceConfig"] == {"ConsumerGroupId": "u"}
    assert "MaximumRetryAttempts" not in msk
    assert defaults(MSK | PROVISIONED)["MaximumRetryAttempts"] == -1
