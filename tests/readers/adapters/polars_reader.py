"""Polars."""

from pathlib import Path

import polars as pl

from adapters.arrow import from_arrow
from adapters.reader import Reader, is_partitioned, utc
from p95 import Answer
from table import Table


class Polars(Reader):
    name = "Polars"

    def version(self) -> str:
        return pl.__version__

    def read(self, folder: Path) -> Table:
        return from_arrow(scan(folder).collect().to_arrow())

    def count_since(self, folder: Path, column: str, micros: int) -> int:
        return scan(folder).filter(pl.col(column) >= utc(micros)).select(pl.len()).collect().item()

    def p95(self, silver: Path) -> list[Answer]:
        group = ["event_date", "device_type"]
        x = pl.col("event_duration")
        events = scan(silver).sort("topic", "partition", "offset", nulls_last=True)
        events = events.unique(["event_date", "event_id"], keep="first", maintain_order=True)
        slack = 1e-9 * (pl.col("mean").abs() + 3 * pl.col("stddev"))
        days = (
            events.group_by(group)
            .agg(mean=x.mean(), stddev=x.std(), distinct_events=pl.len())
            .filter(pl.col("distinct_events") >= 500)
            .with_columns(
                lower=pl.col("mean") - 3 * pl.col("stddev") - slack,
                upper=pl.col("mean") + 3 * pl.col("stddev") + slack,
            )
        )
        used = events.join(days, on=group).filter(x.is_between(pl.col("lower"), pl.col("upper")))
        percentiles = used.group_by(group).agg(p95=x.quantile(0.95, "linear"), used=pl.len())
        rows = days.join(percentiles, on=group).sort(group).collect().to_dicts()
        return [
            Answer(
                str(row["event_date"]), row["device_type"], row["p95"], row["mean"], row["stddev"], row["lower"],
                row["upper"], row["distinct_events"], row["distinct_events"] - row["used"], row["used"],
            )
            for row in rows
        ]


def scan(folder: Path) -> pl.LazyFrame:
    return pl.scan_parquet(folder / "**/*.parquet", hive_partitioning=is_partitioned(folder))


start = Polars
