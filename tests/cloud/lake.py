"""Reads the lake as anybody may: by the audit, by the answer to the question, and with pyarrow over S3."""

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.dataset
from pyarrow.fs import S3FileSystem

from cloud import BINARIES, LAKE, Cloud


def report_of(cloud: Cloud) -> dict[str, Any]:
    """The audit's report; empty while there is no lake. It has findings while a cut is poured."""
    said = cloud.run(BINARIES / "penstock", "audit", "--lake", LAKE, "--json", expect=None)
    report: dict[str, Any] = json.loads(said or "{}")
    return report


def p95_of(answer: Path) -> dict[tuple[str, str], float]:
    with answer.open() as rows:
        return {
            (row["event_date"], row["device_type"]): float(row["p95_event_duration"]) for row in csv.DictReader(rows)
        }


def silver(cloud: Cloud, *columns: str) -> Any:  # noqa: ANN401 - pyarrow has no types
    return table(cloud, "silver", list(columns))


def windows(cloud: Cloud) -> Any:  # noqa: ANN401 - pyarrow has no types
    return table(cloud, "windows", ["device_id", "window_start", "count"])


def table(cloud: Cloud, name: str, columns: list[str]) -> Any:  # noqa: ANN401 - pyarrow has no types
    store = S3FileSystem(
        access_key="test",
        secret_key="test",  # noqa: S106 - the emulator's
        endpoint_override=cloud.endpoint.removeprefix("http://"),
        scheme="http",
        region="us-east-1",
    )
    folder = f"penstock/lake/{name}/iot"
    return pyarrow.dataset.dataset(folder, filesystem=store, format="parquet", partitioning="hive").to_table(columns)
