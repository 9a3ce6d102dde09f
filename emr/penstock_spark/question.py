"""The question itself, as pure functions from data frames to data frames; emr/p95.sql says how it is read.

The text asks about the columns of the dataset iot, with its thresholds. Another dataset asks the same about its own
columns: they go in, and come out, under the text's names for them.
"""

from pathlib import Path

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as f

from penstock_spark import contract
from penstock_spark.dataset import Dataset, Question

_EXACT = "PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY events.event_duration)"
_MIN_EVENTS = "500 <= COUNT(*)"
_DEVIATIONS = "3 * stddev"


def text() -> str:
    """The text of emr/p95.sql, which stands beside this package, in a folder or in an archive."""
    loader = globals()["__loader__"]
    return str(loader.get_data(str(Path(__file__).parents[1] / "p95.sql")), "utf-8")


def query(sql: str, question: Question, accuracy: int | None) -> str:
    """The text with other thresholds, and with an approximate percentile if an accuracy is given."""
    sql = _replaced(sql, _MIN_EVENTS, f"{question.min_events} <= COUNT(*)", times=1)
    sql = _replaced(sql, _DEVIATIONS, f"CAST({question.deviations!r} AS DOUBLE) * stddev", times=4)
    if accuracy is None:
        return sql
    return _replaced(sql, _EXACT, f"PERCENTILE_APPROX(events.event_duration, 0.95, {accuracy})", times=1)


def columns(dataset: Dataset, question: Question) -> dict[str, str]:
    """The columns of silver that the question needs, with their types."""
    needed = {question.group, question.value, "event_date", *contract.COORDINATES}
    if dataset.id is not None:
        needed.add(dataset.id)
    return {name: kind for name, kind in contract.silver(dataset).items() if name in needed}


def events(silver: DataFrame, dataset: Dataset, question: Question) -> DataFrame:
    """Silver under the names of the text."""
    names: dict[str, Column] = {
        "event_date": f.col("event_date"),
        # Without an id each row is an event.
        "event_id": f.col(dataset.id) if dataset.id else f.monotonically_increasing_id(),
        "device_type": f.col(question.group),
        "event_duration": f.col(question.value),
    }
    coordinates = [f.col(name) for name in contract.COORDINATES]
    return silver.select(*(column.alias(name) for name, column in names.items()), *coordinates)


def answer(events: DataFrame, query: str, question: Question) -> DataFrame:
    """The answer, sorted by date and group, under the dataset's names."""
    events.createOrReplaceTempView("silver")
    result = events.sparkSession.sql(query)
    return result.withColumnsRenamed({"device_type": question.group, "p95_event_duration": f"p95_{question.value}"})


def _replaced(sql: str, old: str, new: str, times: int) -> str:
    if sql.count(old) != times:
        raise AssertionError(
            f"p95.sql has {sql.count(old)} times {old!r} and not {times}: tell question.py its new form"
        )
    return sql.replace(old, new)
