"""Reads one lake with every reader, and compares what they see with what was sent.

    check.py BINARIES LAKE [READER ...]

BINARIES is the folder of `penstock`, `ingest` and `refine`; LAKE is made, and must not be there.
Each reader has a process of its own: one that crashes is a difference like any other.
Exit code 0 if all agree; otherwise 1, with a table of the differences.
"""

import multiprocessing
import sys
import time
import traceback
from multiprocessing.connection import Connection
from pathlib import Path

import adapters
import lake as lakes
from adapters.reader import Reader
from events import SCHEMAS, Plan
from p95 import Answer, answer
from table import Table, canonical, summary

KEYS = {
    "raw of Kafka": ["topic", "partition", "offset"],
    "raw of Kinesis": ["topic", "shard", "sequence_number"],
    "silver": ["topic", "partition", "offset", "shard", "sequence_number"],
    "rejects": ["topic", "partition", "offset", "shard", "sequence_number"],
    "windows": ["window_start", "device_id", "device_type", "kind", "first_event_time", "count", "sum"],
}

# The time that tests each reader's own filter, of each table.
TIMES = {
    "raw of Kafka": "event_time",
    "raw of Kinesis": "timestamp",
    "silver": "event_time",
    "windows": "window_start",
    "rejects": "ingested_at",
}


class Differences:
    """Rows of a table: reader, table, column, what, expected, seen."""

    def __init__(self):
        self.rows: list[tuple[str, ...]] = []

    def check(self, reader: str, table: str, column: str, what: str, expected, seen) -> None:
        if expected != seen:
            self.rows.append((reader, table, column, what, short(expected), short(seen)))

    def print(self) -> None:
        header = ("reader", "table", "column", "what", "expected", "seen")
        widths = [max(len(row[index]) for row in [header, *self.rows]) for index in range(len(header))]
        for row in [header, *self.rows]:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def short(value) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}... ({len(text)} characters)"


