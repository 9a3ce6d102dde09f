"""A lake and its reports on S3, through S3A; EMR has its own way to S3, which is not tested here."""

import itertools
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lakes
import pytest
from conftest import NOW, Poured
from pyspark.sql import SparkSession
from s3 import CREDENTIALS, S3
from test_p95_job import EMR, PARTS

from penstock_spark import arguments, p95, validate
from penstock_spark.explain import explain
from penstock_spark.failure import FINDING, MISUSE, Failure

Pour = Callable[[lakes.Make], Poured]

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with S3().serving() as server:
        yield server


@pytest.fixture
def on_s3(s3: S3, spark: SparkSession, poured: Pour) -> tuple[str, str]:
    """A bucket of the test's own, so that Hadoop makes a client for it; and the URL of a lake in it."""
    bucket = f"test-{next(_numbers)}"
    know(spark, s3, bucket)
    return bucket, s3.bucket_with(bucket, poured(lakes.constants).lake)


def know(spark: SparkSession, s3: S3, bucket: str) -> None:
    java: Any = spark.sparkContext._jsc
    settings = {
        "endpoint": s3.url,
        "endpoint.region": CREDENTIALS["AWS_REGION"],
        "path.style.access": "true",
        "aws.credentials.provider": "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
        "access.key": CREDENTIALS["AWS_ACCESS_KEY_ID"],
        "secret.key": CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        # The job would wait for minutes.
        "attempts.maximum": "1",
        "retry.limit": "1",
        "retry.throttle.limit": "1",
        "connection.timeout": "2s",
        "connection.request.timeout": "3s",
    }
    for name, value in settings.items():
        java.hadoopConfiguration().set(f"fs.s3a.bucket.{bucket}.{name}", value)


def run(spark: SparkSession, lake: str, *options: str) -> None:
    p95.run(spark, arguments.parse(["--lake", lake, "--run-id", "daily", *options], NOW))


def test_a_report_on_s3_has_its_parts_and_nothing_else(
    s3: S3, on_s3: tuple[str, str], spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket, lake = on_s3
    run(spark, lake)
    assert s3.keys(bucket, "lake/reports/p95/iot/daily/") == PARTS
    csv = s3.client.get_object(Bucket=bucket, Key="lake/reports/p95/iot/daily/p95.csv")["Body"].read().decode()
    assert len(csv.splitlines()) == 1 + 7
    assert validate.run(spark, validate.parse(["--lake", lake])) == 0, capsys.readouterr().out


@pytest.mark.parametrize("part", ["p95.csv", "resources.json", "manifest.json"])
@pytest.mark.parametrize(
    ("fault", "exit_code", "says"),
    [
        ("busy", FINDING, "the store did not answer"),
        ("silent", FINDING, "the store did not answer"),
        ("denied", MISUSE, "the store refuses"),
    ],
)
def test_a_write_that_fails_leaves_no_report_and_the_next_run_makes_it(
    fault: str, exit_code: int, says: str, part: str, s3: S3, on_s3: tuple[str, str], spark: SparkSession
) -> None:
    bucket, lake = on_s3
    with s3.failing(fault, part):
        failure = refused(spark, lake)
    assert (failure.exit_code, says in str(failure)) == (exit_code, True), failure
    assert "manifest.json" not in s3.keys(bucket, "lake/reports/p95/iot/daily/")
    run(spark, lake)
    assert s3.keys(bucket, "lake/reports/p95/iot/daily/") == PARTS


def refused(spark: SparkSession, lake: str) -> Failure:
    with pytest.raises(Exception) as caught:
        run(spark, lake)
    return explain(caught.value)


def test_no_such_bucket(s3: S3, spark: SparkSession) -> None:
    know(spark, s3, "nobody-has-this-bucket")
    failure = refused(spark, "s3://nobody-has-this-bucket/lake")
    assert failure.exit_code == MISUSE, failure


def test_submit_brings_what_s3_needs(s3: S3, on_s3: tuple[str, str]) -> None:
    bucket, lake = on_s3
    environment = {**os.environ, **CREDENTIALS, "AWS_ENDPOINT_URL": s3.url}
    command: list[str | Path] = [EMR / "submit.sh", "p95", "--lake", lake, "--run-id", "submitted"]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == f"{lake}/reports/p95/iot/submitted: 7 groups of 4,200 events, 0 of them duplicates\n"
    manifest = s3.client.get_object(Bucket=bucket, Key="lake/reports/p95/iot/submitted/manifest.json")
    assert json.load(manifest["Body"])["groups"] == 7


def test_submit_refuses_what_it_does_not_know() -> None:
    ended = subprocess.run([EMR / "submit.sh", "q95"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr[:6]) == (2, "usage:")
