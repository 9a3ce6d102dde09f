"""Reads a lake of user actions with DuckDB and pyarrow, and compares silver with the golden rows and windows with their count.

Usage: readers.py LAKE GOLDEN.ndjson
"""

import json
import sys
from collections import Counter
from datetime import date, datetime, timezone

import duckdb
import pyarrow.dataset

COLUMNS = ["offset", "event_datetime", "event_date", "event_name", "user_id", "platform", "product_name", "SKU"]


def golden_rows(path):
    rows = []
    with open(path, encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            row["event_datetime"] = datetime.fromisoformat(row["event_datetime"].replace("Z", "+00:00"))
            row["event_date"] = date.fromisoformat(row["event_date"])
            rows.append(tuple(row[column] for column in COLUMNS))
    return rows


def with_duckdb(lake):
    """Names and rows of silver, and the windows."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    silver = f"read_parquet('{lake}/silver/user_actions/**/*.parquet', hive_partitioning = true)"
    names = [name for name, *_ in connection.execute(f"DESCRIBE SELECT * FROM {silver}").fetchall()]
    quoted = ", ".join(f'"{column}"' for column in COLUMNS)
    rows = connection.execute(f'SELECT {quoted} FROM {silver} ORDER BY "offset"').fetchall()
    windows = f"read_parquet('{lake}/windows/user_actions/**/*.parquet', hive_partitioning = true)"
    wanted = f'SELECT event_name, window_start, "count", "sum" FROM {windows}'
    return names, [at_utc(row) for row in rows], connection.execute(wanted).fetchall()


def with_pyarrow(lake):
    """The same, by another reader."""
    silver = pyarrow.dataset.dataset(f"{lake}/silver/user_actions", format="parquet", partitioning="hive")
    table = silver.to_table().sort_by("offset")
    rows = list(zip(*(table.column(column).to_pylist() for column in COLUMNS), strict=True))
    windows = pyarrow.dataset.dataset(f"{lake}/windows/user_actions", format="parquet", partitioning="hive").to_table()
    columns = ["event_name", "window_start", "count", "sum"]
    windows = list(zip(*(windows.column(column).to_pylist() for column in columns), strict=True))
    return silver.schema.names, [at_utc(row) for row in rows], windows


def at_utc(row):
    """Readers may show a time in another zone, and the date in the path as text."""
    offset, time, day, *rest = row
    day = day if isinstance(day, date) else date.fromisoformat(day)
    return (offset, time.astimezone(timezone.utc), day, *rest)


def check(reader, read, golden):
    names, rows, windows = read
    differences = [f"  {found}\n  instead of\n  {expected}" for found, expected in zip(rows, golden) if found != expected]
    if len(rows) != len(golden):
        differences.append(f"  {len(rows)} rows instead of {len(golden)}")
    missing = [column for column in COLUMNS if column not in names]
    if missing:
        differences.append(f"  columns {missing} are not among {names}")
    counted = Counter()
    for name, start, count, measure in windows:
        counted[name, start.astimezone(timezone.utc)] += count
        if measure is not None:
            differences.append(f"  the window {name} {start} has the sum {measure}, and nothing is measured")
    expected = Counter((row[3], row[1].replace(second=0, microsecond=0)) for row in golden)
    if counted != expected:
        differences.append(f"  windows count {counted}\n  instead of\n  {expected}")
    print(f"{reader}: {len(rows)} rows, {len(windows)} windows, {'as expected' if not differences else 'not as expected:'}")
    print(*differences, sep="\n", end="")
    return not differences


def main():
    lake, golden = sys.argv[1], golden_rows(sys.argv[2])
    agree = [check("DuckDB", with_duckdb(lake), golden), check("pyarrow", with_pyarrow(lake), golden)]
    sys.exit(0 if all(agree) else 1)


main()
