"""What must come out of the events, worked out here from their text alone, and whether it did.

Numbers of a tool count only if its output holds the same rows with the same sums, windows and answers.
"""

import math
from collections import defaultdict
from datetime import UTC, datetime
from uuid import UUID

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

TEXTS = ["device_id", "device_type", "unit", "site", "firmware", "status"]
MINUTE = 60_000_000
# Sums of floating-point numbers depend on the order of their terms.
TOLERANCE = 1e-9


class Wrong(Exception):
    """A tool's output is not what the events say."""


class Expected:
    """The truth about a file of events: as they were sent, and deduplicated."""

    def __init__(self, lines):
        events = [orjson.loads(line) for line in lines.open("rb")]
        for event in events:
            event["event_time"] = micros(event["event_time"])
        first = {event["event_id"]: event for event in reversed(events)}
        self.landed = facts(table(events))
        self.silver = facts(table(list(first.values())))
        self.windows = windows(first.values())
        self.answers = answers(first.values())

    def check_landed(self, files):
        compare("landed", facts(read(files)), self.landed)

    def check_silver(self, files):
        compare("silver", facts(read(files)), self.silver)

    def check_windows(self, files):
        compare("windows", window_rows(read(files)), self.windows)

    def check_answers(self, rows):
        found = {(str(row["event_date"]), row["group"]): row for row in rows}
        compare(
            "answers",
            {key: [row["distinct_events"], row["used"], row["p95"]] for key, row in found.items()},
            self.answers,
        )


def micros(value):
    if isinstance(value, int):
        return value * 1000
    time = datetime.fromisoformat(value)
    return int(time.timestamp()) * 1_000_000 + time.microsecond


def table(events):
    names = ["event_id", *TEXTS, "event_time", "event_duration", "value", "battery"]
    kinds = {"event_time": pa.int64(), "event_duration": pa.float64(), "value": pa.float64(), "battery": pa.int64()}
    return pa.table(
        {name: pa.array([event.get(name) for event in events], kinds.get(name, pa.string())) for name in names}
    )


def read(files):
    """All rows, with ids as lower-case text and times as microseconds, whatever the tool made of them."""
    rows = ds.dataset([str(file) for file in files]).to_table()
    for name in ("event_id", "event_time", "window_start"):
        if name in rows.schema.names:
            index = rows.schema.get_field_index(name)
            rows = rows.set_column(index, name, ids(rows[name]) if name == "event_id" else times(rows[name]))
    return rows


def ids(column):
    column = pa.concat_arrays(column.chunks)
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if pa.types.is_fixed_size_binary(column.type):
        return pa.array([id and str(UUID(bytes=id)) for id in column.to_pylist()], pa.string())
    return column


def times(column):
    if isinstance(column.type, pa.TimestampType):
        return column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64())
    return column


def facts(rows):
    """Counts and sums of all columns. The checksum of the ids shows one that is missing, doubled or changed."""
    numbers = {name: rows[name] for name in ("event_time", "event_duration", "value", "battery")}
    result = {
        "rows": rows.num_rows,
        "ids": sum(hash(id) & 0xFFFF_FFFF_FFFF for id in rows["event_id"].to_pylist()),
        **{f"nulls of {name}": column.null_count for name, column in numbers.items()},
        **{f"sum of {name}": pc.sum(column).as_py() for name, column in numbers.items() if name != "event_time"},
        # Python's numbers: the sum would leave 64 bits.
        "times": sum(rows["event_time"].to_pylist()),
    }
    for name in TEXTS:
        counts = pc.value_counts(rows[name].cast(pa.string()))
        result[name] = {entry["values"]: entry["counts"] for entry in counts.to_pylist()}
    return result


def windows(events):
    """Events, measured ones, sum, least and greatest value for each device and minute."""
    result = defaultdict(lambda: [0, 0, 0.0, math.inf, -math.inf])
    for event in events:
        window = result[(event["event_time"] // MINUTE * MINUTE, event["device_id"])]
        window[0] += 1
        value = event.get("value")
        if value is not None:
            window[1:] = [window[1] + 1, window[2] + value, min(window[3], value), max(window[4], value)]
    return dict(result)


def window_rows(rows):
    """The same from a file: the rows of a window add up, as corrections do."""
    result = {}
    names = ["window_start", "device_id", "count", "measure_count", "sum", "min", "max"]
    for start, device, *numbers in zip(*(rows[name].to_pylist() for name in names)):
        count, measured, total, least, most = numbers
        before = result.get((start, device), [0, 0, 0.0, math.inf, -math.inf])
        if measured:
            result[(start, device)] = [
                before[0] + count,
                before[1] + measured,
                before[2] + total,
                min(before[3], least),
                max(before[4], most),
            ]
        else:
            result[(start, device)] = [before[0] + count, *before[1:]]
    return result


def answers(events):
    """Distinct events, used ones and the percentile for each day and type of device."""
    groups = defaultdict(list)
    for event in events:
        day = datetime.fromtimestamp(event["event_time"] // 1_000_000, tz=UTC).date().isoformat()
        groups[(day, event["device_type"])].append(event["event_duration"])
    result = {}
    for key, values in groups.items():
        values = np.array(values)
        if 500 <= len(values):
            mean, width = values.mean(), 3 * values.std(ddof=1)
            used = values[np.abs(values - mean) <= width + TOLERANCE * (abs(mean) + width)]
            result[key] = [len(values), len(used), float(np.percentile(used, 95))]
    return result


def compare(what, found, expected):
    if found.keys() != expected.keys():
        differ = sorted(map(str, found.keys() ^ expected.keys()))[:5]
        raise Wrong(f"{what}: {len(found)} keys, {len(expected)} expected; {differ} differ")
    for key, value in expected.items():
        if not equal(found[key], value):
            raise Wrong(f"{what}: {key} is {found[key]}, expected {value}")


def equal(found, expected):
    if isinstance(expected, float):
        return math.isclose(found, expected, rel_tol=TOLERANCE)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(equal, found, expected))
    return found == expected
