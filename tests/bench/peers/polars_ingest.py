"""Polars: lines of JSON to one Parquet file with zstd.

Settings: lazy and streaming, so that it plans the whole; the schema given, so that it infers nothing; one thread.
"""

import os

os.environ["POLARS_MAX_THREADS"] = "1"

import polars as pl  # noqa: E402
from measure import Measured, folders  # noqa: E402

SCHEMA = {
    "event_id": pl.String,
    "device_id": pl.String,
    "device_type": pl.String,
    "event_time": pl.String,
    "event_duration": pl.Float64,
    "value": pl.Float64,
    "unit": pl.String,
    "site": pl.String,
    "firmware": pl.String,
    "battery": pl.Int64,
    "status": pl.String,
}


def ingest(lines, file):
    text = pl.col("event_time")
    is_text = text.str.contains("T", literal=True)
    of_text = pl.when(is_text).then(text).str.to_datetime("%+", time_unit="us", time_zone="UTC")
    of_millis = pl.from_epoch(pl.when(~is_text).then(text).cast(pl.Int64), "ms").dt.cast_time_unit("us")
    event_time = pl.coalesce(of_text, of_millis.dt.replace_time_zone("UTC"))
    pl.scan_ndjson(lines, schema=SCHEMA).with_columns(event_time=event_time).sink_parquet(file, compression="zstd")


def main():
    data, out = folders()
    ingest(data / "warm-up.ndjson", out / "warm-up")
    (out / "warm-up").unlink()
    measured = Measured()
    with measured.step("ingest"):
        ingest(data / "events.ndjson", out / "events.parquet")
    measured["ingest"]["bytes"] = (out / "events.parquet").stat().st_size
    measured.print()


main()
