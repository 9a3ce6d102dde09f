"""The command line of the p95 job."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from penstock_spark.failure import misuse
from penstock_spark.lake import lake_url

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Arguments:
    lake: str
    dataset: str
    first_day: date | None
    last_day: date | None
    output: str
    run_id: str
    min_events: int | None
    deviations: float | None
    accuracy: int | None


def parse(command_line: Sequence[str], now: datetime) -> Arguments:
    """Wrong usage ends the process with exit code 2, as argparse does it."""
    given = _parser().parse_args(command_line)
    if given.first_day and given.last_day and given.last_day < given.first_day:
        raise misuse(f"--from {given.first_day} lies after --to {given.last_day}: exchange them")
    lake = lake_url(given.lake)
    return Arguments(
        lake=lake,
        dataset=given.dataset,
        first_day=given.first_day,
        last_day=given.last_day,
        output=lake_url(given.output) if given.output else f"{lake}/reports/p95/{given.dataset}",
        run_id=given.run_id or now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ"),
        min_events=given.min_events,
        deviations=given.deviations,
        accuracy=given.accuracy,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="p95_job.py",
        description=("The 95th percentile per group and day, without outliers, from silver, as CSV and Parquet."),
    )
    parser.add_argument("--lake", required=True, metavar="URL", help="s3://BUCKET/PREFIX or a directory")
    parser.add_argument("--dataset", default="iot", metavar="NAME", help="its folder in the lake (default: iot)")
    parser.add_argument(
        "--from", dest="first_day", type=day, metavar="DATE", help="the first day (default: the first in the lake)"
    )
    parser.add_argument(
        "--to",
        dest="last_day",
        type=day,
        metavar="DATE",
        help="the last day, itself included (default: the last in the lake)",
    )
    parser.add_argument(
        "--output", metavar="URL", help="the folder of the reports (default: reports/p95/DATASET in the lake)"
    )
    parser.add_argument(
        "--run-id",
        type=_run_id,
        metavar="ID",
        help="the report's folder; the same id again does what is left to do (default: the time)",
    )
    parser.add_argument(
        "--min-events",
        type=_count,
        metavar="N",
        help="distinct events that a group needs on a day (default: the dataset's)",
    )
    parser.add_argument(
        "--deviations",
        type=_positive,
        metavar="X",
        help="how far from the mean a value is no outlier (default: the dataset's)",
    )
    parser.add_argument(
        "--approximate",
        dest="accuracy",
        type=_count,
        metavar="ACCURACY",
        help="a percentile in bounded memory: its rank is off by at most 1/ACCURACY of the values",
    )
    return parser


def day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date: write YYYY-MM-DD") from None


def _run_id(text: str) -> str:
    if not _RUN_ID.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} cannot name a folder: "
            "use at most 100 of A-Z, a-z, 0-9, '.', '_' and '-', a letter or digit first"
        )
    return text


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) == 0 or 2**31 <= int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no positive number")
    return int(text)


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0.0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no positive number")
    return number
