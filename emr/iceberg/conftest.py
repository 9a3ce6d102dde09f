"""One Spark session, and one lake that the tests take through its life."""

import os
from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession
from tables import Published

from penstock_spark import catalog


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """Two runs are poured, and each cut of them is published."""
    made = Published(tmp_path_factory.mktemp("tables") / "root")
    made.make()
    made.pour(events=20_000, seed=7)
    made.publish()
    made.pour(events=5_000, seed=8)
    made.publish()
    return made


@pytest.fixture(scope="module")
def spark(published: Published, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    settings = {
        "spark.ui.enabled": "false",
        "spark.log.level": "OFF",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.extraClassPath": f"{os.environ['ICEBERG_JARS']}/*",
        "spark.local.dir": str(tmp_path_factory.mktemp("spark")),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "4",
        # Each query sees the table as it is, and not as this session saw it last.
        "spark.sql.catalog.penstock.cache-enabled": "false",
    }
    builder = SparkSession.builder.master("local[2]").appName("tables")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    catalog.register(session, published.catalog, f"file://{published.lake}")
    yield session
    session.stop()
