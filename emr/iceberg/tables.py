"""A lake that is published as tables, and the tables as each reader sees them."""

import json
import os
import subprocess
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table
from pyspark.sql import SparkSession

REPOSITORY = Path(__file__).parents[2]
QUESTION = (REPOSITORY / "emr/p95.sql").read_text()
NAMESPACE = "penstock"
TABLES = ("raw", "silver", "windows")
PLACES = {
    # Offsets begin again with each run.
    "raw": ("partition", "offset", "ingested_at"),
    "silver": ("partition", "offset", "event_id"),
    "windows": ("window_start", "device_id", "kind", "first_event_time", "last_event_time", "count"),
}
"""What rows are sorted by, so that two readers can be compared."""

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Published:
    """A lake with a catalogue beside it."""

    root: Path

    @property
    def lake(self) -> Path:
        return self.root / "lake"

    @property
    def dataset(self) -> Path:
        return self.root / "iot.toml"

    @property
    def catalog(self) -> str:
        return f"sqlite://{self.root}/catalog.db"

    def make(self) -> None:
        self.root.mkdir()
        self.declare("")

    def declare(self, column: str) -> None:
        """The shipped dataset, with tables and one more column."""
        shipped = (REPOSITORY / "datasets/iot.toml").read_text()
        with_column = shipped.replace("[roles]", f"{column}\n[roles]", 1)
        self.dataset.write_text(f'format = "iceberg"\n{with_column}')

    def pour(self, events: int, seed: int) -> None:
        """Events with duplicates, late ones and malformed ones, all of them poured."""
        run("penstock", "run", "--lake", self.lake, "--dataset", self.dataset, "--events", events, "--seed", seed)

    def publish(self) -> dict[str, Any]:
        said = run(
            "penstock-tables", "--lake", self.lake, "--dataset", self.dataset, "--catalog", self.catalog, "--json"
        )
        summary: dict[str, Any] = json.loads(said)
        return summary

    def compact(self, *options: str) -> str:
        command = [REPOSITORY / "emr/submit.sh", "compact", "--lake", self.lake, "--catalog", self.catalog, *options]
        return checked([str(word) for word in command])

    def table(self, name: str) -> Table:
        catalog = SqlCatalog("penstock", uri=self.catalog.replace("sqlite://", "sqlite:///"))
        return catalog.load_table(f"{NAMESPACE}.iot_{name}")

    def p95(self) -> str:
        """The product's own answer, as CSV."""
        answer = self.root / "p95.csv"
        run("penstock", "p95", "--lake", self.lake, "--dataset", self.dataset, "--csv", answer)
        return answer.read_text()


def run(binary: str, *arguments: object) -> str:
    return checked([f"{os.environ['BINARIES']}/{binary}", *map(str, arguments)])


def checked(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command} failed: {done.stdout}{done.stderr}"
    return done.stdout


def plain(published: Published, name: str, files: str = "**/*.parquet") -> Rows:
    """The plain files, by a reader that knows nothing of the tables."""
    glob = f"{published.lake}/{name}/iot/{files}"
    return rows(name, _duckdb().sql(f"FROM read_parquet('{glob}', union_by_name = true)").to_arrow_table())


def by_pyiceberg(published: Published, name: str, snapshot: int | None = None) -> Rows:
    return rows(name, published.table(name).scan(snapshot_id=snapshot).to_arrow())


def by_duckdb(published: Published, name: str) -> Rows:
    scan = f"iceberg_scan('{published.table(name).metadata_location}')"
    return rows(name, _duckdb_with_iceberg().sql(f"FROM {scan}").to_arrow_table())


def by_spark(spark: SparkSession, name: str) -> Rows:
    return rows(name, spark.table(f"penstock.{NAMESPACE}.iot_{name}").toArrow())


def rows(name: str, table: pa.Table) -> Rows:
    """Without `event_date`, which stands in the paths of the plain files alone."""
    found = [{key: row[key] for key in sorted(row) if key != "event_date"} for row in table.to_pylist()]
    return sorted(found, key=lambda row: tuple(str(row[column]) for column in PLACES[name]))


def p95_by_duckdb(published: Published) -> Rows:
    connection = _duckdb_with_iceberg()
    silver = f"iceberg_scan('{published.table('silver').metadata_location}')"
    connection.sql(f"CREATE VIEW silver AS SELECT *, CAST(event_time AS DATE) AS event_date FROM {silver}")
    answer: Rows = connection.sql(QUESTION).to_arrow_table().to_pylist()
    return answer


def p95_by_spark(spark: SparkSession) -> Rows:
    silver = f"SELECT *, CAST(event_time AS DATE) AS event_date FROM penstock.{NAMESPACE}.iot_silver"
    spark.sql(silver).createOrReplaceTempView("silver")
    return [row.asDict() for row in spark.sql(QUESTION).collect()]


def _duckdb() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.sql("SET TimeZone = 'UTC'")
    return connection


def _duckdb_with_iceberg() -> duckdb.DuckDBPyConnection:
    # The extensions come from PyPI: DuckDB's own server is not everywhere to be reached.
    connection = _duckdb()
    for name in ("avro", "iceberg"):
        folder = resources.files(f"duckdb_extension_{name}") / "extensions" / f"v{duckdb.__version__}"
        connection.load_extension(str(folder / f"{name}.duckdb_extension"))
    return connection
