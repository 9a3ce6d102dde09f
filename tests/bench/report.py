"""`docs/benchmarks.md`: what was measured, beside what was promised. Everything in it comes from the rows."""

from importlib.metadata import PackageNotFoundError, version

import charts
import cost
from results import Rows, factor, slope
from sweeps import SWEEPS

MIB = 1 << 20
MS_OF_A_PAYLOAD = 4.0
PAYLOAD_EVENTS = 10_000
INGEST_FACTOR = 2.0
PATH_FACTOR = 1.5
START_MS = 5.0
BASE_MEMORY_MIB = 64e6 / MIB
SLOPE = (0.98, 1.02)

TEXT = """# Benchmarks

What Penstock's work costs, beside other tools on the same events.
`make bench` measured everything here and wrote this file, the charts and [the rows](benchmarks/rounds.csv); nothing is copied by hand.

{about}

## What was promised

{targets}

## Beside other tools

{events}
Each tool runs in a process of its own, pinned to one core, with one thread.
The tools take turns in {rounds} rounds, after one that does not count.
What counts is processor time, user and system, from the input in memory (or in a file in memory, for tools that read files) to the finished Parquet; starting a process and a warm-up are left out.
After each run the rows, sums, windows and answers are compared with what [verify.py](../tests/bench/verify.py) works out from the text of the events alone; a wrong output fails the benchmark.

What makes the comparison easier for the peers: they read the events as plain lines of JSON, while Penstock reads Lambda's payload with its base64 and keeps topic, partition, offset, timestamp and key of each record.
They write one large file with zstd, while Penstock writes one object for each payload; they need not tell bad records from good ones, and do nothing for exactly once.
The two handlers get the same payloads as Penstock, and write one file for each.

![Ingest beside peers](benchmarks/ingest.svg)

{ingest}

The whole path is parse, check, deduplicate, windows for each device and minute, and Parquet; the question is the one of `penstock p95`.
{spark}

![The whole path beside peers](benchmarks/path.svg)

{path}

![The question beside peers](benchmarks/p95.svg)

{p95}

## Where the time goes

One invocation of ingest with a payload of {payload_mb:.2f} MB, the fastest of {stage_rounds:.0f} rounds.

{stages}

## What changes the cost

One parameter at a time, the others as above; the error bars show the least and the most of {sweep_rounds} rounds.

![Cost by parameter](benchmarks/sweeps.svg)

{sweeps}

![Cost over volume](benchmarks/volume.svg)

The slope of log(cost) over log(volume), from {least_volume:,.0f} to {most_volume:,.0f} events, is {ingest_slope:.3f} for ingest and {refine_slope:.3f} for refine: 1 means that an event costs the same, however many there are.

## Memory and start

The real binaries against a small Runtime API, with the lake in a directory, or in S3, for which a small server without TLS stands here.
Memory is the peak of the whole process (`VmHWM`), the start is the time from exec to the first byte of the first request for work, the median of {starts}; before it, a function reads the lake's format from the lake.

{functions}

![Memory of refine by the size of a cut](benchmarks/memory.svg)

## Dollars a terabyte

A terabyte (10^12 bytes) of these events, from the processor time and the requests measured here and the prices in [prices.toml](../tests/bench/prices.toml).
Compute is counted as if a whole core of Lambda were as fast as the one measured on; a function pays for its memory also while it waits for S3, {wait_ms:.0f} ms for each request, one after the other.
Refine runs once a minute on {gib_a_day:,.0f} GiB a day.

![Dollars a terabyte by payload size](benchmarks/dollars.svg)

{dollars}

## Run it

```
make bench
make bench ARGS=--quick
make bench ARGS=--report-only
```

The first takes a good quarter of an hour and needs Linux, Python 3.11 and Java 17 (for Spark); it writes into `docs/`.
`--quick` takes few events and rounds, leaves Spark out and writes into `target/bench`.
`--report-only` draws and writes again from the rows that are there.
Other work on the machine changes processor time little, yet not nothing: leave it alone meanwhile.
"""


