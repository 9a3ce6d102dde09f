"""Airflow itself loads the DAG and fills in its templates; what the tasks decide is tried on a store in memory."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import penstock_p95
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG

LAKE = "s3://bucket/lake"
DAY = date(2026, 11, 20)
# An hour after the day's end.
COMPLETE = datetime(2026, 11, 21, 1, tzinfo=UTC)

VARIABLE = {
    "lake": LAKE,
    "dataset": "iot",
    "artifacts": "s3://artifacts/penstock",
    "application_id": "00f1",
    "role_arn": "arn:aws:iam::000000000000:role/p95",
    "topic_arn": "arn:aws:sns:us-east-1:000000000000:reports",
}


class Memory:
    """A bucket."""

    def __init__(self, **objects: str):
        self.objects = objects

    def list_keys(self, bucket_name: str, prefix: str, start_after_key: str) -> list[str]:
        assert bucket_name == "bucket"
        return [key for key in sorted(self.objects) if key.startswith(prefix) and start_after_key < key]

    def check_for_key(self, key: str, bucket_name: str) -> bool:
        assert bucket_name == "bucket"
        return key in self.objects

    def read_key(self, key: str, bucket_name: str) -> str:
        assert bucket_name == "bucket"
        return self.objects[key]

    def head_object(self, key: str, bucket_name: str) -> dict[str, Any] | None:
        assert bucket_name == "bucket"
        return {"ContentLength": len(self.objects[key])} if key in self.objects else None


def lake(declared: list[datetime], poured: int, hint: int | None = None) -> Memory:
    folder = "lake/_penstock/iot"
    cuts = {
        f"{folder}/cuts/{number:012}.json": json.dumps({"declared_at": int(time.timestamp() * 1_000_000)})
        for number, time in enumerate(declared, 1)
    }
    states = {f"{folder}/state/{number:012}.parquet": "" for number in range(1, poured + 1)}
    hints = {} if hint is None else {f"{folder}/hints/progress.json": json.dumps({"cut": hint})}
    return Memory(**cuts, **states, **hints)


@pytest.fixture(scope="module")
def loaded() -> DAG:
    bag = DagBag(dag_folder=str(Path(__file__).with_name("penstock_p95.py")))
    assert bag.import_errors == {}
    assert list(bag.dags) == ["penstock_p95"]
    return bag.dags["penstock_p95"]


def test_airflow_loads_the_dag(loaded: DAG) -> None:
    order = ["wait_for_cuts", "ask", "check_report", "validate", "tell"]
    assert set(loaded.task_ids) == set(order)
    for task_id, following in zip(order, [*order[1:], None], strict=True):
        assert loaded.get_task(task_id).downstream_task_ids == ({following} if following else set())
    assert loaded.max_active_runs == 1
    assert loaded.has_on_failure_callback


def rendered(loaded: DAG, task_id: str, day: str | None) -> Any:
    task = loaded.get_task(task_id).prepare_for_execution()
    # Only what the templates name.
    context: Any = {
        "params": {"day": day},
        "dag_run": SimpleNamespace(run_after=datetime(2026, 11, 21, 2, tzinfo=UTC), run_id="scheduled"),
        "var": {"json": SimpleNamespace(penstock=SimpleNamespace(**VARIABLE))},
        "macros": SimpleNamespace(timedelta=timedelta),
    }
    task.render_template_fields(context)
    return task


@pytest.mark.parametrize(("given", "day"), [(None, "2026-11-20"), ("2026-11-03", "2026-11-03")])
def test_the_job_is_asked_about_the_day(given: str | None, day: str, loaded: DAG) -> None:
    ask = rendered(loaded, "ask", given)
    assert ask.application_id == "00f1"
    assert ask.job_driver == {
        "sparkSubmit": {
            "entryPoint": "s3://artifacts/penstock/p95_job.py",
            "entryPointArguments": [
                *("--lake", LAKE, "--dataset", "iot", "--from", day, "--to", day),
                *("--run-id", f"{day}-20261121T020000"),
            ],
            "sparkSubmitParameters": "--py-files s3://artifacts/penstock/penstock_spark.zip",
        }
    }
    tell = rendered(loaded, "tell", given)
    assert tell.message == f"{LAKE}/reports/p95/iot/{day}-20261121T020000/p95.csv"


@pytest.mark.parametrize(
    ("store", "expected"),
    [
        (lake([], poured=0), False),
        (lake([COMPLETE], poured=0), False),
        (lake([COMPLETE], poured=1), True),
        (lake([COMPLETE - timedelta(microseconds=1)], poured=1), False),
        (lake([COMPLETE - timedelta(hours=3), COMPLETE], poured=1), False),
        (lake([COMPLETE - timedelta(hours=3), COMPLETE], poured=2, hint=1), True),
        (lake([COMPLETE - timedelta(hours=3), COMPLETE], poured=2, hint=2), True),
    ],
)
def test_a_day_is_complete_when_a_later_cut_is_poured(store: Memory, expected: bool) -> None:
    assert penstock_p95.is_poured(store, LAKE, "iot", DAY) is expected


def report(**changes: str | None) -> Memory:
    files = {"p95.csv": "event_date\n", "p95.parquet": "PAR1"}
    listed = [{"name": name, "bytes": len(content)} for name, content in files.items()]
    files["manifest.json"] = json.dumps({"files": listed})
    kept = {name: content for name, content in {**files, **changes}.items() if content is not None}
    return Memory(**{f"lake/reports/p95/iot/day/{name}": content for name, content in kept.items()})


@pytest.mark.parametrize(
    ("store", "missing"),
    [
        (report(), []),
        (report(**{"manifest.json": None}), ["manifest.json"]),
        (report(**{"p95.csv": None}), ["p95.csv"]),
        (report(**{"p95.csv": "", "p95.parquet": "PA"}), ["p95.csv", "p95.parquet"]),
    ],
)
def test_only_a_whole_report_passes(store: Memory, missing: list[str]) -> None:
    assert penstock_p95.missing_of(store, f"{LAKE}/reports/p95/iot/day") == missing
