"""The question at scale: one lake of many events, and the answer by Penstock, DataFusion, Spark and DuckDB.

`tests/bench/p95.sh` builds what this needs and calls it; `make bench-p95` calls that.
Every tool may use all cores. What it took is that of its process and of all that it started. Its numbers count only
if its answer is that of the others; if not, this fails.
"""

import argparse
import csv
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cost import PRICES
from report import table

ROOT = Path(__file__).parents[2]
TEMPLATE = Path(__file__).parent / "p95.template"
GIB = 1 << 30
# What a lake takes on the disk for an event, and what Spark needs besides to shuffle it.
DISK_BYTES_AN_EVENT = 220
# The report of a day should be there soon after it.
DEADLINE_SECS = 1800
# Engines add up in their own order, and DataFusion weighs neighbours to a millionth.
TOLERANCE = 1e-6


class Wrong(Exception):
    """An answer is not that of the others, or there is no room."""


@dataclass(frozen=True)
class Usage:
    """What a process and all that it started have taken."""

    wall_secs: float
    cpu_secs: float
    peak_bytes: int


@dataclass(frozen=True)
class Row:
    """A row of an answer: counts must be equal, numbers close."""

    key: tuple[str, str]
    counts: tuple[int, int, int]
    numbers: tuple[float, float, float]

    @staticmethod
    def of(row: dict[str, Any], group: str, p95: str) -> "Row":
        return Row(
            (row["event_date"], row[group]),
            (int(row["distinct_events"]), int(row["outliers"]), int(row["used"])),
            (float(row[p95]), float(row["mean"]), float(row["stddev"])),
        )

    def is_close_to(self, other: "Row") -> bool:
        close = [math.isclose(a, b, rel_tol=TOLERANCE) for a, b in zip(self.numbers, other.numbers, strict=True)]
        return (self.key, self.counts) == (other.key, other.counts) and all(close)


class Question:
    """The four ways, each a command; the answer stands on its standard output or in a file."""

    def __init__(self, binaries: Path, lake: Path, scratch: Path):
        self.binaries, self.lake, self.scratch = binaries, lake, scratch
        self.ways = {
            "`penstock p95`": self.penstock,
            "`penstock-sql p95` (DataFusion)": self.datafusion,
            "DuckDB": self.duckdb,
            "Spark": self.spark,
        }

    def penstock(self) -> tuple[Usage, list[Row]]:
        usage, said = run([self.binaries / "penstock", "p95", "--json", "--lake", self.lake])
        return usage, [Row.of(row, "group", "p95") for row in json.loads(said)["rows"]]

    def datafusion(self) -> tuple[Usage, list[Row]]:
        usage, said = run([self.binaries / "penstock-sql", "--json", "--lake", self.lake, "p95"])
        return usage, rows(json.loads(said))

    def duckdb(self) -> tuple[Usage, list[Row]]:
        script = Path(__file__).parent / "peers/duckdb_p95.py"
        usage, said = run([sys.executable, script, self.lake, self.scratch / "duckdb"])
        return usage, rows(json.loads(said))

    def spark(self) -> tuple[Usage, list[Row]]:
        local, reports = self.scratch / "spark", self.scratch / "reports"
        shutil.rmtree(reports, ignore_errors=True)
        options = f"--driver-memory {spark_heap_gib()}g --conf spark.local.dir={local} --conf spark.ui.enabled=false"
        command = [ROOT / "emr/submit.sh", "p95", "--lake", self.lake, "--output", reports, "--run-id", "one"]
        usage, _ = run(command, {"SPARK_OPTIONS": options})
        with (reports / "one/p95.csv").open(newline="") as file:
            return usage, rows(list(csv.DictReader(file)))


def rows(found: list[dict[str, Any]]) -> list[Row]:
    return [Row.of(row, "device_type", "p95_event_duration") for row in found]


def run(command: Sequence[object], more: dict[str, str] | None = None) -> tuple[Usage, bytes]:
    """Runs a command; what it took, and what it said."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen([str(word) for word in command], stdout=said, env={**os.environ, **(more or {})})
        _, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        if process.returncode != 0:
            raise Wrong(f"{command[0]} ended with code {process.returncode}: its messages are above")
        # Linux counts memory in KiB.
        return Usage(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024), said.read()


def spark_heap_gib() -> int:
    """Room for the exact percentile, and half of the machine for what it does not hold in its heap."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(2, min(8, memory // GIB // 2))


def main() -> None:
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="penstock-p95-") as folder:
        scratch = Path(folder)
        check_room(scratch, arguments.events)
        lake = scratch / "lake"
        made, summary = pour(arguments, lake)
        measured, answer = ask(Question(arguments.binaries, lake, scratch))
        sizes = {name: size(lake / name) for name in ("silver", "windows")}
    text = TEMPLATE.read_text().format(
        **about(arguments),
        **poured(made, summary, sizes),
        heap=spark_heap_gib(),
        table=sides(measured, arguments.events),
        **scaled(measured, summary, sizes, arguments.events),
        groups=len(answer),
    )
    arguments.out.write_text(text)
    print(f"wrote {arguments.out}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binaries", type=Path, required=True, help="the folder with penstock and penstock-sql")
    parser.add_argument("--events", type=int, required=True, help="how many events")
    parser.add_argument("--version", required=True, help="which Penstock this is")
    parser.add_argument("--out", type=Path, required=True, help="the report")
    return parser.parse_args()


