"""The report: what it says of itself, that it can be made again, and what happens to a lake that cannot be asked."""

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import damage
import lakes
import oracle
import pyarrow.parquet
import pytest
from conftest import NOW, Poured
from pyspark.sql import SparkSession

from penstock_spark import arguments, p95, session
from penstock_spark.explain import explain
from penstock_spark.failure import FINDING, MISUSE, Failure

EMR = Path(__file__).parents[1]
PARTS = ["manifest.json", "p95.csv", "p95.parquet", "resources.json", "resources.md"]

Pour = Callable[[lakes.Make], Poured]
Ask = Callable[..., Path]
Command = list[str | Path]


@pytest.fixture
def copied(poured: Pour, tmp_path: Path) -> Path:
    """A lake that a test may damage."""
    lake = tmp_path / "damaged"
    shutil.copytree(poured(lakes.thresholds).lake, lake)
    return lake


def manifest(report: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((report / "manifest.json").read_text())
    return read


def rows(report: Path) -> list[dict[str, str]]:
    with (report / "p95.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def refused(ask: Ask, *arguments: Any) -> Failure:
    with pytest.raises(Exception) as caught:
        ask(*arguments)
    return explain(caught.value)


def test_a_report_has_its_parts_and_a_manifest_that_lists_them(poured: Pour, ask: Ask) -> None:
    report = ask(poured(lakes.thresholds).lake)
    assert sorted(path.name for path in report.iterdir()) == PARTS
    made = manifest(report)
    assert [file["name"] for file in made["files"]] == PARTS[1:]
    for file in made["files"]:
        content = (report / file["name"]).read_bytes()
        assert (file["bytes"], file["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert (made["cut"], made["unpoured_cut"], made["days"]) == (2, None, ["2026-03-10"])
    assert made["asked"]["min_events"] == 500


def test_the_csv_has_a_header_and_is_sorted(poured: Pour, ask: Ask) -> None:
    report = ask(poured(lakes.days).lake)
    header = "event_date,device_type,p95_event_duration,mean,stddev,lower,upper,distinct_events,outliers,used"
    assert (report / "p95.csv").read_text().splitlines()[0] == header
    keys = [(row["event_date"], row["device_type"]) for row in rows(report)]
    assert keys == sorted(keys)
    assert len(keys) == 6


@pytest.mark.parametrize("make", [lakes.thresholds, lakes.first_of_an_id, lakes.nulls, lakes.at_random])
def test_duplicates_are_counted_exactly(make: lakes.Make, poured: Pour, ask: Ask) -> None:
    lake = poured(make).lake
    silver = [event for event in oracle.read_silver(lake / "silver/iot") if event.event_duration is not None]
    distinct = {(event.event_date, event.event_id) for event in silver}
    made = manifest(ask(lake))
    assert (made["events"], made["duplicates"]) == (len(silver), len(silver) - len(distinct))


def test_the_run_is_measured(poured: Pour, ask: Ask) -> None:
    lake = poured(lakes.at_random).lake
    report = ask(lake)
    used = json.loads((report / "resources.json").read_text())
    silver = len(oracle.read_silver(lake / "silver/iot"))
    # Silver is read once, though the text of the question reads it twice; the footers are read before.
    assert sum(stage["input_rows"] for stage in used["stages"]) == silver
    assert max(stage["shuffle_write_rows"] for stage in used["stages"]) == silver
    assert 0 < used["total"]["input_bytes"] and 0 < used["total"]["shuffle_write_bytes"]
    assert 0 < used["total"]["peak_execution_memory_bytes"]
    assert 0 < used["total"]["cpu_millis"]
    names = {setting["name"] for setting in used["settings"]}
    assert "spark.sql.shuffle.partitions" in names
    note = (report / "resources.md").read_text()
    assert f"{silver:,} rows" in note
    files = (lake / "silver/iot").rglob("*.parquet")
    assert manifest(report)["silver_bytes"] == sum(path.stat().st_size for path in files)


def test_days_outside_the_range_are_not_read(poured: Pour, ask: Ask) -> None:
    lake = poured(lakes.days).lake
    report = ask(lake, "--from", "2026-03-10", "--to", "2026-03-11", "--run-id", "two-days")
    assert {row["event_date"] for row in rows(report)} == {"2026-03-10"}
    made = manifest(report)
    assert (made["days"], made["days_without_silver"]) == (["2026-03-10"], ["2026-03-11"])
    of_the_day = [event for event in oracle.read_silver(lake / "silver/iot") if event.event_date == "2026-03-10"]
    assert made["events"] == len(of_the_day)


def test_thresholds_are_arguments(poured: Pour, ask: Ask) -> None:
    lake = poured(lakes.thresholds).lake
    report = ask(lake, "--min-events", "499", "--deviations", "1.5")
    expected = oracle.answer(oracle.read_silver(lake / "silver/iot"), min_events=499, deviations=1.5)
    seen = [(row["device_type"], int(row["distinct_events"]), int(row["used"])) for row in rows(report)]
    assert seen == [(one.answer.device_type, one.answer.distinct_events, one.answer.used) for one in expected]
    assert "just 499" in {kind for kind, _, _ in seen}
    assert any(used < distinct for _, distinct, used in seen)


def test_an_approximate_percentile_is_within_its_rank_error(poured: Pour, ask: Ask) -> None:
    lake = poured(lakes.at_random).lake
    accuracy = 100
    report = ask(lake, "--approximate", str(accuracy))
    assert manifest(report)["asked"]["percentile"] == f"approximate, rank within 1/{accuracy}"
    values = oracle.groups(oracle.read_silver(lake / "silver/iot"))
    for row in rows(report):
        p95, lower, upper = (float(row[name]) for name in ("p95_event_duration", "lower", "upper"))
        kept = [value for value in values[row["event_date"], row["device_type"]] if lower <= value <= upper]
        below, up_to = sum(value < p95 for value in kept), sum(value <= p95 for value in kept)
        error = len(kept) / accuracy + 1
        assert below - error <= 0.95 * len(kept) <= up_to + error


def test_a_whole_report_is_not_made_again(poured: Pour, ask: Ask) -> None:
    lake = poured(lakes.thresholds).lake
    report = ask(lake, "--run-id", "daily")
    before = {path.name: path.stat().st_mtime_ns for path in report.iterdir()}
    assert ask(lake, "--run-id", "daily") == report
    assert {path.name: path.stat().st_mtime_ns for path in report.iterdir()} == before


def test_a_report_is_never_replaced_by_that_of_another_question(poured: Pour, ask: Ask) -> None:
    lake = poured(lakes.thresholds).lake
    ask(lake, "--run-id", "daily")
    failure = refused(ask, lake, "--run-id", "daily", "--min-events", "10")
    assert failure.exit_code == MISUSE
    assert "another question (min_events differ): choose another --run-id" in str(failure)


@pytest.mark.parametrize("part", PARTS)
def test_a_run_that_dies_leaves_no_report_and_the_next_one_makes_it(
    part: str, poured: Pour, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dies where a part was made and is not in its place yet."""
    lake = poured(lakes.constants).lake
    with monkeypatch.context() as patched:
        patched.setattr("penstock_spark.files.Files.rename", dying_at(part))
        assert "died" in str(refused(ask, lake, "--run-id", "again"))
    report = tmp_path / "reports/again"
    assert not (report / "manifest.json").exists()
    assert len(rows(ask(lake, "--run-id", "again"))) == 7
    assert sorted(path.name for path in report.iterdir()) == PARTS


def dying_at(part: str) -> Callable[..., bool]:
    from penstock_spark.files import Files

    rename = Files.rename

    def die(files: Files, key: str, to: str) -> bool:
        if to.endswith(part):
            raise OSError("died")
        return rename(files, key, to)

    return die


def test_two_runs_with_one_id_do_not_mix(poured: Pour, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = poured(lakes.constants).lake
    ask(lake, "--run-id", "same")
    # The other one has not seen the first one's manifest, and neither removes what is there.
    monkeypatch.setattr("penstock_spark.report.Report.is_whole", lambda *_: False)
    monkeypatch.setattr("penstock_spark.report.Report.begin", lambda *_: None)
    failure = refused(ask, lake, "--run-id", "same")
    assert failure.exit_code == FINDING
    assert "another run has the same --run-id" in str(failure)


def test_a_cut_that_is_poured_only_in_part_is_left_out(copied: Path, ask: Ask) -> None:
    before = rows(ask(copied, "--run-id", "before"))
    day = copied / "silver/iot/event_date=2026-03-10"
    shutil.copy(day / "000000000001.parquet", day / "000000000003.parquet")
    (copied / "_penstock/iot/cuts/000000000003.json").write_text(
        (copied / "_penstock/iot/cuts/000000000002.json").read_text()
    )
    report = ask(copied, "--run-id", "after")
    assert rows(report) == before
    assert (manifest(report)["cut"], manifest(report)["unpoured_cut"]) == (2, 3)


@pytest.mark.parametrize("hint", [None, "garbage", '{"cut": 1}', '{"cut": 99}'])
def test_hints_only_save_listing(hint: str | None, copied: Path, ask: Ask) -> None:
    path = copied / "_penstock/iot/hints/progress.json"
    path.unlink()
    if hint is not None:
        path.write_text(hint)
    assert manifest(ask(copied))["cut"] == 2


def test_another_dataset_asks_about_its_own_columns(binaries: Path, ask: Ask, tmp_path: Path) -> None:
    text = (
        lakes.IOT.read_text()
        .replace("event_duration", "millis")
        .replace("device_type", "sort")
        .replace("event_id", "number")
    )
    text = text.replace('name = "iot"', 'name = "machines"').replace("min_events = 500", "min_events = 50")
    dataset = tmp_path / "machines.toml"
    dataset.write_text(text)
    options: Command = ["--lake", tmp_path / "lake", "--dataset", dataset, "--events", "2000"]
    subprocess.run([binaries / "penstock", "run", *options], check=True, capture_output=True)
    said = subprocess.run(
        [binaries / "penstock", "p95", "--json", "--lake", tmp_path / "lake", "--dataset", dataset],
        check=True,
        stdout=subprocess.PIPE,
    )
    expected = [(row["event_date"], row["group"], row["used"]) for row in json.loads(said.stdout)["rows"]]
    report = ask(tmp_path / "lake", "--dataset", "machines")
    assert [(row["event_date"], row["sort"], int(row["used"])) for row in rows(report)] == expected
    assert "p95_millis" in rows(report)[0]


def test_a_lake_that_cannot_be_asked_is_told_from_one_that_has_no_answer(poured: Pour, ask: Ask) -> None:
    report = ask(poured(lakes.thresholds).lake, "--min-events", "1000000")
    assert rows(report) == []
    assert manifest(report)["groups"] == 0
    assert pyarrow.parquet.read_table(report / "p95.parquet").num_rows == 0


def check_refused(ask: Ask, lake: Path, options: list[str], exit_code: int, *parts: str) -> None:
    failure = refused(ask, lake, "--run-id", "refused", *options)
    assert failure.exit_code == exit_code, failure
    assert all(part in str(failure) for part in parts), failure


def test_no_lake(ask: Ask, tmp_path: Path) -> None:
    check_refused(ask, tmp_path / "nothing", [], MISUSE, "there is no lake at", "--lake")


def test_a_lake_of_another_format(copied: Path, ask: Ask) -> None:
    (copied / "_penstock/format.json").write_text('{"format": 2}')
    check_refused(ask, copied, [], MISUSE, "has format 2, and this job knows 1")


def test_a_dataset_that_the_lake_does_not_have(copied: Path, ask: Ask) -> None:
    check_refused(ask, copied, ["--dataset", "ito"], FINDING, "nothing of the dataset ito yet", "Its datasets are: iot")


def test_a_dataset_without_the_question(copied: Path, ask: Ask) -> None:
    cut = copied / "_penstock/iot/cuts/000000000002.json"
    declared = json.loads(cut.read_text())
    declared["dataset"] = declared["dataset"].split("[p95]")[0]
    cut.write_text(json.dumps(declared))
    check_refused(ask, copied, [], MISUSE, "the dataset iot has no section [p95]")


def test_a_lake_without_silver(copied: Path, ask: Ask) -> None:
    shutil.rmtree(copied / "silver")
    check_refused(ask, copied, [], FINDING, "there is no silver of iot in")


def test_a_day_that_is_missing(copied: Path, ask: Ask) -> None:
    day = ["--from", "2026-03-11", "--to", "2026-03-11"]
    check_refused(
        ask, copied, day, FINDING, "between 2026-03-11 and 2026-03-11", "the lake has 2026-03-10 to 2026-03-10"
    )


def files(lake: Path) -> list[Path]:
    return sorted((lake / "silver/iot/event_date=2026-03-10").iterdir())


def test_a_column_of_another_type(copied: Path, ask: Ask) -> None:
    for path in files(copied):
        damage.rewrite(path, damage.as_text("event_duration"))
    check_refused(ask, copied, [], FINDING, "the column event_duration is string and should be double")


def test_a_column_of_another_type_in_one_file(copied: Path, ask: Ask) -> None:
    damage.rewrite(files(copied)[0], damage.as_text("event_duration"))
    check_refused(ask, copied, [], FINDING, "a file of the lake cannot be read", "event_duration", "penstock audit")


def test_a_column_that_would_be_widened_in_silence(copied: Path, ask: Ask) -> None:
    damage.rewrite(files(copied)[0], damage.as_int("event_duration"))
    check_refused(ask, copied, [], FINDING, "event_duration")


def test_a_column_that_is_missing(copied: Path, ask: Ask) -> None:
    for path in files(copied):
        damage.rewrite(path, damage.without("event_id"))
    check_refused(ask, copied, [], FINDING, "the column event_id is missing")


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"no Parquet at all, but long enough for a footer" * 100])
def test_a_file_that_is_no_parquet(damage: bytes, copied: Path, ask: Ask) -> None:
    (copied / "silver/iot/event_date=2026-03-10/000000000002.parquet").write_bytes(damage)
    check_refused(
        ask, copied, [], FINDING, "a file of the lake cannot be read", "000000000002.parquet", "penstock audit"
    )


def test_a_day_without_files(copied: Path, ask: Ask) -> None:
    for path in files(copied):
        path.unlink()
    check_refused(ask, copied, [], FINDING, "a folder of the lake has no Parquet file", "penstock audit")


def test_a_file_with_a_damaged_page(copied: Path, ask: Ask) -> None:
    path = copied / "silver/iot/event_date=2026-03-10/000000000001.parquet"
    content = bytearray(path.read_bytes())
    content[4:50_000] = bytes(len(content[4:50_000]))
    path.write_bytes(content)
    check_refused(ask, copied, [], FINDING, "a file of the lake cannot be read", "penstock audit")


def test_reports_that_cannot_be_written(poured: Pour, spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("where a folder should be")
    given = arguments.parse(["--lake", str(poured(lakes.constants).lake), "--output", str(tmp_path / "file")], NOW)
    with pytest.raises(Exception) as caught:
        p95.run(spark, given)
    assert explain(caught.value).exit_code == FINDING


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--from", "2026-02-30"], "'2026-02-30' is no date: write YYYY-MM-DD"),
        (["--from", "2026-03-11", "--to", "2026-03-10"], "--from 2026-03-11 lies after --to 2026-03-10"),
        (["--run-id", "../up"], "cannot name a folder"),
        (["--run-id", "_hidden"], "cannot name a folder"),
        (["--min-events", "0"], "'0' is no positive number"),
        (["--deviations", "nan"], "'nan' is no positive number"),
        (["--approximate", "-1"], "'-1' is no positive number"),
        (["--what"], "unrecognized arguments: --what"),
    ],
)
def test_wrong_usage_is_told_before_spark_starts(options: list[str], says: str) -> None:
    command: Command = [sys.executable, EMR / "p95_job.py", "--lake", "nowhere", *options]
    # Without Java nothing that starts Spark would come to an end here.
    ended = subprocess.run(command, capture_output=True, text=True, env={"PATH": ""}, check=False)
    assert ended.returncode == MISUSE
    assert says in ended.stderr


def test_the_packaged_job_runs_by_spark_submit(poured: Pour, tmp_path: Path) -> None:
    subprocess.run([EMR / "package.sh", tmp_path / "package"], check=True)
    lake = poured(lakes.constants).lake
    ended = submit(tmp_path, "--lake", lake, "--output", tmp_path / "reports", "--run-id", "packaged")
    assert ended.returncode == 0, ended.stderr
    assert "7 groups of 4,200 events" in ended.stdout
    assert sorted(path.name for path in (tmp_path / "reports/packaged").iterdir()) == PARTS
    failed = submit(tmp_path, "--lake", tmp_path / "none")
    assert failed.returncode == MISUSE
    # spark-submit makes one stream of the two that a job has.
    assert failed.stdout.startswith("p95: there is no lake at")


def submit(folder: Path, *options: str | Path) -> subprocess.CompletedProcess[str]:
    package = folder / "package"
    spark: Command = [Path(sys.executable).with_name("spark-submit"), "--master", "local[1]"]
    spark += ["--conf", "spark.ui.enabled=false", "--py-files", package / "penstock_spark.zip", package / "p95_job.py"]
    environment = {**os.environ, "PYSPARK_PYTHON": sys.executable}
    return subprocess.run([*spark, *options], capture_output=True, text=True, env=environment, cwd=folder, check=False)


def test_settings_of_spark_submit_stay_unless_they_decide_the_answer(spark: SparkSession) -> None:
    given = session.Setting("spark.driver.host", "elsewhere", "a test")
    assert session.apply(spark, [given]) == [session.Setting("spark.driver.host", "127.0.0.1", "given to spark-submit")]


def test_partitions_of_the_shuffle_follow_from_the_bytes(spark: SparkSession) -> None:
    def check(input_bytes: int, partitions: int) -> None:
        assert session.shuffle_partitions(spark, input_bytes).value == str(partitions)

    check(0, 2)
    check(640 * 1024 * 1024, 10)
    check(640 * 1024 * 1024 + 1, 11)
    check(2**62, session.MOST_SHUFFLE_PARTITIONS)
