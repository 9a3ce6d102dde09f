"""The tables as other readers see them, through their life: read, travel in time, compact, expire, go on, evolve.

The tests stand in the order of that life, and each leaves the tables equal to the plain files.
"""

import csv
import io
import math
from collections.abc import Iterator

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
    by_trino,
    comparable,
    p95_by_duckdb,
    p95_by_spark,
    p95_by_trino,
    plain,
)
from trino_server import Trino, running_trino

from penstock_spark import catalog

COLUMN = '[[columns]]\nname = "shade"\nfield_id = 190\ntype = "int"\n'


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """Two runs are poured, and each cut of them is published."""
    root = tmp_path_factory.mktemp("tables") / "root"
    made = Published(root, f"sqlite://{root}/catalog.db")
    made.make()
    made.pour(events=20_000, seed=7)
    made.publish()
    made.pour(events=5_000, seed=8)
    made.publish()
    return made


@pytest.fixture(scope="module")
def spark(published: Published, session: SparkSession) -> SparkSession:
    own = session.newSession()
    catalog.register(own, published.catalog, published.url)
    return own


@pytest.fixture(scope="module")
def trino(published: Published, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trino]:
    with running_trino(tmp_path_factory.mktemp("trino"), published.catalog, published.url) as server:
        yield server


def check_all(published: Published, spark: SparkSession, trino: Trino) -> None:
    for name in TABLES:
        expected = plain(published, name)
        assert len(expected) > 0
        for reader, found in (
            ("pyiceberg", by_pyiceberg(published, name)),
            ("DuckDB", by_duckdb(published, name)),
            ("Spark", by_spark(spark, name)),
            ("Trino", by_trino(trino, name)),
        ):
            assert comparable(found, expected) == comparable(expected, expected), f"{name} by {reader}"


@pytest.mark.parametrize("name", TABLES)
def test_each_row_stands_once_for_every_reader(
    published: Published, spark: SparkSession, trino: Trino, name: str
) -> None:
    expected = plain(published, name)
    assert 1000 < len(expected)
    for found in (
        by_pyiceberg(published, name),
        by_duckdb(published, name),
        by_spark(spark, name),
        by_trino(trino, name),
    ):
        assert comparable(found, expected) == expected


def test_the_answer_to_the_question_is_the_same(published: Published, spark: SparkSession, trino: Trino) -> None:
    expected = published.p95()
    for found in (p95_by_duckdb(published), p95_by_spark(spark), p95_by_trino(trino)):
        check_answer(found, expected)


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


def test_a_query_as_of_an_earlier_snapshot_sees_the_cuts_until_then(
    published: Published, spark: SparkSession, trino: Trino
) -> None:
    table = published.table("silver")
    # The metadata list them in no order.
    first = min(table.metadata.snapshots, key=lambda snapshot: snapshot.sequence_number or 0)
    assert first.summary is not None
    cut = int(str(first.summary["penstock.cut"]))
    expected = [row for number in range(1, cut + 1) for row in plain(published, "silver", f"*/{number:012}.parquet")]
    assert 0 < len(expected) < len(plain(published, "silver"))
    found = by_pyiceberg(published, "silver", first.snapshot_id)
    assert len(found) == len(expected)
    assert {row["event_id"] for row in found} == {row["event_id"] for row in expected}
    counted = f"SELECT count(*) AS rows FROM penstock.{NAMESPACE}.iot_silver FOR VERSION AS OF {first.snapshot_id}"
    assert spark.sql(counted).collect()[0]["rows"] == len(expected)
    assert trino.ask(counted) == [{"rows": len(expected)}]


def test_after_compaction_and_expiry_rows_are_equal_and_publishing_goes_on(
    published: Published, spark: SparkSession, trino: Trino
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
    check_all(published, spark, trino)
    assert all(table["cuts"] == [] for table in published.publish()["tables"])
    published.pour(events=3_000, seed=9)
    assert all(table["cuts"] for table in published.publish()["tables"])
    assert all(table["cuts"] == [] for table in published.publish()["tables"])
    check_all(published, spark, trino)


def test_a_column_that_is_added_is_null_in_what_was_there(
    published: Published, spark: SparkSession, trino: Trino
) -> None:
    published.declare(COLUMN)
    published.pour(events=1_000, seed=10)
    published.publish()
    for name in ("raw", "silver"):
        assert "shade" in spark.table(f"penstock.{NAMESPACE}.iot_{name}").columns
    check_all(published, spark, trino)
