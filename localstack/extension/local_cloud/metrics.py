"""A function's log becomes metrics, as CloudWatch Logs does with the embedded metric format (EMF). Knows no emulator.

In goes the log of an invocation, out come arguments of PutMetricData. A line that is not EMF says nothing.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

# A namespace and its data, as PutMetricData takes them.
MetricData = tuple[str, list[dict[str, Any]]]


def of_log(log: str, function: str) -> Iterator[MetricData]:
    """The metrics that a log holds, and those that Lambda itself makes of it."""
    yield from embedded(log)
    yield from duration(log, function)


def embedded(log: str) -> Iterator[MetricData]:
    for line in log.splitlines():
        start = line.find("{")
        if 0 <= start and '"CloudWatchMetrics"' in line:
            yield from _of_line(line[start:])


def duration(log: str, function: str) -> Iterator[MetricData]:
    """`AWS/Lambda Duration`: the emulators themselves put only Invocations and Errors."""
    if found := re.search(r"REPORT RequestId: \S+\tDuration: ([0-9.]+) ms", log):
        dimensions = [{"Name": "FunctionName", "Value": function}]
        datum = {"MetricName": "Duration", "Unit": "Milliseconds", "Value": float(found[1]), "Dimensions": dimensions}
        yield "AWS/Lambda", [datum]


def _of_line(line: str) -> Iterator[MetricData]:
    try:
        document = json.loads(line)
        timestamp, directives = document["_aws"]["Timestamp"] / 1000, document["_aws"]["CloudWatchMetrics"]
        for directive in directives:
            data = list(_data(document, directive, timestamp))
            if data:
                yield directive["Namespace"], data
    except (AttributeError, KeyError, TypeError, ValueError):
        return


def _data(document: dict[str, Any], directive: dict[str, Any], timestamp: float) -> Iterator[dict[str, Any]]:
    for names in directive.get("Dimensions") or [[]]:
        dimensions = [{"Name": name, "Value": str(document[name])} for name in names if name in document]
        for metric in directive.get("Metrics", []):
            if values := _numbers(document.get(metric["Name"])):
                yield {
                    "MetricName": metric["Name"],
                    "Unit": metric.get("Unit", "None"),
                    "Values": values,
                    "Counts": [1.0] * len(values),
                    "Timestamp": timestamp,
                    "StorageResolution": metric.get("StorageResolution", 60),
                    "Dimensions": dimensions,
                }


def _numbers(value: object) -> list[float]:
    values = value if isinstance(value, list) else [value]
    return [number for number in values if isinstance(number, int | float) and not isinstance(number, bool)]