def main(binaries: Path, root: Path, names: list[str]) -> int:
    plan = Plan(now=time.time_ns() // 1000)
    lake = lakes.make(root, binaries, plan)
    # In one order for all readers, so that rows can be compared one by one.
    expected = {name: table.sorted_by(KEYS[name]) for name, table in plan.tables().items()}
    differences = Differences()
    check_penstock(lake, plan, expected, differences)
    # pyarrow comes first, and fills in what only the functions know: the others must see the same.
    known = expected
    for name in adapters.NAMES:
        if not names or name in names or name == adapters.NAMES[0]:
            known = read_apart(name, lake, plan, known, differences)
    rows = ", ".join(f"{name} {table.rows}" for name, table in known.items())
    if differences.rows:
        print(f"\n{len(differences.rows)} differences; rows: {rows}\n")
        differences.print()
        return 1
    print(f"all readers agree with what was sent; rows: {rows}")
    return 0


def read_apart(
    name: str, lake: lakes.Lake, plan: Plan, known: dict[str, Table], differences: Differences
) -> dict[str, Table]:
    """Checks a reader in a process of its own; gives what is known after it."""
    # Forked before any reader has started a thread here.
    here, there = multiprocessing.get_context("fork").Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(
        target=check_reader, args=(name, lake, plan, known, there)
    )
    began = time.monotonic()
    process.start()
    there.close()
    try:
        version, rows, known = here.recv()
        differences.rows.extend(rows)
        print(f"{name} {version}: {len(rows)} differences, {time.monotonic() - began:.1f} s", flush=True)
    except EOFError:
        process.join()
        differences.check(name, "*", "*", "exit code", 0, process.exitcode)
        print(f"{name}: ended with exit code {process.exitcode}", flush=True)
    process.join()
    return known


def check_penstock(lake: lakes.Lake, plan: Plan, expected: dict[str, Table], differences: Differences) -> None:
    """What `penstock` itself says, so that an error in this test's expectations is seen as such."""
    audit = lake.ask("audit")
    landed = sum(map(len, plan.rounds))
    check = lambda what, expected, seen: differences.check("penstock", "audit", what, "value", expected, seen)
    check("findings", [], audit["findings"])
    check("landed", landed, audit["landed"])
    check("silver", expected["silver"].rows, audit["silver"])
    check("rejected", expected["rejects"].rows, audit["rejected"])
    check("duplicates", landed - expected["silver"].rows - expected["rejects"].rows, audit["duplicates"])
    seen = [Answer(row.pop("event_date"), row.pop("group"), **row) for row in lake.ask("p95")["rows"]]
    check_p95("penstock", answer(expected["silver"]), seen, differences)


def check_reader(
    name: str, lake: lakes.Lake, plan: Plan, known: dict[str, Table], result: Connection
) -> None:
    differences = Differences()
    try:
        reader = adapters.start(name)
        for table in SCHEMAS:
            known[table] = check_table(reader, table, lake, plan, known, differences)
        check_p95(reader.name, answer(known["silver"]), reader.p95(lake.folder("silver")), differences)
        version = reader.version()
        reader.close()
    except Exception as error:  # noqa: BLE001, whatever a reader throws is a difference
        traceback.print_exc()
        differences.check(name, "*", "*", "exception", None, error)
        version = "failed"
    result.send((version, differences.rows, known))


def check_table(
    reader: Reader, name: str, lake: lakes.Lake, plan: Plan, known: dict[str, Table], differences: Differences
) -> Table:
    """Checks one table; gives the columns of it that are known after this reader."""
    seen = reader.read(lake.folder(name))
    check_schema(reader, name, seen, differences)
    seen = as_expected(reader, name, seen).sorted_by(KEYS[name])
    expected = known.get(name, Table())
    for column, kind in seen.types.items():
        if column not in expected.columns:
            expected.add(column, kind, seen.columns[column])
    check_values(reader, name, expected, seen, differences)
    check_filter(reader, name, lake, expected, differences)
    if name == "windows":
        check_windows(reader, plan, seen, differences)
    return expected


def check_schema(reader: Reader, name: str, seen: Table, differences: Differences) -> None:
    differences.check(reader.name, name, "*", "columns", sorted(SCHEMAS[name]), sorted(seen.types))
    for column, kind in SCHEMAS[name].items():
        if reader.text_is_bytes and kind == "bytes" and seen.types.get(column) == "text":
            continue
        differences.check(reader.name, name, column, "type", kind, seen.types.get(column))


def as_expected(reader: Reader, name: str, seen: Table) -> Table:
    """Where text and bytes are one type, the bytes of a text column are its text."""
    if not reader.text_is_bytes:
        return seen
    table = Table()
    for column, values in seen.columns.items():
        kind = SCHEMAS[name].get(column, seen.types[column])
        if kind == "text":
            values = [value.decode() if isinstance(value, bytes) else value for value in values]
        table.add(column, kind, values)
    return table


def check_values(reader: Reader, name: str, known: Table, seen: Table, differences: Differences) -> None:
    for column, kind in known.types.items():
        if column not in seen.columns:
            continue
        expected, values = summary(kind, known.columns[column]), summary(kind, seen.columns[column])
        if expected == values:
            continue
        for what in expected:
            if what != "hash":
                differences.check(reader.name, name, column, what, expected[what], values[what])
        pairs = zip(known.columns[column], seen.columns[column], strict=False)
        for row, (one, other) in enumerate(pairs):
            if canonical(one) != canonical(other):
                differences.check(reader.name, name, column, f"row {row}", (one,), (other,))
                break


def check_filter(reader: Reader, name: str, lake: lakes.Lake, known: Table, differences: Differences) -> None:
    column = TIMES[name]
    times = sorted(value for value in known.columns[column] if value is not None)
    for least in [times[0], times[len(times) // 2], times[-1], times[-1] + 1]:
        expected = sum(least <= value for value in times)
        seen = reader.count_since(lake.folder(name), column, least)
        differences.check(reader.name, name, column, f"rows since {least}", expected, seen)


def check_windows(reader: Reader, plan: Plan, seen: Table, differences: Differences) -> None:
    """All rows of a window, corrections too, add up to its events."""
    add = lambda values: sum(values) if values else None
    adding = {"count": add, "measure_count": add, "sum": add}
    adding |= {"min": lambda values: min(values, default=None), "max": lambda values: max(values, default=None)}
    adding |= {"first_event_time": min, "last_event_time": max}
    rows: dict[tuple, list[int]] = {}
    keys = zip(*(seen.columns[name] for name in ["window_start", "device_id", "device_type"]), strict=True)
    for row, key in enumerate(keys):
        rows.setdefault(key, []).append(row)
    expected = plan.window_totals()
    differences.check(reader.name, "windows", "*", "windows", len(expected), len(rows))
    differences.check(reader.name, "windows", "kind", "values", {"on_time", "late"}, set(seen.columns["kind"]))
    for key, total in expected.items():
        for column, combine in adding.items():
            present = [seen.columns[column][row] for row in rows.get(key, [])]
            combined = combine([value for value in present if value is not None]) if present else None
            differences.check(reader.name, "windows", column, f"total of {key}", total[column], combined)


def check_p95(reader: str, expected: list[Answer], seen: list[Answer], differences: Differences) -> None:
    differences.check(reader, "silver", "*", "groups", len(expected), len(seen))
    for one, other in zip(expected, seen, strict=False):
        if not one.is_close_to(other):
            differences.check(reader, "silver", "p95", "answer", one, other)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), sys.argv[3:]))