def write(rows, about, file):
    rows = Rows(rows)
    compared, stages = rows.where(experiment="compare"), rows.where(experiment="stages")
    ingest = compared.where(step="ingest")
    volume = rows.where(experiment="volume")
    spark = compared.where(tool="Spark")
    text = TEXT.format(
        about=about_lines(about),
        targets=targets(rows),
        events=events_line(ingest),
        rounds=len(ingest.where(tool="penstock")),
        ingest=tools_table(ingest),
        path=tools_table(compared.where(step="path")),
        p95=tools_table(compared.where(step="p95")),
        spark=spark_lines(spark),
        payload_mb=stages[0]["payload_bytes"] / 1e6,
        stage_rounds=stages[0]["round"],
        stages=stages_table(stages),
        sweep_rounds=len(volume.where(step="ingest", parameter=volume[0]["parameter"])),
        sweeps=sweeps_table(rows),
        least_volume=min(volume.values("parameter")),
        most_volume=max(volume.values("parameter")),
        ingest_slope=slope(volume.where(step="ingest")),
        refine_slope=slope(volume.where(step="refine")),
        starts=len(rows.where(experiment="start", step="ingest")) // 2,
        functions=functions_table(rows),
        wait_ms=cost.PRICES["assumed"]["request_wait_ms"],
        gib_a_day=cost.PRICES["assumed"]["gib_a_day"],
        dollars=dollars_table(rows.where(experiment="records a payload")),
    )
    file.write_text(text)


def about_lines(about):
    tools = ", ".join(f"{name} {number}" for name, number in about["tools"].items())
    return f"Measured on one core of: {about['processor']}.\nPenstock {about['penstock']} in the profile `{about['profile']}`, {tools}."


def targets(rows):
    compared = rows.where(experiment="compare")
    ours = compared.where(tool="penstock")
    beside = {
        step: factor(compared.where(tool="DuckDB", step=step), ours.where(step=step)) for step in ("ingest", "path")
    }
    ms = [nanos * PAYLOAD_EVENTS / 1e6 for nanos in ours.where(step="ingest").nanos()]
    lines = [
        target("ingest per processor second, beside DuckDB", f"{INGEST_FACTOR}x", beside["ingest"], "x", INGEST_FACTOR <= beside["ingest"][0]),
        target("whole path per processor second, beside DuckDB", f"{PATH_FACTOR}x", beside["path"], "x", PATH_FACTOR <= beside["path"][0]),
        target(f"processor time of a payload of {PAYLOAD_EVENTS:,} events", f"at most {MS_OF_A_PAYLOAD} ms", ms, " ms", ms[0] <= MS_OF_A_PAYLOAD),
    ]
    starts = rows.where(experiment="start", step="ingest")
    for name in starts.values("parameter"):
        start = starts.where(parameter=name)
        ms = [secs * 1e3 for secs in (start.median("wall_secs"), *start.spread("wall_secs"))]
        lines.append(target(f"ingest from exec to the first request for work, {name}", f"at most {START_MS} ms", ms, " ms", ms[0] <= START_MS))
    for row in rows.where(experiment="memory", step="ingest"):
        payload_mib, peak = row["payload_bytes"] / MIB, row["peak_mib"]
        most = BASE_MEMORY_MIB + 2 * payload_mib
        name = f"peak memory of ingest (64 MB + 2 payloads), {row['parameter']} of {payload_mib:.1f} MiB"
        lines.append(target(name, f"at most {most:.0f} MiB", [peak], " MiB", peak <= most))
    for step in ("ingest", "refine"):
        value = slope(rows.where(experiment="volume", step=step))
        lines.append(target(f"slope of cost over volume, {step}", "1.00 ± 0.02", [value], "", SLOPE[0] <= value <= SLOPE[1]))
    return table(["", "promised", "measured", "least to most", ""], lines)


def target(name, promised, measured, unit, is_reached):
    digits = 1 if unit == " MiB" else 3 if not unit else 2
    median, *spread = (f"{value:.{digits}f}" for value in measured)
    spread = f"{spread[0]} to {spread[1]}{unit}" if spread else ""
    return [name, promised, f"{median}{unit}", spread, "reached" if is_reached else "**not reached**"]


