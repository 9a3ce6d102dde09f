"""Which lines of a log are metrics, and which are not."""

import json
from typing import Any

import pytest

from local_cloud import metrics


def line(**changes: Any) -> str:
    document = {
        "_aws": {
            "Timestamp": 1_700_000_000_500,
            "CloudWatchMetrics": [
                {
                    "Namespace": "Penstock",
                    "Dimensions": [["dataset"]],
                    "Metrics": [{"Name": "landed", "Unit": "Count"}, {"Name": "absent"}],
                }
            ],
        },
        "dataset": "iot",
        "landed": 7,
    }
    return json.dumps(document | changes)


def test_a_line_of_emf_becomes_metrics() -> None:
    expect = {
        "MetricName": "landed",
        "Unit": "Count",
        "Values": [7],
        "Counts": [1.0],
        "Timestamp": 1_700_000_000.5,
        "StorageResolution": 60,
        "Dimensions": [{"Name": "dataset", "Value": "iot"}],
    }
    assert list(metrics.embedded(f"START\n{line()}\nEND")) == [("Penstock", [expect])]


def test_a_line_may_have_a_prefix_and_a_metric_several_values() -> None:
    [(_, [datum])] = metrics.embedded("2026-11-21 INFO " + line(landed=[1, 2, 2.5]))
    assert (datum["Values"], datum["Counts"]) == ([1, 2, 2.5], [1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    "log",
    [
        "",
        "hello",
        '{"CloudWatchMetrics"',
        '"CloudWatchMetrics" {}',
        '{"_aws": {"CloudWatchMetrics": 7}}',
        '{"_aws": {"CloudWatchMetrics": [7], "Timestamp": 1}}',
        '["CloudWatchMetrics", {"a": 1}]',
        line(landed="seven"),
        line(landed=True),
    ],
)
def test_what_is_no_emf_says_nothing(log: str) -> None:
    assert list(metrics.embedded(log)) == []


def test_the_report_line_is_the_duration() -> None:
    log = "REPORT RequestId: 1-2\tDuration: 12.50 ms\tBilled Duration: 13 ms"
    [(namespace, [datum])] = metrics.of_log(log, "ingest")
    assert (namespace, datum["MetricName"], datum["Value"]) == ("AWS/Lambda", "Duration", 12.5)
    assert datum["Dimensions"] == [{"Name": "FunctionName", "Value": "ingest"}]
