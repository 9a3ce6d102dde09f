"""The benchmark: runs every tool on the same events, verifies what comes out, and writes rows, charts and the report.

`tests/bench/run.sh` builds what this needs and calls it; `make bench` calls that.
Every process runs on one core. A tool's numbers count only if its output was verified; if it is wrong, this fails.
"""

import argparse
import csv
import json
import os
import shutil
import tempfile
from pathlib import Path

import charts
import report
from compare import Comparison
from functions import Functions
from sweeps import Sweeps
from tools import Tools

COLUMNS = [
    *("experiment", "tool", "step", "parameter", "round", "events", "cpu_secs", "wall_secs"),
    *("bytes", "puts", "gets", "lists", "peak_mib", "value_bytes", "payloads", "payload_bytes"),
]


def main():
    arguments = parse()
    folder = arguments.out / "benchmarks"
    if not arguments.report_only:
        rows = measure(arguments)
        folder.mkdir(parents=True, exist_ok=True)
        write(folder / "rounds.csv", rows)
        (folder / "about.json").write_text(json.dumps(about(arguments), indent=2) + "\n")
    rows = read(folder / "rounds.csv")
    charts.draw(rows, folder)
    report.write(rows, json.loads((folder / "about.json").read_text()), arguments.out / "benchmarks.md")
    print(f"wrote {arguments.out / 'benchmarks.md'}, with charts and rows beside it")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", type=Path, required=True, help="the folder with our binaries")
    parser.add_argument("--plain-handler", type=Path, required=True, help="the binary of the plain Rust handler")
    parser.add_argument("--version", required=True, help="which Penstock this is")
    parser.add_argument("--out", type=Path, required=True, help="the folder for the report")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="the core to run on")
    parser.add_argument("--quick", action="store_true", help="fewer events and rounds, and no Spark: a look, no result")
    parser.add_argument("--report-only", action="store_true", help="draw and write again from the rows that are there")
    return parser.parse_args()


def measure(arguments):
    os.sched_setaffinity(0, {arguments.core})
    scratch = Path(tempfile.mkdtemp(prefix="penstock-bench-", dir=memory_folder()))
    try:
        tools = Tools(arguments.target, arguments.plain_handler, scratch)
        steps = [Comparison(tools, arguments.quick), Functions(tools, arguments.quick), Sweeps(tools, arguments.quick)]
        return [row for step in steps for row in step.run()]
    finally:
        shutil.rmtree(scratch)


def about(arguments):
    """What the numbers depend on beside the code."""
    with open("/proc/cpuinfo") as lines:
        processor = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    packages = ["duckdb", "polars", "pyarrow", "orjson", *([] if arguments.quick else ["pyspark"])]
    return {
        "processor": processor,
        "penstock": arguments.version,
        "profile": arguments.target.name,
        "tools": report.tool_versions(packages),
    }


def memory_folder():
    """A file system in memory with room, so that no disk takes part; else wherever temporary files go."""
    shm = Path("/dev/shm")
    has_room = shm.is_dir() and 6 << 30 <= shutil.disk_usage(shm).free
    return shm if has_room else None


def write(file, rows):
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, COLUMNS, lineterminator="\n", extrasaction="raise")
        writer.writeheader()
        for row in rows:
            writer.writerow(
                {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()}
            )


def read(file):
    with file.open(newline="") as lines:
        return [{name: number(value) for name, value in row.items()} for row in csv.DictReader(lines)]


def number(text):
    try:
        return float(text) if text else None
    except ValueError:
        return text


if __name__ == "__main__":
    main()
