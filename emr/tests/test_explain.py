"""What Spark throws becomes one message with a remedy."""

import pytest
from py4j.protocol import Py4JNetworkError
from pyspark.errors import PySparkException

from penstock_spark.explain import explain
from penstock_spark.failure import FINDING, MISUSE, misuse


@pytest.mark.parametrize(
    ("message", "exit_code", "parts"),
    [
        ("java.lang.OutOfMemoryError: Java heap space", FINDING, ["not enough memory", "--approximate"]),
        ("ExecutorLostFailure (executor 1 exited with exit code 137)", FINDING, ["spark.executor.memory"]),
        ("[UNABLE_TO_ACQUIRE_MEMORY] Unable to acquire 65536 bytes", FINDING, ["not enough memory"]),
        ("[FAILED_READ_FILE.NO_HINT] reading file s3://b/a.parquet", FINDING, ["s3://b/a.parquet", "penstock audit"]),
        ("software.amazon.awssdk...S3Exception: (Status Code: 503)", FINDING, ["same --run-id"]),
        ("java.net.SocketTimeoutException: Read timed out", FINDING, ["the store did not answer"]),
        ("AccessDenied (Service: S3, Status Code: 403)", MISUSE, ["the job's role"]),
        ('UnsupportedFileSystemException: No FileSystem for scheme "s3"', MISUSE, ["emr/submit.sh"]),
        ("something new", FINDING, ["something new"]),
    ],
)
def test_a_message_has_a_remedy(message: str, exit_code: int, parts: list[str]) -> None:
    for error in (PySparkException(message=message), RuntimeError(message)):
        failure = explain(error)
        assert failure.exit_code == exit_code, failure
        assert all(part in str(failure) for part in parts), failure


def test_a_java_process_that_ended() -> None:
    failure = explain(Py4JNetworkError("Answer from Java side is empty"))
    assert failure.exit_code == FINDING
    assert "spark.driver.memory" in str(failure)


def test_what_is_explained_stays_as_it_is() -> None:
    failure = misuse("no lake")
    assert explain(failure) is failure


def test_traces_of_calls_are_left_out() -> None:
    failure = explain(RuntimeError("it broke\n\tat org.apache.spark.Some.thing(Some.scala:1)\n\tat java.base/x\n"))
    assert str(failure) == "RuntimeError: it broke"
