"""What the DuckDB peers share: a connection of one thread, and the events as columns."""

import duckdb

COLUMNS = """{
    event_id: 'UUID', device_id: 'VARCHAR', device_type: 'VARCHAR', event_time: 'VARCHAR', event_duration: 'DOUBLE',
    value: 'DOUBLE', unit: 'VARCHAR', site: 'VARCHAR', firmware: 'VARCHAR', battery: 'BIGINT', status: 'VARCHAR'}"""


def connect():
    """One thread. The order of rows need not be kept, which spares memory and time."""
    connection = duckdb.connect(config={"threads": 1, "preserve_insertion_order": False})
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def events(lines):
    """The events of a file. A time is RFC 3339 with any offset, or epoch milliseconds."""
    return f"""
        SELECT * REPLACE (
            CASE WHEN contains(event_time, 'T') THEN event_time::TIMESTAMPTZ
                 ELSE make_timestamptz(event_time::BIGINT * 1000) END AS event_time)
        FROM read_json('{lines}', format = 'newline_delimited', columns = {COLUMNS})"""


def copy(connection, query, file):
    connection.execute(f"COPY ({query}) TO '{file}' (FORMAT parquet, COMPRESSION zstd)")
