"""The question answered in plain Python, without any engine and without a line of Penstock's.

Silver is read by pyarrow; everything else is computed here. Sums, means and deviations are exact fractions that are
rounded once (the module statistics does so), and so is the percentile. So this is the answer that the others
approach, each with the errors of its own way of adding up.
"""

import math
import statistics
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow.dataset
import pyarrow.parquet

# A step of a double, relative.
EPSILON = 2.0**-52


@dataclass(frozen=True)
class Event:
    event_date: str
    event_id: str
    device_type: str
    event_duration: float | None
    place: tuple[str, int, str, int]
    """Topic, partition, shard, and offset or sequence number: of one id the first counts."""


@dataclass(frozen=True)
class Answer:
    event_date: str
    device_type: str
    p95: float
    mean: float
    stddev: float
    lower: float
    upper: float
    distinct_events: int
    outliers: int
    used: int


@dataclass(frozen=True)
class Expected:
    """An answer, and how far others may lie from it."""

    answer: Answer
    sum_error: float
    """Of a mean or a deviation: adding n numbers one by one may lose n steps of their size."""
    neighbours: tuple[float, float]
    """The values between which the percentile lies; equal if it is one of them."""

    def differences(self, seen: Answer, weight_error: float) -> Iterator[str]:
        """What is wrong with an answer. `weight_error` is how coarsely an engine weighs the two neighbours."""
        low, high = self.neighbours
        rounding = 0.0 if low == high else 4 * EPSILON * max(abs(low), abs(high))
        # A position among n values that is a double has lost n steps of the fraction that weighs the neighbours.
        weight_error = max(weight_error, 2 * self.answer.used * EPSILON)
        allowed = {
            "p95": rounding + weight_error * (high - low),
            "mean": self.sum_error,
            "stddev": self.sum_error,
            "lower": 4 * self.sum_error,
            "upper": 4 * self.sum_error,
        }
        for name, value in vars(self.answer).items():
            other = getattr(seen, name)
            if value != other and not (name in allowed and abs(value - other) <= allowed[name]):
                yield f"{self.answer.event_date} {self.answer.device_type}: {name} is {other!r} instead of {value!r}"


def read_silver(folder: Path) -> list[Event]:
    table = pyarrow.dataset.dataset(folder, format="parquet", partitioning="hive").to_table()
    return [
        Event(
            str(row["event_date"]),
            row["event_id"],
            row["device_type"],
            row["event_duration"],
            _place(row),
        )
        for row in table.to_pylist()
    ]


def _place(row: dict[str, Any]) -> tuple[str, int, str, int]:
    if row["shard"] is None:
        return row["topic"], row["partition"], "", row["offset"]
    # Behind all partitions. A sequence number is text, and compares as a number.
    return row["topic"], sys.maxsize, row["shard"], int(row["sequence_number"])


def answer(events: Iterable[Event], min_events: int = 500, deviations: float = 3.0) -> list[Expected]:
    by_bytes = sorted(groups(events).items(), key=lambda group: (group[0][0], group[0][1].encode()))
    return [_answer(*key, values, deviations) for key, values in by_bytes if min_events <= len(values)]


def groups(events: Iterable[Event]) -> dict[tuple[str, str], list[float]]:
    """The values of the distinct events, by date and type."""
    values: dict[tuple[str, str], list[float]] = {}
    for event in _distinct(events):
        assert event.event_duration is not None
        values.setdefault((event.event_date, event.device_type), []).append(event.event_duration)
    return values


def _distinct(events: Iterable[Event]) -> Iterable[Event]:
    first: dict[tuple[str, str], Event] = {}
    for event in events:
        if event.event_duration is None:
            continue
        other = first.setdefault((event.event_date, event.event_id), event)
        if event.place < other.place:
            first[event.event_date, event.event_id] = event
        # Of different copies at one place, in two epochs of a topic, either would be right.
        assert event.place != other.place or vars(event) == vars(other), f"{event} and {other} are at one place"
    return first.values()


def _answer(date: str, kind: str, values: list[float], deviations: float) -> Expected:
    mean = statistics.mean(values)
    stddev = statistics.stdev(values) if 1 < len(values) else 0.0
    slack = 1e-9 * (abs(mean) + deviations * stddev)
    lower, upper = mean - deviations * stddev - slack, mean + deviations * stddev + slack
    used = sorted(value for value in values if lower <= value <= upper)
    p95, neighbours = _percentile(used)
    size = math.fsum(map(abs, values)) / len(values)
    return Expected(
        Answer(date, kind, p95, mean, stddev, lower, upper, len(values), len(values) - len(used), len(used)),
        sum_error=4 * len(values) * EPSILON * (size + stddev),
        neighbours=neighbours,
    )


def _percentile(values: list[float]) -> tuple[float, tuple[float, float]]:
    """Between neighbours in proportion, at 95 hundredths of the way from the first to the last."""
    position = Fraction(95, 100) * (len(values) - 1)
    index = math.floor(position)
    low, high = values[index], values[math.ceil(position)]
    return float(Fraction(low) + (Fraction(high) - Fraction(low)) * (position - index)), (low, high)
