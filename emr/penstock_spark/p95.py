"""The p95 job: reads silver as it was after the newest poured cut, asks the question, writes the report."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as f

from penstock_spark import contract, plan, question, resources, session
from penstock_spark.arguments import Arguments
from penstock_spark.dataset import Question
from penstock_spark.failure import finding, misuse
from penstock_spark.files import Files
from penstock_spark.lake import Lake, open_lake
from penstock_spark.report import CSV, PARQUET, RESOURCES_JSON, RESOURCES_MARKDOWN, Report, as_csv


def run(spark: SparkSession, arguments: Arguments) -> str:
    """Makes the report; returns what is to be said of it."""
    meter = resources.Meter(spark)
    lake = open_lake(Files(spark, arguments.lake), arguments.dataset)
    asked = _question(lake, arguments)
    report = Report(Files(spark, arguments.output), arguments.run_id)
    if report.is_whole(_as_asked(arguments, asked)):
        return f"{report.url} is whole already"
    days = _days(lake, arguments)
    silver_bytes = _bytes(lake, days)
    settings = session.apply(spark, [*session.ALWAYS, session.shuffle_partitions(spark, silver_bytes)])
    silver = read_silver(spark, lake, days)
    _check_columns(silver, lake, asked)
    events = question.events(silver, lake.dataset, asked)
    answer = question.answer(events, question.query(question.text(), asked, arguments.accuracy), asked)
    rows = answer.collect()
    read, distinct = plan.rows_into_and_out_of_dedupe(answer)
    facts = {
        "asked": _as_asked(arguments, asked),
        "run_id": arguments.run_id,
        "lake": arguments.lake,
        "cut": lake.cut,
        "unpoured_cut": lake.unpoured_cut,
        "days": [str(day) for day in days],
        "days_without_silver": [str(day) for day in _missing(days, arguments)],
        "silver_bytes": silver_bytes,
        "events": read,
        "duplicates": read - distinct,
        "groups": len(rows),
    }
    _write(report, answer, rows, facts, lambda: meter.read(settings))
    return _summary(report, facts, lake)


def read_silver(spark: SparkSession, lake: Lake, days: list[date]) -> DataFrame:
    """The days alone, without files of a later cut. All footers are read, so that no file has other types unnoticed."""
    folders = [lake.files.url(lake.day_folder("silver", day)) for day in days]
    reader = spark.read.option("basePath", lake.files.url(lake.folder("silver"))).option("mergeSchema", True)
    return reader.parquet(*folders).where(f.col("_metadata.file_name") <= lake.last_file)


def _question(lake: Lake, arguments: Arguments) -> Question:
    own = lake.dataset.question
    if own is None:
        raise misuse(
            f"the dataset {lake.dataset.name} has no section [p95]: "
            "say there which `group` and which `value` the question is about"
        )
    return replace(
        own,
        min_events=arguments.min_events or own.min_events,
        deviations=arguments.deviations or own.deviations,
    )


def _days(lake: Lake, arguments: Arguments) -> list[date]:
    there = lake.days("silver")
    first, last = arguments.first_day or date.min, arguments.last_day or date.max
    days = [day for day in there if first <= day <= last]
    if not days:
        between = f" between {first} and {last}" if there else ""
        known = f": the lake has {there[0]} to {there[-1]}" if there else ""
        raise finding(f"there is no silver of {lake.dataset.name}{between} in {arguments.lake}{known}")
    return days


def _missing(days: list[date], arguments: Arguments) -> list[date]:
    """The days of the range that have no silver: nothing happened, or nothing arrived."""
    first, last = arguments.first_day or days[0], arguments.last_day or days[-1]
    numbers = range(first.toordinal(), last.toordinal() + 1)
    return [date.fromordinal(number) for number in numbers if date.fromordinal(number) not in days]


def _bytes(lake: Lake, days: list[date]) -> int:
    """Of the files as they lie: Spark does not count all that it reads from a local disk."""
    files = [entry for day in days for entry in lake.files.list(lake.day_folder("silver", day))]
    return sum(entry.bytes for entry in files if entry.name <= lake.last_file)


def _check_columns(silver: DataFrame, lake: Lake, asked: Question) -> None:
    problems = contract.problems(question.columns(lake.dataset, asked), silver.schema)
    if problems:
        raise finding(f"{lake.files.url(lake.folder('silver'))} is not what the dataset says: {'; '.join(problems)}")


def _as_asked(arguments: Arguments, asked: Question) -> dict[str, Any]:
    """What makes two reports answers to one question."""
    return {
        "dataset": arguments.dataset,
        "from": arguments.first_day and str(arguments.first_day),
        "to": arguments.last_day and str(arguments.last_day),
        "group": asked.group,
        "value": asked.value,
        "min_events": asked.min_events,
        "deviations": asked.deviations,
        "percentile": "exact" if arguments.accuracy is None else f"approximate, rank within 1/{arguments.accuracy}",
    }


def _write(
    report: Report, answer: DataFrame, rows: list[Row], facts: dict[str, Any], measure: Callable[[], dict[str, Any]]
) -> None:
    report.begin()
    report.add(CSV, as_csv(answer.columns, rows))
    report.add_parquet(PARQUET, answer.sparkSession.createDataFrame(rows, answer.schema))
    used = measure()
    report.add(RESOURCES_JSON, resources.as_json(used))
    report.add(RESOURCES_MARKDOWN, resources.markdown(used, _notes(facts, rows)).encode())
    report.finish({**facts, "finished_at": datetime.now(UTC).isoformat(timespec="seconds")})


def _notes(facts: dict[str, Any], rows: list[Row]) -> list[tuple[str, str]]:
    largest = max((row["used"] for row in rows), default=0)
    return [
        ("question", ", ".join(f"{name} {value}" for name, value in facts["asked"].items() if value is not None)),
        (
            "days",
            f"{facts['days'][0]} to {facts['days'][-1]}, {len(facts['days_without_silver'])} of them without silver",
        ),
        ("events", f"{facts['events']:,}, of them {facts['duplicates']:,} duplicates beyond the horizon of refine"),
        (
            "silver",
            f"{resources.size(facts['silver_bytes'])} in its files, of which only the question's columns are read",
        ),
        ("largest group", f"{largest:,} values; the exact percentile keeps each distinct one in memory"),
    ]


def _summary(report: Report, facts: dict[str, Any], lake: Lake) -> str:
    events, duplicates = f"{facts['events']:,} events", f"{facts['duplicates']:,} of them duplicates"
    lines = [f"{report.url}: {facts['groups']} groups of {events}, {duplicates}"]
    if facts["groups"] == 0:
        lines.append(f"no group had {facts['asked']['min_events']} distinct events on a day")
    if facts["days_without_silver"]:
        lines.append(f"without silver: {', '.join(facts['days_without_silver'])}")
    if lake.unpoured_cut is not None:
        lines.append(
            f"cut {lake.unpoured_cut} is declared and not poured yet: the report is of the lake after cut {lake.cut}"
        )
    return "\n".join(lines)
