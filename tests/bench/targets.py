"""What was promised of the speed, and whether it was reached."""

from results import MIB, PAYLOAD_EVENTS, factor, slope

HEADER = ["", "promised", "measured", "least to most", ""]

LEAST_INGEST_FACTOR = 2.0
LEAST_PATH_FACTOR = 1.5
MOST_PAYLOAD_MS = 4.0
MOST_START_MS = 5.0
# Beside twice the payload.
BASE_MEMORY_BYTES = 64e6
LEAST_SLOPE, MOST_SLOPE = 0.98, 1.02


def lines(rows):
    """A line for each promise, in the order of the header."""
    return [*beside_duckdb(rows), payload(rows), *starts(rows), *memory(rows), *slopes(rows)]


def beside_duckdb(rows):
    for step, name, least in (("ingest", "ingest", LEAST_INGEST_FACTOR), ("path", "whole path", LEAST_PATH_FACTOR)):
        measured = rows.where(experiment="compare", step=step)
        times = factor(measured.where(tool="DuckDB"), measured.where(tool="penstock"))
        yield line(f"{name} per processor second, beside DuckDB", f"{least:.1f}x", times, "x", least <= times[0])


def payload(rows):
    nanos = rows.where(experiment="compare", tool="penstock", step="ingest").nanos()
    ms = [each * PAYLOAD_EVENTS / 1e6 for each in nanos]
    name = f"processor time of a payload of {PAYLOAD_EVENTS:,} events"
    return line(name, f"at most {MOST_PAYLOAD_MS:.1f} ms", ms, " ms", ms[0] <= MOST_PAYLOAD_MS)


def starts(rows):
    measured = rows.where(experiment="start", step="ingest")
    for lake in measured.values("parameter"):
        start = measured.where(parameter=lake)
        ms = [secs * 1e3 for secs in (start.median("wall_secs"), *start.spread("wall_secs"))]
        name = f"ingest from exec to the first request for work, {lake}"
        yield line(name, f"at most {MOST_START_MS:.1f} ms", ms, " ms", ms[0] <= MOST_START_MS)


def memory(rows):
    for row in rows.where(experiment="memory", step="ingest"):
        most = (BASE_MEMORY_BYTES + 2 * row["payload_bytes"]) / MIB
        name = f"peak memory of ingest (64 MB + 2 payloads), {row['parameter']}"
        yield line(name, f"at most {most:.0f} MiB", [row["peak_mib"]], " MiB", row["peak_mib"] <= most)


def slopes(rows):
    for step in ("ingest", "refine"):
        value = slope(rows.where(experiment="volume", step=step))
        name = f"slope of cost over volume, {step}"
        yield line(name, "1.00 ± 0.02", [value], "", LEAST_SLOPE <= value <= MOST_SLOPE)


def line(name, promised, measured, unit, is_reached):
    """`measured` is the median, and, where there is one, its spread."""
    median, *spread = (f"{value:.3g}" if unit else f"{value:.3f}" for value in measured)
    spread = f"{spread[0]} to {spread[1]}{unit}" if spread else ""
    return [name, promised, f"{median}{unit}", spread, "reached" if is_reached else "**not reached**"]
