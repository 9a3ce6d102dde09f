"""DuckDB: lines of JSON to one Parquet file with zstd.

Settings: the columns given, so that it infers nothing; ids as UUID, which is its compact type for them; one thread.
"""

from duckdb_sql import connect, copy, events
from measure import Measured, folders


def main():
    data, out = folders()
    connection = connect()
    copy(connection, events(data / "warm-up.ndjson"), out / "warm-up")
    (out / "warm-up").unlink()
    measured = Measured()
    with measured.step("ingest"):
        copy(connection, events(data / "events.ndjson"), out / "events.parquet")
    measured["ingest"]["bytes"] = (out / "events.parquet").stat().st_size
    measured.print()


main()
