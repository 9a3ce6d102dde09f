"""The job that keeps the Iceberg tables of a dataset in shape: few large files, short metadata, no old snapshots.

`penstock-tables` adds a snapshot and a few small files with each cut. This job joins them. It may run while tables are
appended to: both commit to the newest version of a table, or try again. It never changes a row, nor the property
`penstock.cut`, by which a table says which cut is the newest in it.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pyspark.sql import SparkSession

from penstock_spark import catalog
from penstock_spark.failure import misuse
from penstock_spark.lake import lake_url

TABLES = ("raw", "silver", "windows")


@dataclass(frozen=True)
class Arguments:
    lake: str
    catalog: str
    namespace: str
    dataset: str
    expire_before: datetime
    min_files: int


def parse(command_line: Sequence[str], now: datetime) -> Arguments:
    parser = argparse.ArgumentParser(
        prog="compact_job.py",
        description="Joins the small files of a dataset's Iceberg tables, and lets their old snapshots expire.",
    )
    parser.add_argument("--lake", required=True, metavar="URL", help="s3://BUCKET/PREFIX or a directory")
    parser.add_argument(
        "--catalog", required=True, metavar="URL", help="sqlite:///DIR/catalog.db, https://HOST/PATH or glue"
    )
    parser.add_argument("--namespace", default="penstock", metavar="NAME", help="of the tables (default: penstock)")
    parser.add_argument("--dataset", default="iot", metavar="NAME", help="default: iot")
    parser.add_argument(
        "--keep-hours",
        type=_number,
        default=24,
        metavar="N",
        help="snapshots younger than this stay, for queries as of an earlier time (default: 24)",
    )
    parser.add_argument(
        "--min-files",
        type=_number,
        default=5,
        metavar="N",
        help="a partition with fewer small files is left as it is (default: 5)",
    )
    given = parser.parse_args(command_line)
    return Arguments(
        lake=lake_url(given.lake),
        catalog=given.catalog,
        namespace=given.namespace,
        dataset=given.dataset,
        expire_before=now - timedelta(hours=given.keep_hours),
        min_files=given.min_files,
    )


def run(spark: SparkSession, arguments: Arguments) -> int:
    """Prints a line for each table; returns the exit code."""
    catalog.register(spark, arguments.catalog, arguments.lake)
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    names = [f"{arguments.namespace}.{arguments.dataset}_{table}" for table in TABLES]
    missing = [name for name in names if not spark.catalog.tableExists(f"{catalog.NAME}.{name}")]
    if missing:
        raise misuse(f"{arguments.catalog} has no table {', '.join(missing)}: `penstock-tables` makes them")
    for name in names:
        print(f"{name}: {_compact(spark, name, arguments)}")
    return 0


def _compact(spark: SparkSession, table: str, arguments: Arguments) -> str:
    joined = _call(spark, "rewrite_data_files", table, f"options => map('min-input-files', '{arguments.min_files}')")
    _call(spark, "rewrite_manifests", table)
    before = arguments.expire_before.strftime("%Y-%m-%d %H:%M:%S.%f")
    expired = _call(spark, "expire_snapshots", table, f"older_than => TIMESTAMP '{before}', retain_last => 1")
    deleted = sum(count for name, count in expired.items() if name.startswith("deleted_") and count)
    return (
        f"{joined['rewritten_data_files_count']} files became {joined['added_data_files_count']}, "
        f"{deleted} files of expired snapshots were deleted"
    )


def _call(spark: SparkSession, procedure: str, table: str, arguments: str = "") -> dict[str, Any]:
    rest = f", {arguments}" if arguments else ""
    # With the catalogue's name in front, because the first part of a name is taken for one.
    whole = f"{catalog.NAME}.{table}"
    rows = spark.sql(f"CALL {catalog.NAME}.system.{procedure}(table => '{whole}'{rest})").collect()
    return rows[0].asDict()


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or 1_000_000 <= int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 999999")
    return int(text)
