"""A lake as the product made it has no findings, and each kind of damage is found."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import damage
import lakes
import pytest
from conftest import Poured
from pyspark.sql import SparkSession

from penstock_spark import validate
from penstock_spark.explain import explain
from penstock_spark.failure import FINDING, MISUSE

Pour = Callable[[lakes.Make], Poured]
Validate = Callable[..., tuple[int, str]]

SILVER = "silver/iot/event_date=2026-03-10"
WINDOWS = "windows/iot/event_date=2026-03-10"


@pytest.fixture
def check(spark: SparkSession, capsys: pytest.CaptureFixture[str]) -> Validate:
    def run(lake: Path, *options: str) -> tuple[int, str]:
        exit_code = validate.run(spark, validate.parse(["--lake", str(lake), *options]))
        return exit_code, capsys.readouterr().out

    return run


@pytest.fixture
def copied(poured: Pour, tmp_path: Path) -> Path:
    """A lake that a test may damage: two cuts, three days, corrections and rejects."""
    lake = tmp_path / "lake"
    shutil.copytree(poured(lakes.nulls).lake, lake)
    return lake


def found(outcome: tuple[int, str]) -> list[str]:
    """The lines of the findings."""
    exit_code, said = outcome
    lines = [line.strip() for line in said.splitlines() if line.startswith("      ")]
    assert exit_code == (FINDING if lines else 0), said
    return lines


@pytest.mark.parametrize("make", [lakes.days, lakes.at_random, lakes.nulls, lakes.magnitudes, lakes.shards])
def test_a_lake_of_the_product_is_as_it_should_be(make: lakes.Make, poured: Pour, check: Validate) -> None:
    outcome = check(poured(make).lake)
    assert found(outcome) == [], outcome[1]
    assert outcome[1].count("\nok ") == 7


def test_it_agrees_with_the_audit(binaries: Path, tmp_path: Path, check: Validate) -> None:
    """With duplicates, late and damaged events, and several partitions."""
    options: list[str | Path] = ["--lake", tmp_path / "lake", "--events", "5000", "--malformed", "0.01"]
    subprocess.run([binaries / "penstock", "run", *options], check=True, capture_output=True)
    audit = tmp_path / "audit.json"
    with audit.open("wb") as file:
        subprocess.run([binaries / "penstock", "audit", "--json", "--lake", tmp_path / "lake"], check=True, stdout=file)
    assert found(check(tmp_path / "lake", "--audit", str(audit))) == []
    said = json.loads(audit.read_text())
    audit.write_text(json.dumps(said | {"silver": 1, "windows_late": -1, "findings": ["a hole"]}))
    lines = found(check(tmp_path / "lake", "--audit", str(audit)))
    assert [line.split(":")[0] for line in lines] == ["the audit found", "silver", "windows"]
    audit.write_text(json.dumps(said | {"cut": 999}))
    assert "audit it again" in found(check(tmp_path / "lake", "--audit", str(audit)))[0]


def test_raw_that_retention_took_is_not_missed(copied: Path, check: Validate) -> None:
    """It takes from the beginning of a chain, and leaves the last object."""
    [path] = (copied / "raw/iot/memory/events@1").rglob("*.parquet")
    damage.rewrite(path, lambda table: table.slice(1000))
    assert "raw: memory/events@1 partition" in found(check(copied))[0]
    path.rename(path.with_name(f"{1000:020}.parquet"))
    assert found(check(copied)) == []


def test_open_windows_count(copied: Path, check: Validate) -> None:
    """What the state holds open is not missed."""
    state = sorted((copied / "_penstock/iot/state").iterdir())[-1]
    windows = sorted((copied / WINDOWS).iterdir())[-1]
    # As if the last cut had left all of its windows open.
    damage.rewrite(state, lambda table: damage.read(windows).replace_schema_metadata(table.schema.metadata))
    windows.unlink()
    assert found(check(copied)) == []


def silver_is_lost(lake: Path) -> None:
    (lake / SILVER / "000000000002.parquet").unlink()


def silver_is_there_twice(lake: Path) -> None:
    shutil.copy(lake / SILVER / "000000000002.parquet", lake / SILVER / "000000000001b.parquet")


def a_row_is_there_twice(lake: Path) -> None:
    damage.rewrite(lake / SILVER / "000000000002.parquet", damage.first_twice)


def a_row_lies_in_another_day(lake: Path) -> None:
    (lake / SILVER / "000000000002.parquet").rename(other_day(lake) / "000000000002.parquet")


def other_day(lake: Path) -> Path:
    folder = lake / "silver/iot/event_date=2026-03-11"
    folder.mkdir()
    return folder


def an_id_is_null(lake: Path) -> None:
    damage.rewrite(lake / SILVER / "000000000002.parquet", damage.with_first("event_id", None))


def a_duration_is_nan(lake: Path) -> None:
    damage.rewrite(lake / SILVER / "000000000002.parquet", damage.with_first("event_duration", float("nan")))


def a_column_is_lost(lake: Path) -> None:
    for path in (lake / SILVER).iterdir():
        damage.rewrite(path, damage.without("site"))


def a_window_counts_wrong(lake: Path) -> None:
    damage.rewrite(lake / WINDOWS / "000000000002.parquet", damage.with_first("count", 1_000_000))


def a_window_adds_wrong(lake: Path) -> None:
    damage.rewrite(lake / WINDOWS / "000000000002.parquet", damage.with_first("sum", 0.125))


def a_window_is_lost(lake: Path) -> None:
    (lake / WINDOWS / "000000000002.parquet").unlink()


def a_reject_is_lost(lake: Path) -> None:
    damage.rewrite(lake / "rejects/iot/000000000002.parquet", lambda table: table.slice(1))


def a_raw_object_is_changed(lake: Path) -> None:
    [path] = (lake / "raw/iot/memory/events@1").rglob("*.parquet")
    damage.rewrite(path, lambda table: table.slice(0, table.num_rows - 1))


DAMAGES: list[tuple[Callable[[Path], None], list[str]]] = [
    (silver_is_lost, ["silver: ", "windows: a window is not what silver says"]),
    (silver_is_there_twice, ["silver: ", "silver: a record stands there more than once", "windows: "]),
    (a_row_is_there_twice, ["silver: ", "silver: a record stands", "silver: a cut has the same event_id", "windows: "]),
    (a_row_lies_in_another_day, ["silver: a row lies in the folder of another day"]),
    (an_id_is_null, ["silver: event_id is null: 1 times"]),
    (a_duration_is_nan, ["silver: event_duration is no finite number: 1 times"]),
    (a_column_is_lost, ["silver: the column site is missing"]),
    (a_window_counts_wrong, ["windows: a window is not what silver says: 1 times"]),
    (a_window_adds_wrong, ["windows: a window is not what silver says: 1 times"]),
    (a_window_is_lost, ["windows: a window is not what silver says"]),
    (a_reject_is_lost, ["rejected: 2 rows are there, and 3 by the state"]),
    (a_raw_object_is_changed, ["raw: memory/events@1 partition", "raw: memory/events@1 partition"]),
]


@pytest.mark.parametrize(("harm", "expected"), DAMAGES, ids=lambda value: getattr(value, "__name__", ""))
def test_damage_is_found(harm: Callable[[Path], None], expected: list[str], copied: Path, check: Validate) -> None:
    harm(copied)
    lines = found(check(copied))
    assert len(lines) == len(expected), lines
    for line, start in zip(lines, expected, strict=True):
        assert line.startswith(start), lines


def test_a_table_that_cannot_be_read_leaves_the_other_checks(copied: Path, check: Validate) -> None:
    (copied / WINDOWS / "000000000002.parquet").write_bytes(b"no Parquet")
    outcome = check(copied)
    lines = found(outcome)
    assert len(lines) == 4, lines
    for line in lines:
        assert line.startswith("cannot be checked: a file of the lake cannot be read"), line
    assert "ok    rows add up" in outcome[1]


def test_a_column_that_checks_need(copied: Path, check: Validate) -> None:
    for path in (copied / SILVER).iterdir():
        damage.rewrite(path, damage.without("event_id"))
    lines = found(check(copied))
    assert lines[0] == "silver: the column event_id is missing"
    assert all("event_id" in line for line in lines), lines


def test_an_audit_that_is_not_there(copied: Path, check: Validate) -> None:
    with pytest.raises(Exception) as caught:
        check(copied, "--audit", str(copied / "audit.json"))
    failure = explain(caught.value)
    assert (failure.exit_code, "penstock audit --json" in str(failure)) == (MISUSE, True)
