"""Spark, DataFusion, `penstock p95` and the oracle give one answer, in every cell.

Counts, dates and names are equal, and so is a percentile that is one of the values. Otherwise an engine may differ by
what its way of computing loses: Expected.differences in oracle.py says how much that is, and why.
"""

import csv
import json
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import lakes
import oracle
import pyarrow.parquet
import pytest
from conftest import Poured
from oracle import Answer

# DataFusion rounds the weight of the two neighbours of a percentile to a millionth.
DATAFUSION_WEIGHT_ERROR = 1e-6


@pytest.mark.parametrize("make", lakes.LAKES, ids=lambda make: make.__name__)
def test_four_ways_agree(
    make: lakes.Make, poured: Callable[[lakes.Make], Poured], ask: Callable[..., Path], binaries: Path
) -> None:
    made = poured(make)
    expected = oracle.answer(oracle.read_silver(made.lake / "silver/iot"))
    seen = {
        "Spark": (by_spark(ask(made.lake)), 0.0),
        "DataFusion": (by_datafusion(binaries, made), DATAFUSION_WEIGHT_ERROR),
        "penstock": (by_penstock(binaries, made), 0.0),
    }
    assert expected, "a lake without an answer compares nothing"
    differences = [
        f"{engine}: {difference}"
        for engine, (answers, weight_error) in seen.items()
        for difference in compare(expected, answers, weight_error)
    ]
    assert differences == []


def test_squares_that_are_no_doubles_are_out_of_reach(
    poured: Callable[[lakes.Make], Poured], ask: Callable[..., Path], binaries: Path
) -> None:
    """emr/p95.sql says what then happens: SQL has no row, and `penstock p95` keeps all of the largest values."""
    made = poured(lakes.squares_that_are_no_doubles)
    kinds = [expected.answer.device_type for expected in oracle.answer(oracle.read_silver(made.lake / "silver/iot"))]
    assert kinds == ["ordinary", "times 1e+200", "times 1e-200"]
    assert [answer.device_type for answer in by_spark(ask(made.lake))] == ["ordinary"]
    assert [answer.device_type for answer in by_datafusion(binaries, made)] == ["ordinary"]
    rows = json.loads(told(binaries / "penstock", "p95", "--json", "--lake", made.lake, "--dataset", made.dataset))[
        "rows"
    ]
    assert [(row["group"], row["outliers"]) for row in rows] == [("ordinary", 0), ("times 1e+200", 0)]


def test_the_lakes_have_what_they_are_for(poured: Callable[[lakes.Make], Poured]) -> None:
    """Else the comparison would prove less than it says."""

    def counts(make: lakes.Make) -> dict[str, tuple[int, int]]:
        answers = [one.answer for one in oracle.answer(oracle.read_silver(poured(make).lake / "silver/iot"))]
        return {f"{one.event_date} {one.device_type}": (one.distinct_events, one.outliers) for one in answers}

    around = counts(lakes.thresholds)
    assert [key for key in around if "just" in key or "lifted" in key] == ["2026-03-10 just 500", "2026-03-10 just 501"]
    assert counts(lakes.borders) == {
        "2026-03-10 500 with an outlier": (500, 1),
        "2026-03-10 above, inside": (601, 0),
        "2026-03-10 above, outside": (601, 1),
        "2026-03-10 below, inside": (601, 0),
        "2026-03-10 below, outside": (601, 1),
        "2026-03-10 one-sided": (709, 9),
        "2026-03-10 two-sided": (704, 4),
    }
    assert {outliers for _, outliers in counts(lakes.constants).values()} == {0}
    assert {key: distinct for key, (distinct, _) in counts(lakes.days).items()} == {
        "2026-03-09 after midnight": 650,
        "2026-03-09 before midnight": 500,
        "2026-03-10 after midnight": 501,
        "2026-03-10 before midnight": 576,
        "2026-03-10 zones": 500,
        "2026-03-12 after an empty day": 555,
    }
    assert counts(lakes.shards) == {
        "2026-03-10 copied": (600, 0),
        "2026-03-10 copied to others": (600, 0),
    }
    # Ten of the 300 were sent again, with a value, by then.
    assert counts(lakes.nulls) == {
        "2026-03-10 499 and nulls": (509, 0),
        "2026-03-10 500 and nulls": (500, 0),
    }


def compare(expected: list[oracle.Expected], seen: list[Answer], weight_error: float) -> Iterable[str]:
    keys = [(one.answer.event_date, one.answer.device_type) for one in expected]
    others = [(one.event_date, one.device_type) for one in seen]
    if keys != others:
        yield f"groups are {others} instead of {keys}"
    for one, other in zip(expected, seen, strict=False):
        yield from one.differences(other, weight_error)


def by_spark(report: Path) -> list[Answer]:
    """From the CSV file, which has the same cells as the Parquet file."""
    with (report / "p95.csv").open(newline="") as file:
        rows = [answer(row, "device_type", "p95_event_duration") for row in csv.DictReader(file)]
    table = pyarrow.parquet.read_table(report / "p95.parquet").to_pylist()
    assert [answer(row, "device_type", "p95_event_duration") for row in table] == rows
    return rows


def by_datafusion(binaries: Path, made: Poured) -> list[Answer]:
    rows = json.loads(told(binaries / "penstock-sql", "--json", "--lake", made.lake, "--dataset", made.dataset, "p95"))
    return [answer(row, "device_type", "p95_event_duration") for row in rows]


def by_penstock(binaries: Path, made: Poured) -> list[Answer]:
    said = told(binaries / "penstock", "p95", "--json", "--lake", made.lake, "--dataset", made.dataset)
    return [answer(row, "group", "p95") for row in json.loads(said)["rows"]]


def told(program: Path, *options: str | Path) -> bytes:
    return subprocess.run([program, *options], check=True, stdout=subprocess.PIPE).stdout


def answer(row: dict[str, Any], group: str, value: str) -> Answer:
    mean, stddev, lower, upper = (float(row[name]) for name in ("mean", "stddev", "lower", "upper"))
    distinct_events, outliers, used = (int(row[name]) for name in ("distinct_events", "outliers", "used"))
    numbers = (float(row[value]), mean, stddev, lower, upper)
    return Answer(str(row["event_date"]), row[group], *numbers, distinct_events, outliers, used)
