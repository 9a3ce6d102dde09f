"""The tables as other readers see them, through their life: read, travel in time, compact, expire, go on, evolve.

The tests stand in the order of that life, and each leaves the tables equal to the plain files.
"""

import csv
import io
import math
from typing import Any

import pytest
from pyspark.sql import SparkSession
from tables import (
    NAMESPACE,
    TABLES,
    Published,
    Rows,
    by_duckdb,
    by_pyiceberg,
    by_spark,
    p95_by_duckdb,
    p95_by_spark,
    plain,
)

COLUMN = '[[columns]]\nname = "shade"\nfield_id = 190\ntype = "int"\n'


def check_all(published: Published, spark: SparkSession) -> None:
    for name in TABLES:
        expected = plain(published, name)
        assert len(expected) > 0
        for reader, found in (
            ("pyiceberg", by_pyiceberg(published, name)),
            ("DuckDB", by_duckdb(published, name)),
            ("Spark", by_spark(spark, name)),
        ):
            assert comparable(found, expected) == comparable(expected, expected), f"{name} by {reader}"


def comparable(found: Rows, expected: Rows) -> Rows:
    """Without columns that the expected rows lack: they must be null."""
    columns = expected[0].keys()
    assert all(value is None for row in found for name, value in row.items() if name not in columns)
    return [{name: as_bytes(row[name]) for name in columns} for row in found]


def as_bytes(value: Any) -> Any:
    return bytes(value) if isinstance(value, bytearray) else value


@pytest.mark.parametrize("name", TABLES)
def test_each_row_stands_once_for_every_reader(published: Published, spark: SparkSession, name: str) -> None:
    expected = plain(published, name)
    assert 1000 < len(expected)
    for found in (by_pyiceberg(published, name), by_duckdb(published, name), by_spark(spark, name)):
        assert comparable(found, expected) == expected


def test_the_answer_to_the_question_is_the_same(published: Published, spark: SparkSession) -> None:
    check_answer(p95_by_duckdb(published), published.p95())
    check_answer(p95_by_spark(spark), published.p95())


def check_answer(found: Rows, expected: str) -> None:
    rows = list(csv.DictReader(io.StringIO(expected)))
    assert 0 < len(rows) == len(found)
    for row, answer in zip(found, rows, strict=True):
        for name, text in answer.items():
            value = row[name]
            # Engines add in another order.
            same = math.isclose(value, float(text), rel_tol=1e-6) if isinstance(value, float) else str(value) == text
            assert same, f"{name}: {value} instead of {text}"


def test_a_condition_on_the_event_time_opens_the_files_of_its_days_alone(published: Published) -> None:
    table = published.table("silver")
    newest = max(row["event_time"] for row in by_pyiceberg(published, "silver"))
    files = {
        task.file.file_path for task in table.scan(row_filter=f"event_time >= '{newest.isoformat()}'").plan_files()
    }
    assert files
    assert all(f"event_time_day={newest.date()}" in path for path in files)


def test_a_query_as_of_an_earlier_snapshot_sees_the_cuts_until_then(published: Published, spark: SparkSession) -> None:
    table = published.table("silver")
    first = table.metadata.snapshots[0]
    assert first.summary is not None
    cut = int(str(first.summary["penstock.cut"]))
    expected = [row for number in range(1, cut + 1) for row in plain(published, "silver", f"*/{number:012}.parquet")]
    assert 0 < len(expected) < len(plain(published, "silver"))
    found = by_pyiceberg(published, "silver", first.snapshot_id)
    assert len(found) == len(expected)
    assert {row["event_id"] for row in found} == {row["event_id"] for row in expected}
    counted = f"SELECT count(*) FROM penstock.{NAMESPACE}.iot_silver VERSION AS OF {first.snapshot_id}"
    assert spark.sql(counted).collect()[0][0] == len(expected)


def test_after_compaction_and_expiry_rows_are_equal_and_publishing_goes_on(
    published: Published, spark: SparkSession
) -> None:
    before = {name: published.table(name).inspect.files().num_rows for name in TABLES}
    said = published.compact("--dataset", "iot", "--keep-hours", "0", "--min-files", "2")
    assert "penstock.iot_silver: " in said
    for name in TABLES:
        table = published.table(name)
        # The snapshots of the compaction say nothing of cuts, and those that did are gone.
        summaries = [snapshot.summary for snapshot in table.metadata.snapshots]
        assert summaries
        assert all(summary and "penstock.cut" not in summary.additional_properties for summary in summaries), said
        assert table.inspect.files().num_rows <= before[name]
    assert published.table("silver").inspect.files().num_rows < before["silver"]
    check_all(published, spark)
    assert all(table["cuts"] == [] for table in published.publish()["tables"])
    published.pour(events=3_000, seed=9)
    assert all(table["cuts"] for table in published.publish()["tables"])
    assert all(table["cuts"] == [] for table in published.publish()["tables"])
    check_all(published, spark)


def test_a_column_that_is_added_is_null_in_what_was_there(published: Published, spark: SparkSession) -> None:
    published.declare(COLUMN)
    published.pour(events=1_000, seed=10)
    published.publish()
    for name in ("raw", "silver"):
        assert "shade" in spark.table(f"penstock.{NAMESPACE}.iot_{name}").columns
    check_all(published, spark)
