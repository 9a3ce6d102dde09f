"""What the tests share: one Spark session, the product's binaries, and lakes that are poured once."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import lakes
import pytest
from pyspark.sql import SparkSession

from penstock_spark import arguments, p95

# Not a round time, so that a test notices where it comes from.
NOW = datetime(2026, 3, 14, 1, 59, 26, tzinfo=UTC)


@dataclass(frozen=True)
class Poured:
    """A lake that the product has made."""

    root: Path
    dataset: Path

    @property
    def lake(self) -> Path:
        return self.root / "lake"


@pytest.fixture(scope="session")
def binaries() -> Path:
    return Path(os.environ["BINARIES"])


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    folder = tmp_path_factory.mktemp("spark")
    settings = {
        "spark.ui.enabled": "false",
        "spark.log.level": "OFF",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.extraClassPath": f"{os.environ['S3A_JARS']}/*",
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
    }
    builder = SparkSession.builder.master("local[2]").appName("tests")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.fixture(scope="session")
def poured(binaries: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[lakes.Make], Poured]:
    made: dict[str, Poured] = {}

    def pour(make: lakes.Make) -> Poured:
        if make.__name__ not in made:
            root = tmp_path_factory.mktemp("lakes") / make.__name__
            made[make.__name__] = Poured(root, lakes.pour(binaries / "penstock", root, make))
        return made[make.__name__]

    return pour


@pytest.fixture
def ask(spark: SparkSession, tmp_path: Path) -> Callable[..., Path]:
    """Runs the job on a lake, with options of its command line; returns the report's folder."""

    def run(lake: Path, *options: str) -> Path:
        command_line = ["--lake", str(lake), "--output", str(tmp_path / "reports"), *options]
        given = arguments.parse(command_line, NOW)
        p95.run(spark, given)
        return tmp_path / "reports" / given.run_id

    return run
