"""DuckDB: the whole path in SQL (parse, check, deduplicate, windows, Parquet), and then the question.

Settings: tables in memory, so that the JSON is parsed and deduplicated once; the first of each id is found by the
number of its row, which took less time here than DISTINCT ON or row_number; one thread.
"""

from duckdb_sql import connect, copy, events
from measure import Measured, folders

CHECKED = """
    CREATE OR REPLACE TABLE checked AS
    SELECT *, event_id IS NOT NULL AND device_id IS NOT NULL AND device_type IS NOT NULL AND event_duration IS NOT NULL
           AND event_time BETWEEN now() - INTERVAL 30 DAY AND now() + INTERVAL 10 MINUTE AS good
    FROM ({events})"""
SILVER = """
    CREATE OR REPLACE TABLE silver AS
    SELECT * EXCLUDE (good) FROM checked
    WHERE good AND rowid IN (SELECT min(rowid) FROM checked WHERE good GROUP BY event_id)"""
WINDOWS = """
    SELECT time_bucket(INTERVAL 1 MINUTE, event_time) AS window_start, device_id, count(*) AS "count",
           count(value) AS measure_count, sum(value) AS sum, min(value) AS min, max(value) AS max, avg(value) AS avg,
           min(event_time) AS first_event_time, max(event_time) AS last_event_time
    FROM silver GROUP BY ALL"""
P95 = """
    WITH events AS (
        SELECT DISTINCT ON (event_date, event_id) event_time::DATE AS event_date, device_type, event_duration
        FROM '{silver}'),
    bounds AS (
        SELECT event_date, device_type, avg(event_duration) AS mean, stddev_samp(event_duration) AS stddev,
               count(*) AS distinct_events
        FROM events GROUP BY ALL HAVING 500 <= count(*))
    SELECT event_date::VARCHAR AS event_date, device_type AS "group", any_value(distinct_events) AS distinct_events,
           count(*) AS used, quantile_cont(event_duration, 0.95) AS p95
    FROM events JOIN bounds USING (event_date, device_type)
    WHERE abs(event_duration - mean) <= 3 * stddev + 1e-9 * (abs(mean) + 3 * stddev)
    GROUP BY ALL ORDER BY ALL"""


def path(connection, lines, out):
    connection.execute(CHECKED.format(events=events(lines)))
    connection.execute(SILVER)
    copy(connection, "FROM silver", out / "silver.parquet")
    copy(connection, WINDOWS, out / "windows.parquet")
    copy(connection, "SELECT * EXCLUDE (good) FROM checked WHERE NOT coalesce(good, false)", out / "rejects.parquet")


def main():
    data, out = folders()
    connection = connect()
    path(connection, data / "warm-up.ndjson", out)
    measured = Measured()
    with measured.step("path"):
        path(connection, data / "events.ndjson", out)
    measured["path"]["bytes"] = sum(file.stat().st_size for file in out.glob("*.parquet"))
    with measured.step("p95"):
        connection.execute(
            f"COPY ({P95.format(silver=out / 'silver.parquet')}) TO '{out / 'p95.json'}' (FORMAT json, ARRAY)"
        )
    measured.print()


main()
