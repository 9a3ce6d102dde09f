"""The question of emr/p95.sql, and its answer in plain Python: the oracle for all others."""

import math
import statistics
from dataclasses import astuple, dataclass
from pathlib import Path

from table import Table

SQL = (Path(__file__).parents[2] / "emr/p95.sql").read_text()


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

    def is_close_to(self, other: "Answer") -> bool:
        # Readers add in other orders, and one rounds the weight of the interpolation to a millionth.
        alike = lambda a, b: math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-9) if isinstance(a, float) else a == b
        return all(map(alike, astuple(self), astuple(other)))


def answer(silver: Table) -> list[Answer]:
    """Silver holds each event once, so that nothing is left to deduplicate."""
    groups: dict[tuple[str, str], list[float]] = {}
    names = ["event_date", "device_type", "event_duration"]
    for date, kind, value in zip(*(silver.columns[name] for name in names), strict=True):
        groups.setdefault((date, kind), []).append(value)
    by_bytes = sorted(groups.items(), key=lambda group: (group[0][0], group[0][1].encode()))
    return [answer_group(*group, values) for group, values in by_bytes if 500 <= len(values)]


def answer_group(date: str, kind: str, values: list[float]) -> Answer:
    mean, stddev = statistics.fmean(values), statistics.stdev(values)
    slack = 1e-9 * (abs(mean) + 3 * stddev)
    lower, upper = mean - 3 * stddev - slack, mean + 3 * stddev + slack
    used = sorted(value for value in values if lower <= value <= upper)
    p95 = percentile(used, 0.95)
    return Answer(date, kind, p95, mean, stddev, lower, upper, len(values), len(values) - len(used), len(used))


def percentile(values: list[float], share: float) -> float:
    position = (len(values) - 1) * share
    low, high = values[math.floor(position)], values[math.ceil(position)]
    return low + (high - low) * (position - math.floor(position))
