"""Spark, in this process."""

import os
from pathlib import Path

import pyspark
from pyspark.sql import SparkSession

from adapters.arrow import from_arrow
from adapters.reader import Reader, utc
from p95 import SQL, Answer
from table import Table


class Spark(Reader):
    name = "Spark"

    def __init__(self):
        os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
        settings = {
            "spark.sql.session.timeZone": "UTC",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.sql.shuffle.partitions": "2",
            "spark.log.level": "ERROR",
        }
        builder = SparkSession.builder.master("local[2]")
        for name, value in settings.items():
            builder = builder.config(name, value)
        self._session = builder.getOrCreate()

    def version(self) -> str:
        return pyspark.__version__

    def read(self, folder: Path) -> Table:
        frame = self._scan(folder)
        return from_arrow(frame.toArrow())

    def count_since(self, folder: Path, column: str, micros: int) -> int:
        return self._scan(folder).where(f"{column} >= TIMESTAMP '{utc(micros).isoformat()}'").count()

    def p95(self, silver: Path) -> list[Answer]:
        self._scan(silver).createOrReplaceTempView("silver")
        return [Answer(str(row[0]), *row[1:]) for row in self._session.sql(SQL).collect()]

    def close(self) -> None:
        self._session.stop()

    def _scan(self, folder: Path):
        # The folders of raw objects are no partitions; those of a day are.
        return self._session.read.option("recursiveFileLookup", not any(folder.glob("event_date=*"))).parquet(str(folder))


start = Spark
