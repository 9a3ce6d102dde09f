"""What went wrong inside Spark, in one message with a remedy."""

import re

from py4j.protocol import Py4JJavaError, Py4JNetworkError
from pyspark.errors import PySparkException

from penstock_spark.failure import FINDING, MISUSE, Failure

_MEMORY = re.compile(
    r"OutOfMemory|UNABLE_TO_ACQUIRE_MEMORY|Container killed .* memory|exit code (?:137|143|52)", re.IGNORECASE
)
_DAMAGED = re.compile(
    r"FAILED_READ_FILE|CANNOT_READ_FILE_FOOTER|is not a Parquet file"
    r"|CANNOT_MERGE_SCHEMA|CorruptStatistics|ParquetDecodingException"
)
_EMPTY = re.compile(r"UNABLE_TO_INFER_SCHEMA")
_DENIED = re.compile(
    r"AccessDenied|403 Forbidden|Status Code: 403|InvalidAccessKeyId|NoAuthWithAWS|No AWS Credentials", re.IGNORECASE
)
_NO_STORE = re.compile(r"No FileSystem for scheme|S3AFileSystem not found|UnknownHostException|NoSuchBucket|Wrong FS")
_STORE = re.compile(
    r"timed out|Timeout|Connection (?:reset|refused)|SlowDown|Status Code: 5\d\d"
    r"|AWSServiceIOException|AWSClientIOException",
    re.IGNORECASE,
)

_REMEDIES = (
    (
        _MEMORY,
        FINDING,
        "not enough memory",
        "give the executors more (spark.executor.memory, locally spark.driver.memory), "
        "or bound what the percentile keeps with --approximate 10000",
    ),
    (
        _DAMAGED,
        FINDING,
        "a file of the lake cannot be read",
        "`penstock audit` names the files that are not what refine wrote; restore them from a backup",
    ),
    (
        _EMPTY,
        FINDING,
        "a folder of the lake has no Parquet file",
        "`penstock audit` names the files that should be there",
    ),
    (
        _DENIED,
        MISUSE,
        "the store refuses",
        "give the job's role the right to list and read the lake, and to write, list and delete the reports",
    ),
    (
        _NO_STORE,
        MISUSE,
        "there is no such store",
        "check --lake and --output; s3:// needs EMR, or the S3A jars (emr/submit.sh brings them)",
    ),
    (_STORE, FINDING, "the store did not answer", "nothing half written counts: run again with the same --run-id"),
)


def explain(error: Exception) -> Failure:
    """The failure for the end user. Whatever is unknown stays as it is."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, (Py4JNetworkError, ConnectionError)):
        return Failure(
            FINDING,
            "Spark's Java process ended, most often for want of memory: see its log, "
            "and give the driver more (spark.driver.memory)",
        )
    text = _causes(error)
    for pattern, exit_code, what, remedy in _REMEDIES:
        if pattern.search(text):
            return Failure(exit_code, f"{what}: {_first_lines(error)}\n{remedy}")
    return Failure(FINDING, f"{type(error).__name__}: {_first_lines(error)}")


def _causes(error: Exception) -> str:
    """The message, and those of what caused it."""
    return str(error) if not isinstance(error, Py4JJavaError) else f"{error} {error.java_exception}"


def _first_lines(error: Exception) -> str:
    """The message without the traces of calls, which say nothing to who runs the job."""
    if isinstance(error, PySparkException):
        text = error.getMessage() or str(error)
    elif isinstance(error, Py4JJavaError):
        text = str(error.java_exception)
    else:
        text = str(error)
    lines = [line.strip() for line in text.splitlines()]
    told = [
        line for line in lines if line and not line.startswith(("at ", "...", "JVM stacktrace", "Driver stacktrace"))
    ]
    return " ".join(told)[:600]
