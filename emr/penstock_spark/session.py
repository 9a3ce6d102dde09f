"""The Spark session and the settings that the jobs choose, each with its reason.

What was given to spark-submit stays, except where another value would change the answer.
"""

from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession

_MEBIBYTE = 1024 * 1024

SHUFFLE_PARTITION_BYTES = 64 * _MEBIBYTE
"""Bytes of silver for one partition of the shuffle, which is about as large: about a million events to sort."""

MOST_SHUFFLE_PARTITIONS = 20_000


@dataclass(frozen=True)
class Setting:
    name: str
    value: str
    reason: str
    decides_the_answer: bool = False


ALWAYS = (
    Setting("spark.sql.session.timeZone", "UTC", "a day is a UTC date", decides_the_answer=True),
    Setting(
        "spark.sql.files.ignoreCorruptFiles", "false", "a file that cannot be read is an error", decides_the_answer=True
    ),
    Setting(
        "spark.sql.files.ignoreMissingFiles", "false", "a file that disappears is an error", decides_the_answer=True
    ),
    Setting("spark.sql.adaptive.enabled", "true", "joins small partitions of a shuffle and splits skewed ones"),
    Setting(
        "spark.sql.optimizer.windowGroupLimitThreshold",
        "-1",
        "nearly every id occurs once, so that looking for the first of each before the shuffle only sorts twice",
    ),
    Setting(
        "spark.sql.optimizer.dynamicPartitionPruning.enabled",
        "false",
        "the events are joined with their own bounds: pruning one side by the other would read silver twice",
    ),
    Setting(
        "spark.sql.adaptive.optimizer.excludedRules",
        "org.apache.spark.sql.execution.adaptive.AQEPropagateEmptyRelation",
        "keeps the steps that have counted events and duplicates, even if no group had enough of them",
    ),
)


def start(name: str) -> SparkSession:
    return SparkSession.builder.appName(name).getOrCreate()


def shuffle_partitions(spark: SparkSession, input_bytes: int) -> Setting:
    wanted = -(-input_bytes // SHUFFLE_PARTITION_BYTES)
    number = min(max(wanted, spark.sparkContext.defaultParallelism), MOST_SHUFFLE_PARTITIONS)
    reason = f"one for each {SHUFFLE_PARTITION_BYTES // _MEBIBYTE} MiB of silver, and at least one for each core"
    return Setting("spark.sql.shuffle.partitions", str(number), reason)


def apply(spark: SparkSession, settings: list[Setting]) -> list[Setting]:
    """Returns the settings as they are now."""
    given: Any = spark.sparkContext.getConf()
    return [_apply(spark, setting, given.get(setting.name)) for setting in settings]


def _apply(spark: SparkSession, setting: Setting, given: str | None) -> Setting:
    if given is not None and given != setting.value and not setting.decides_the_answer:
        return Setting(setting.name, given, "given to spark-submit")
    spark.conf.set(setting.name, setting.value)
    return setting
