"""The same tables in the other catalogues: a server of Iceberg's REST protocol, and Glue as moto has it."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, TypeVar

import pytest
from glue_server import Glue
from pyiceberg.catalog.glue import GlueCatalog
from pyspark.sql import SparkSession
from rest_server import running_rest_catalog
from s3 import CREDENTIALS
from tables import NAMESPACE, TABLES, OnS3, Published, by_spark, comparable, plain, rows

from penstock_spark import catalog

Kind = TypeVar("Kind", bound=Published)


@pytest.fixture(scope="module")
def glue() -> Iterator[Glue]:
    server = Glue()
    with server.serving():
        server.client.create_bucket(Bucket="lake")
        yield server


@pytest.fixture(scope="module")
def on_glue(glue: Glue, tmp_path_factory: pytest.TempPathFactory) -> OnS3:
    return begun(OnS3(tmp_path_factory.mktemp("glue") / "root", "glue", glue.environment, glue.client, "lake"))


@pytest.fixture(scope="module")
def on_rest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    folder = tmp_path_factory.mktemp("rest")
    with running_rest_catalog(folder, f"file://{folder}/root/lake/tables") as url:
        yield begun(Published(folder / "root", url))


@pytest.fixture(params=["on_rest", "on_glue"])
def published(request: pytest.FixtureRequest) -> Published:
    found: Published = request.getfixturevalue(request.param)
    return found


def begun(published: Kind) -> Kind:
    published.make()
    published.pour(events=5_000, seed=1)
    published.publish()
    return published


@pytest.fixture
def spark(published: Published, session: SparkSession) -> SparkSession:
    own = session.newSession()
    catalog.register(own, published.catalog, published.url)
    java: Any = session.sparkContext._jvm
    for name, value in published.for_java().items():
        java.System.setProperty(name, value)
    return own


def check_all(published: Published, spark: SparkSession) -> None:
    for name in TABLES:
        expected = plain(published, name)
        assert 0 < len(expected)
        assert comparable(by_spark(spark, name), expected) == comparable(expected, expected), name


def cuts(spark: SparkSession, name: str) -> list[str]:
    """The cut of each snapshot."""
    snapshots = spark.sql(f"SELECT summary['penstock.cut'] AS cut FROM penstock.{NAMESPACE}.iot_{name}.snapshots")
    return [row.cut for row in snapshots.collect()]


def test_a_second_run_appends_nothing(published: Published, spark: SparkSession) -> None:
    assert all(table["cuts"] == [] for table in published.publish()["tables"])
    check_all(published, spark)


def test_runs_that_race_append_each_cut_once(published: Published, spark: SparkSession) -> None:
    published.pour(events=2_000, seed=2)
    published.bring()
    runs = [published.start_publishing() for _ in range(3)]
    ends = [(run.communicate(), run.returncode) for run in runs]
    # One that was overtaken may leave the rest to the next run, and says so.
    assert all(code in (0, 1) for _, code in ends), ends
    published.publish()
    for name in TABLES:
        times = Counter(cuts(spark, name))
        assert set(times.values()) == {1}, f"{name}: {times}"
    check_all(published, spark)


def test_a_commit_that_a_rival_overtook_is_refused_by_glue(on_glue: OnS3, glue: Glue) -> None:
    on_glue.pour(events=1_000, seed=3)
    on_glue.bring()
    glue.calls.clear()
    before = glue.refused
    glue.meanwhile = on_glue.publish
    # The rival has appended all there is.
    assert all(table["cuts"] == [] for table in on_glue.publish()["tables"])
    assert before < glue.refused
    # infra/modules/pipeline/tables.tf
    assert glue.calls - {"ListObjectsV2"} <= {"GetDatabase", "GetTable", "UpdateTable"}
    check_by_pyiceberg(on_glue)


def test_compaction_does_with_glue_what_its_role_may(on_glue: OnS3, glue: Glue) -> None:
    glue.calls.clear()
    said = on_glue.compact("--keep-hours", "0", "--min-files", "2")
    assert "penstock.iot_silver: " in said
    # infra/modules/emr/compaction.tf
    assert glue.calls <= {"GetDatabase", "GetTable", "UpdateTable"}
    check_by_pyiceberg(on_glue)
    assert all(table["cuts"] == [] for table in on_glue.publish()["tables"])


def check_by_pyiceberg(on_glue: OnS3) -> None:
    key, secret, region = CREDENTIALS.values()
    settings = {
        f"{service}.{name}": value
        for service in ("glue", "s3")
        for name, value in {
            "endpoint": on_glue.environment["AWS_ENDPOINT_URL"],
            "access-key-id": key,
            "secret-access-key": secret,
            "region": region,
        }.items()
    }
    tables = GlueCatalog("penstock", **settings)
    for name in TABLES:
        found = tables.load_table(f"{NAMESPACE}.iot_{name}").scan().to_arrow().to_pylist()
        expected = plain(on_glue, name)
        assert comparable(rows(name, found), expected) == comparable(expected, expected), name
