"""What all entries share: a session, one message on failure, and the exit code."""

import sys
from collections.abc import Callable
from typing import TypeVar

from pyspark.sql import SparkSession

from penstock_spark import session
from penstock_spark.explain import explain

Arguments = TypeVar("Arguments")


def carry_out(name: str, parse: Callable[[], Arguments], run: Callable[[SparkSession, Arguments], int]) -> int:
    """Parses before Spark starts, because wrong usage need not wait for it."""
    try:
        arguments = parse()
        spark = session.start(name)
        try:
            return run(spark, arguments)
        finally:
            spark.stop()
    except Exception as error:  # noqa: BLE001 Whatever happens becomes one message.
        failure = explain(error)
        print(f"{name}: {failure}", file=sys.stderr)
        return failure.exit_code
