"""Spark Structured Streaming: the whole path (parse, check, deduplicate, windows, Parquet), and then the question.

Settings: one executor thread and one shuffle partition, since there is one core; the schema given; one micro-batch
for all that waits; zstd. The start is left out, and the whole ran once before, so that its code is compiled.
Processor time is that of the Java process, with its garbage collector and compiler.
"""

import json
import os
import shutil
import time

from measure import folders
from pyspark.sql import SparkSession
from pyspark.sql import functions as f

SCHEMA = """event_id STRING, device_id STRING, device_type STRING, event_time STRING, event_duration DOUBLE,
    value DOUBLE, unit STRING, site STRING, firmware STRING, battery BIGINT, status STRING"""
EVENT_TIME = "coalesce(timestamp_millis(try_cast(event_time AS BIGINT)), try_cast(event_time AS TIMESTAMP))"
CHECKS = """event_id IS NOT NULL AND device_id IS NOT NULL AND device_type IS NOT NULL AND event_duration IS NOT NULL
    AND event_time BETWEEN now() - INTERVAL 30 DAYS AND now() + INTERVAL 10 MINUTES"""
P95 = """
    WITH events AS (
        SELECT DISTINCT event_id, to_date(event_time) AS event_date, device_type, event_duration FROM silver),
    bounds AS (
        SELECT event_date, device_type, avg(event_duration) AS mean, stddev_samp(event_duration) AS stddev,
               count(*) AS distinct_events
        FROM events GROUP BY event_date, device_type HAVING 500 <= count(*))
    SELECT CAST(event_date AS STRING) AS event_date, device_type AS group,
           any_value(distinct_events) AS distinct_events, count(*) AS used,
           percentile(event_duration, 0.95) AS p95
    FROM events JOIN bounds USING (event_date, device_type)
    WHERE abs(event_duration - mean) <= 3 * stddev + 1e-9 * (abs(mean) + 3 * stddev)
    GROUP BY event_date, device_type ORDER BY event_date, device_type"""


def path(spark, lines, out):
    """Streams a folder of lines until nothing waits."""

    def write(batch, number):
        batch.persist()
        batch.write.mode("append").parquet(str(out / "silver"))
        windows = batch.groupBy(f.window("event_time", "1 minute").start.alias("window_start"), "device_id").agg(
            f.count("*").alias("count"),
            f.count("value").alias("measure_count"),
            *(function("value").alias(function.__name__) for function in (f.sum, f.min, f.max, f.avg)),
            f.min("event_time").alias("first_event_time"),
            f.max("event_time").alias("last_event_time"),
        )
        windows.write.mode("append").parquet(str(out / "windows"))
        batch.unpersist()

    events = spark.readStream.schema(SCHEMA).json(str(lines)).withColumn("event_time", f.expr(EVENT_TIME))
    distinct = events.where(CHECKS).withWatermark("event_time", "2 minutes").dropDuplicatesWithinWatermark(["event_id"])
    stream = distinct.writeStream.foreachBatch(write).trigger(availableNow=True)
    stream.option("checkpointLocation", str(out / "checkpoint")).start().awaitTermination()


def answer(spark, out):
    spark.read.parquet(str(out / "silver")).createOrReplaceTempView("silver")
    rows = [row.asDict() for row in spark.sql(P95).collect()]
    (out / "p95.json").write_text(json.dumps(rows))


def main():
    data, out = folders()
    # A stream reads folders.
    lines = data / "lines"
    lines.mkdir()
    (lines / "events.ndjson").hardlink_to(data / "events.ndjson")
    spark = session(out)
    java = spark.sparkContext._gateway.proc.pid

    def measured(step):
        cpu, wall = cpu_secs(java), time.perf_counter()
        step()
        return {"cpu_secs": cpu_secs(java) - cpu, "wall_secs": time.perf_counter() - wall}

    warm_up = out / "warm-up"
    path(spark, lines, warm_up)
    answer(spark, warm_up)
    shutil.rmtree(warm_up)
    steps = {"path": measured(lambda: path(spark, lines, out)), "p95": measured(lambda: answer(spark, out))}
    files = [file for folder in ("silver", "windows") for file in (out / folder).rglob("*.parquet")]
    steps["path"]["bytes"] = sum(file.stat().st_size for file in files)
    spark.stop()
    shutil.rmtree(lines)
    print(json.dumps(steps))


def cpu_secs(pid):
    """User and system time of a process, with the threads that have ended."""
    with open(f"/proc/{pid}/stat") as stat:
        # Behind the name, which may hold anything, follow the state as field 3 and the times as 14 and 15.
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def session(out):
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.memory": "3g",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.local.dir": str(out / "spark"),
        "spark.sql.warehouse.dir": str(out / "warehouse"),
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.parquet.compression.codec": "zstd",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        "spark.sql.streaming.metricsEnabled": "false",
    }
    builder = SparkSession.builder.master("local[1]").appName("penstock-bench")
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


main()