def check_room(folder: Path, events: int) -> None:
    needed, free = events * DISK_BYTES_AN_EVENT, shutil.disk_usage(folder).free
    if free < needed:
        raise Wrong(f"{needed / 1e9:.1f} GB of disk are needed and {free / 1e9:.1f} are free in {folder}: set TMPDIR")


def pour(arguments: argparse.Namespace, lake: Path) -> tuple[Usage, dict[str, Any]]:
    print(f"pouring {arguments.events:,} events", flush=True)
    command = [arguments.binaries / "penstock", "run", "--json", "--lake", lake, "--events", arguments.events]
    made, said = run(command)
    # Nobody asks raw here, and it is half of the disk.
    shutil.rmtree(lake / "raw")
    return made, json.loads(said)


def ask(question: Question) -> tuple[dict[str, Usage], list[Row]]:
    """Each way once: they take minutes, and differ by factors."""
    measured: dict[str, Usage] = {}
    first: list[Row] = []
    for name, way in question.ways.items():
        measured[name], answer = way()
        print(f"{name}: {measured[name].wall_secs:.1f} s", flush=True)
        first = first or answer
        if len(answer) != len(first) or not all(map(Row.is_close_to, answer, first)):
            raise Wrong(f"{name} answers {answer} instead of {first}")
    if not first:
        raise Wrong("no group has 500 events: take more")
    return measured, first


def sides(measured: dict[str, Usage], events: int) -> str:
    lines = [
        [
            name,
            f"{one.wall_secs:.1f} s",
            f"{one.cpu_secs:.1f} s",
            f"{one.cpu_secs / events * 1e6:.2f} µs",
            f"{one.peak_bytes / GIB:.2f} GiB",
        ]
        for name, one in measured.items()
    ]
    return str(table(["", "time", "processor time", "of an event", "peak memory"], lines))


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*.parquet"))


def about(arguments: argparse.Namespace) -> dict[str, object]:
    with Path("/proc/cpuinfo").open() as lines:
        processor = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    requirements = (ROOT / "emr/requirements.txt").read_text().splitlines()
    spark = next(line.partition("==")[2] for line in requirements if line.startswith("pyspark=="))
    return {
        "processor": processor,
        "cores": len(os.sched_getaffinity(0)),
        "memory": memory / GIB,
        "penstock": arguments.version,
        "profile": arguments.binaries.name,
        "duckdb": version("duckdb"),
        "spark": spark,
    }


def poured(made: Usage, summary: dict[str, Any], sizes: dict[str, int]) -> dict[str, object]:
    return {
        "sent": summary["sent"],
        "silver": summary["lake"]["silver"],
        "files": summary["lake"]["files"],
        "silver_gib": sizes["silver"] / GIB,
        "event_bytes": sizes["silver"] / summary["lake"]["silver"],
        "pour_secs": made.wall_secs,
        "pour_cpu_secs": made.cpu_secs,
        "pour_gib": made.peak_bytes / GIB,
    }


def scaled(
    measured: dict[str, Usage], summary: dict[str, Any], sizes: dict[str, int], events: int
) -> dict[str, object]:
    """What a day of the assumed volume takes, at the rate that was measured."""
    gib, json_bytes = PRICES["assumed"]["gib_a_day"], value_bytes()
    day = gib * GIB / json_bytes
    emr = PRICES["emr"]
    cpu_hours = measured["Spark"].cpu_secs / events * day / 3600
    # One worker more than the executors: the driver.
    workers = math.ceil(cpu_hours * 3600 / DEADLINE_SECS / emr["worker_vcpus"])
    hours = cpu_hours / (workers * emr["worker_vcpus"])
    vcpu_hours, gb_hours = (hours * (workers + 1) * emr[name] for name in ("worker_vcpus", "worker_gb"))
    ours = measured["`penstock p95`"]
    return {
        "gib_a_day": gib,
        "value_bytes": json_bytes,
        "day_events": day,
        "day_silver_gib": day * sizes["silver"] / summary["lake"]["silver"] / GIB,
        "day_cpu_hours": cpu_hours,
        "workers": workers,
        "worker_vcpus": emr["worker_vcpus"],
        "worker_gb": emr["worker_gb"],
        "minutes": hours * 60,
        "vcpu_hours": vcpu_hours,
        "gb_hours": gb_hours,
        "dollars": vcpu_hours * emr["vcpu_hour"] + gb_hours * emr["gb_hour"],
        "vcpu_hour": emr["vcpu_hour"],
        "gb_hour": emr["gb_hour"],
        "our_hours": ours.cpu_secs / events * day / 3600,
        "our_gib": ours.peak_bytes / events * day / GIB,
    }


def value_bytes() -> float:
    """The JSON of an event in bytes, as `make bench` counted it."""
    with (ROOT / "docs/benchmarks/rounds.csv").open(newline="") as file:
        row = next(row for row in csv.DictReader(file) if row["experiment"] == "compare")
    return float(row["value_bytes"]) / float(row["events"])


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        try:
            main()
        except Wrong as problem:
            sys.exit(f"error: {problem}")
