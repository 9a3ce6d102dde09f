"""A lake that is published as tables, and the tables as each reader sees them."""

import json
import os
import subprocess
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table
from pyspark.sql import SparkSession
from trino_server import Trino

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

SILVER_WITH_DAY = f"SELECT *, CAST(event_time AS DATE) AS event_date FROM penstock.{NAMESPACE}.iot_silver"

# Trino has no PERCENTILE_CONT, and the rest of the question is its own SQL, too.
PERCENTILE_FOR_TRINO = """
WITH FUNCTION percentile_cont(numbers array(double), fraction double) RETURNS double
BEGIN
    DECLARE place double DEFAULT fraction * (cardinality(numbers) - 1);
    DECLARE below integer DEFAULT CAST(floor(place) AS integer);
    DECLARE lower double DEFAULT numbers[below + 1];
    RETURN lower + (place - below) * (numbers[least(below + 2, cardinality(numbers))] - lower);
END
"""
PERCENTILE = (
    "PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY events.event_duration)",
    "percentile_cont(array_sort(array_agg(events.event_duration)), DOUBLE '0.95')",
)

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Published:
    """A lake in a folder, and a catalogue of its tables."""

    root: Path
    catalog: str
    environment: dict[str, str] = field(default_factory=dict)
    """What the programs get besides."""

    @property
    def lake(self) -> Path:
        return self.root / "lake"

    @property
    def url(self) -> str:
        """The lake to which the tables belong."""
        return f"file://{self.lake}"

    @property
    def dataset(self) -> Path:
        return self.root / "iot.toml"

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

    def bring(self) -> None:
        """What was poured comes to where it is published from: it is there."""

    def publish(self) -> dict[str, Any]:
        self.bring()
        publishing = self.start_publishing()
        out, err = publishing.communicate()
        assert publishing.returncode == 0, f"publishing failed: {out}{err}"
        summary: dict[str, Any] = json.loads(out)
        return summary

    def start_publishing(self) -> subprocess.Popen[str]:
        lake = self.url.removeprefix("file://")
        options = ["--lake", lake, "--dataset", str(self.dataset), "--catalog", self.catalog]
        return subprocess.Popen(
            [f"{os.environ['BINARIES']}/penstock-tables", *options, "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **self.environment},
        )

    def compact(self, *options: str) -> str:
        command = [REPOSITORY / "emr/submit.sh", "compact", "--lake", self.url, "--catalog", self.catalog, *options]
        return checked([str(word) for word in command], self.environment)

    def for_java(self) -> dict[str, str]:
        """The same as `environment`, for a program that runs already."""
        return {}

    def table(self, name: str) -> Table:
        """In a SQL catalogue."""
        catalog = SqlCatalog("penstock", uri=self.catalog.replace("sqlite://", "sqlite:///"))
        return catalog.load_table(f"{NAMESPACE}.iot_{name}")

    def p95(self) -> str:
        """The product's own answer, as CSV."""
        answer = self.root / "p95.csv"
        run("penstock", "p95", "--lake", self.lake, "--dataset", self.dataset, "--csv", answer)
        return answer.read_text()


@dataclass(frozen=True)
class OnS3(Published):
    """Poured into a folder, and published from a copy in a bucket."""

    s3: Any = None
    bucket: str = ""

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/lake"

    def bring(self) -> None:
        for path in self.lake.rglob("*"):
            if path.is_file():
                self.s3.upload_file(str(path), self.bucket, f"lake/{path.relative_to(self.lake)}")

    def for_java(self) -> dict[str, str]:
        given = self.environment
        return {
            "aws.accessKeyId": given["AWS_ACCESS_KEY_ID"],
            "aws.secretAccessKey": given["AWS_SECRET_ACCESS_KEY"],
            "aws.region": given["AWS_REGION"],
            "aws.endpointUrl": given["AWS_ENDPOINT_URL"],
        }


def run(binary: str, *arguments: object) -> str:
    return checked([f"{os.environ['BINARIES']}/{binary}", *map(str, arguments)], {})


def checked(command: list[str], environment: dict[str, str]) -> str:
    env = {**os.environ, **environment}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, f"{command} failed: {done.stdout}{done.stderr}"
    return done.stdout


def plain(published: Published, name: str, files: str = "**/*.parquet") -> Rows:
    """The plain files, by a reader that knows nothing of the tables."""
    glob = f"{published.lake}/{name}/iot/{files}"
    return rows(name, _duckdb().sql(f"FROM read_parquet('{glob}', union_by_name = true)").to_arrow_table().to_pylist())


def by_pyiceberg(published: Published, name: str, snapshot: int | None = None) -> Rows:
    return rows(name, published.table(name).scan(snapshot_id=snapshot).to_arrow().to_pylist())


def by_duckdb(published: Published, name: str) -> Rows:
    scan = f"iceberg_scan('{published.table(name).metadata_location}')"
    return rows(name, _duckdb_with_iceberg().sql(f"FROM {scan}").to_arrow_table().to_pylist())


def by_spark(spark: SparkSession, name: str) -> Rows:
    return rows(name, spark.table(f"penstock.{NAMESPACE}.iot_{name}").toArrow().to_pylist())


def by_trino(trino: Trino, name: str) -> Rows:
    return rows(name, trino.ask(f"SELECT * FROM penstock.{NAMESPACE}.iot_{name}"))


def rows(name: str, found: Rows) -> Rows:
    """Without `event_date`, which stands in the paths of the plain files alone."""
    plain = [{key: row[key] for key in sorted(row) if key != "event_date"} for row in found]
    return sorted(plain, key=lambda row: tuple(str(row[column]) for column in PLACES[name]))


def comparable(found: Rows, expected: Rows) -> Rows:
    """Without columns that the expected rows lack: they must be null."""
    columns = expected[0].keys()
    assert all(value is None for row in found for name, value in row.items() if name not in columns)
    return [{name: _as_bytes(row[name]) for name in columns} for row in found]


def _as_bytes(value: Any) -> Any:
    return bytes(value) if isinstance(value, bytearray) else value


def p95_by_duckdb(published: Published) -> Rows:
    connection = _duckdb_with_iceberg()
    silver = f"iceberg_scan('{published.table('silver').metadata_location}')"
    connection.sql(f"CREATE VIEW silver AS SELECT *, CAST(event_time AS DATE) AS event_date FROM {silver}")
    answer: Rows = connection.sql(QUESTION).to_arrow_table().to_pylist()
    return answer


def p95_by_spark(spark: SparkSession) -> Rows:
    spark.sql(SILVER_WITH_DAY).createOrReplaceTempView("silver")
    return [row.asDict() for row in spark.sql(QUESTION).collect()]


def p95_by_trino(trino: Trino) -> Rows:
    # It has no views of a session.
    silver = ("WITH occurrences", f"WITH silver AS ({SILVER_WITH_DAY}), occurrences")
    return trino.ask(PERCENTILE_FOR_TRINO + QUESTION.replace(*silver).replace(*PERCENTILE))


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
