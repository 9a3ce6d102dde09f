"""The job that reads a lake as any reader does, and says whether it is what Penstock promises."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from penstock_spark import session
from penstock_spark.checks import CHECKS, Check
from penstock_spark.explain import explain
from penstock_spark.failure import FINDING, misuse
from penstock_spark.files import Files
from penstock_spark.lake import lake_url, open_lake
from penstock_spark.tables import Tables


@dataclass(frozen=True)
class Arguments:
    lake: str
    dataset: str
    audit: str | None


def parse(command_line: Sequence[str]) -> Arguments:
    parser = argparse.ArgumentParser(
        prog="validate_job.py",
        description="Reads raw, silver, windows and rejects of a lake with plain Spark, and checks what they promise.",
    )
    parser.add_argument("--lake", required=True, metavar="URL", help="s3://BUCKET/PREFIX or a directory")
    parser.add_argument("--dataset", default="iot", metavar="NAME", help="its folder in the lake (default: iot)")
    parser.add_argument("--audit", metavar="URL", help="a file with what `penstock audit --json` said: compare with it")
    given = parser.parse_args(command_line)
    return Arguments(lake_url(given.lake), given.dataset, given.audit and lake_url(given.audit))


def run(spark: SparkSession, arguments: Arguments) -> int:
    """Prints a line for each check and each finding; returns the exit code."""
    session.apply(spark, list(session.ALWAYS))
    lake = open_lake(Files(spark, arguments.lake), arguments.dataset)
    tables = Tables(spark, lake, _audit(spark, arguments.audit) if arguments.audit else None)
    print(f"{lake.dataset.name} in {arguments.lake} after cut {lake.cut}")
    if lake.unpoured_cut is not None:
        print(f"cut {lake.unpoured_cut} is declared and not poured yet: what it has written is left out")
    found = 0
    for check in CHECKS:
        findings = _findings(check, tables)
        found += len(findings)
        print(f"{'FOUND' if findings else 'ok':6}{check.__name__.replace('_', ' ')}")
        for finding in findings:
            print(f"      {finding}")
    print(f"{found} findings" if found else "nothing found: the lake is as it should be")
    return FINDING if found else 0


def _findings(check: Check, tables: Tables) -> list[str]:
    """A table that cannot be read fails the checks that need it, and no others."""
    try:
        return list(check(tables))
    except (PySparkException, Py4JJavaError) as error:
        return [f"cannot be checked: {explain(error)}".replace("\n", "; ")]


def _audit(spark: SparkSession, url: str) -> dict[str, Any]:
    folder, _, name = url.rpartition("/")
    files = Files(spark, folder)
    if not files.exists(name):
        raise misuse(f"there is no {url}: make it with `penstock audit --json`")
    audit: dict[str, Any] = json.loads(files.read(name))
    return audit
