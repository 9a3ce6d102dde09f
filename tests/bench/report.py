"""`docs/benchmarks.md`: what was measured, beside what was promised. Everything in it comes from the rows."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import charts
import cost
import targets
from compare import BASE64
from results import MIB, PAYLOAD_EVENTS, Rows, factor, slope
from sweeps import SWEEPS

TEXT = (Path(__file__).parent / "benchmarks.template").read_text()


def write(rows, about, file):
    rows = Rows(rows)
    compared, stages = rows.where(experiment="compare"), rows.where(experiment="stages")
    ingest = compared.where(step="ingest")
    volume = rows.where(experiment="volume")
    spark = compared.where(tool="Spark")
    starts = rows.where(experiment="start", step="ingest")
    text = TEXT.format(
        about=about_lines(about),
        targets=table(targets.HEADER, targets.lines(rows)),
        events=events_line(ingest),
        rounds=len(ingest.where(tool="penstock")),
        ingest=tools_table(ingest),
        path=tools_table(compared.where(step="path")),
        p95=tools_table(compared.where(step="p95")),
        spark=spark_lines(spark),
        payload_mb=stages[0]["payload_bytes"] / 1e6,
        stage_rounds=stages[0]["round"],
        stages=stages_table(stages),
        base64=nanos(stages.where(step=BASE64)[0]),
        sweep_rounds=len(volume.where(step="ingest", parameter=volume[0]["parameter"])),
        sweeps=sweeps_table(rows),
        least_volume=min(volume.values("parameter")),
        most_volume=max(volume.values("parameter")),
        ingest_slope=slope(volume.where(step="ingest")),
        refine_slope=slope(volume.where(step="refine")),
        starts=len(starts.where(parameter=starts[0]["parameter"])),
        functions=functions_table(rows),
        wait_ms=cost.PRICES["assumed"]["request_wait_ms"],
        gib_a_day=cost.PRICES["assumed"]["gib_a_day"],
        dollars=dollars_table(rows.where(experiment="records a payload")),
    )
    file.write_text(text)


def about_lines(about):
    tools = ", ".join(f"{name} {number}" for name, number in about["tools"].items())
    ours = f"Penstock {about['penstock']} in the profile `{about['profile']}`"
    return f"Measured on one core of: {about['processor']}.\n{ours}, {tools}."


def events_line(ingest):
    row = ingest[0]
    size = row["value_bytes"] / row["events"]
    made = (
        f"{row['events']:,.0f} of the dataset `iot` as `penstock-producer` makes them, {size:.0f} bytes each on average"
    )
    return f"The events are {made}, 1 % repeated and 1 % late, none malformed, in payloads of {PAYLOAD_EVENTS:,}."


def spark_lines(spark):
    if not spark:
        return "Spark was left out of this run."
    secs = spark.where(step="path").median("wall_secs")
    return (
        "Spark is Structured Streaming on `local[1]` in one micro-batch, in one round; "
        "its start and one whole pass to warm up are left out.\n"
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
    return table(
        ["tool", "ns an event", "least to most", "times Penstock's (least to most)", "bytes written an event"], lines
    )


def stages_table(stages):
    lines = [[row["step"], f"{nanos(row):,.0f}"] for row in stages]
    return table(["stage", "ns an event"], lines)


def nanos(row):
    return row["wall_secs"] / row["events"] * 1e9


def sweeps_table(rows):
    lines = []
    for name, (option, _) in SWEEPS.items():
        measured = rows.where(experiment=name)
        for parameter in measured.values("parameter"):
            ingest, refine = (measured.where(parameter=parameter, step=step) for step in ("ingest", "refine"))
            place = charts.along(option)(ingest[0])
            lines.append(
                [
                    name,
                    f"{place:,.5g}" if place < 1 else f"{place:,.0f}",
                    f"{ingest.nanos()[0]:,.0f}",
                    f"{refine.nanos()[0]:,.0f}",
                ]
            )
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