def events_line(ingest):
    row = ingest[0]
    size = row["value_bytes"] / row["events"]
    return f"The events are {row['events']:,.0f} of the dataset `iot` as `penstock-producer` makes them, {size:.0f} bytes each on average, 1 % repeated and 1 % late, none malformed, in payloads of {PAYLOAD_EVENTS:,}."


def spark_lines(spark):
    if not spark:
        return "Spark was left out of this run."
    secs = spark.where(step="path").median("wall_secs")
    return (
        "Spark is Structured Streaming on `local[1]` in one micro-batch, in one round; its start and one whole pass to warm up are left out.\n"
        f"It took {secs:.1f} s by the clock."
    )


def tools_table(rows):
    ours = rows.where(tool="penstock")
    tools = sorted(rows.values("tool"), key=lambda tool: rows.where(tool=tool).nanos()[0])
    lines = []
    for tool in tools:
        measured = rows.where(tool=tool)
        median, least, most = measured.nanos()
        times, least_times, most_times = factor(measured, ours)
        beside = "" if tool == "penstock" else f"{times:.2f}x ({least_times:.2f} to {most_times:.2f})"
        size = measured[0]["bytes"]
        written = f"{size / measured[0]['events']:.1f}" if size else ""
        lines.append([tool, f"{median:,.0f}", f"{least:,.0f} to {most:,.0f}", beside, written])
    return table(["tool", "ns an event", "least to most", "times Penstock's (least to most)", "bytes written an event"], lines)


def stages_table(stages):
    lines = [[row["step"], f"{row['wall_secs'] / row['events'] * 1e9:,.0f}"] for row in stages]
    return table(["stage", "ns an event"], lines)


def sweeps_table(rows):
    lines = []
    for name, (option, _) in SWEEPS.items():
        measured = rows.where(experiment=name)
        for parameter in measured.values("parameter"):
            ingest, refine = (measured.where(parameter=parameter, step=step) for step in ("ingest", "refine"))
            place = charts.along(option)(ingest[0])
            lines.append([name, f"{place:,.5g}" if place < 1 else f"{place:,.0f}", f"{ingest.nanos()[0]:,.0f}", f"{refine.nanos()[0]:,.0f}"])
    return table(["", "", "ingest, ns an event", "refine, ns an event"], lines)


def functions_table(rows):
    lines = []
    for step in ("ingest", "refine"):
        starts = rows.where(experiment="start", step=step)
        for name in starts.values("parameter"):
            start = starts.where(parameter=name)
            wall, cpu = start.median("wall_secs") * 1e3, start.median("cpu_secs") * 1e3
            lines.append([f"start of {step}, {name}", f"{wall:.1f} ms; {cpu:.1f} ms of processor time"])
    for row in rows.where(experiment="memory", step="ingest"):
        size = f"{row['payload_bytes'] / MIB:.1f} MiB"
        lines.append([f"memory of ingest, {row['parameter']} ({size})", f"{row['peak_mib']:.1f} MiB"])
    for row in rows.where(experiment="memory", step="refine"):
        lines.append([f"memory of refine, cuts of {row['parameter']:,.0f} rows", f"{row['peak_mib']:.0f} MiB"])
    return table(["", ""], lines)


def dollars_table(rows):
    sizes = rows.values("parameter")
    bills = [charts.bill(rows, size) for size in sizes]
    lines = [[kind, *(f"{bill[kind]:.2f}" for bill in bills)] for kind in cost.KINDS]
    lines.append(["**all of it**", *(f"**{sum(bill[kind] for kind in cost.KINDS):.2f}**" for bill in bills)])
    lines.append(["keeping raw and silver, a month", *(f"{bill['storage a month']:.2f}" for bill in bills)])
    return table(["dollars by records a payload", *(f"{size:,.0f}" for size in sizes)], lines)


def table(header, lines):
    rule = ["---"] * len(header)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [header, rule, *lines])


def tool_versions(packages):
    """The versions of the packages that are installed."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
