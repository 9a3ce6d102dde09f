"""The p95 report of a day, by Airflow: wait for the day's cuts, ask, check the report, check the lake, tell.

It runs the jobs of emr/ on EMR Serverless and needs the Airflow variable `penstock`, one JSON object:

    lake            s3://BUCKET/PREFIX
    dataset         iot
    artifacts       s3://BUCKET/PREFIX, where what emr/package.sh makes was copied to
    application_id  of EMR Serverless
    role_arn        the role of the jobs
    topic_arn       the SNS topic that hears how it ended

Without a day given it asks about the day before the run. A task that is tried again does what is left to do, because
the report has the id of the run.
"""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.notifications.sns import SnsNotifier
from airflow.providers.amazon.aws.operators.emr import EmrServerlessStartJobOperator
from airflow.providers.amazon.aws.operators.sns import SnsPublishOperator
from airflow.sdk import Param, dag, task

DAY = "{{ params.day or (dag_run.run_after - macros.timedelta(days=1)).strftime('%Y-%m-%d') }}"
# Equal for all tries of a run, and another one for another run of the same day.
RUN_ID = DAY + "-{{ dag_run.run_after.strftime('%Y%m%dT%H%M%S') }}"
LAKE = "{{ var.json.penstock.lake }}"
DATASET = "{{ var.json.penstock.dataset }}"
REPORT = f"{LAKE}/reports/p95/{DATASET}/{RUN_ID}"

LATENESS = timedelta(hours=1)
"""How long after its end a day still gets events that matter; a later run of the day has what came later still."""

PATIENCE = timedelta(hours=6)
"""How long refine may be behind before that is a failure."""

JOB_MINUTES = 120


class Store(Protocol):
    """What is needed of S3Hook."""

    def list_keys(self, bucket_name: str, prefix: str, start_after_key: str) -> list[str]: ...
    def check_for_key(self, key: str, bucket_name: str) -> bool: ...
    def read_key(self, key: str, bucket_name: str) -> str: ...
    def head_object(self, key: str, bucket_name: str) -> dict[str, Any] | None: ...


def is_poured(store: Store, lake: str, dataset: str, day: date) -> bool:
    """Whether a cut that was declared after the day, and after what comes late for it, has been poured.

    Cuts are poured in order, so that everything that had arrived by then is in silver.
    """
    bucket, prefix = S3Hook.parse_s3_url(f"{lake}/_penstock/{dataset}/")
    cut = newest_state(store, bucket, prefix)
    if cut == 0:
        return False
    declared = json.loads(store.read_key(f"{prefix}cuts/{cut:012}.json", bucket))["declared_at"]
    end = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    return end + LATENESS <= datetime.fromtimestamp(declared / 1_000_000, UTC)


def newest_state(store: Store, bucket: str, prefix: str) -> int:
    """The newest poured cut, or 0. The hint of refine saves listing what came before; nothing depends on it."""
    hint = f"{prefix}hints/progress.json"
    known = json.loads(store.read_key(hint, bucket))["cut"] if store.check_for_key(hint, bucket) else 0
    states = f"{prefix}state/"
    # The state of the hinted cut itself is listed, too.
    keys = store.list_keys(bucket, states, f"{states}{max(known - 1, 0):012}.parquet")
    return max((int(key.removeprefix(states).removesuffix(".parquet")) for key in keys), default=0)


def missing_of(store: Store, report: str) -> list[str]:
    """What a report lacks: its manifest, or a file that the manifest lists."""
    bucket, prefix = S3Hook.parse_s3_url(f"{report}/")
    manifest = f"{prefix}manifest.json"
    if not store.check_for_key(manifest, bucket):
        return ["manifest.json"]
    files = json.loads(store.read_key(manifest, bucket))["files"]
    sizes = {file["name"]: store.head_object(f"{prefix}{file['name']}", bucket) for file in files}
    # Even without an answer the CSV has its header.
    return [file["name"] for file in files if (sizes[file["name"]] or {}).get("ContentLength") != max(file["bytes"], 1)]


def job(task_id: str, entry: str, *arguments: str) -> EmrServerlessStartJobOperator:
    artifacts = "{{ var.json.penstock.artifacts }}"
    return EmrServerlessStartJobOperator(
        task_id=task_id,
        name=f"penstock-{task_id}-{DAY}",
        application_id="{{ var.json.penstock.application_id }}",
        execution_role_arn="{{ var.json.penstock.role_arn }}",
        job_driver={
            "sparkSubmit": {
                "entryPoint": f"{artifacts}/{entry}",
                "entryPointArguments": ["--lake", LAKE, "--dataset", DATASET, *arguments],
                "sparkSubmitParameters": f"--py-files {artifacts}/penstock_spark.zip",
            }
        },
        waiter_delay=30,
        waiter_max_attempts=2 * JOB_MINUTES,
        config={"executionTimeoutMinutes": JOB_MINUTES},
    )


@dag(
    schedule="0 2 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    params={"day": Param(None, type=["null", "string"], format="date", description="YYYY-MM-DD; yesterday if empty")},
    default_args={"retries": 2, "retry_delay": timedelta(minutes=5)},
    on_failure_callback=SnsNotifier(
        target_arn="{{ var.json.penstock.topic_arn }}",
        subject="The p95 report failed",
        message=f"The p95 report of {DAY} failed in {{{{ dag_run.run_id }}}}: see its tasks.",
    ),
    tags=["penstock"],
    doc_md=__doc__,
)
def penstock_p95() -> None:
    @task.sensor(poke_interval=300, timeout=PATIENCE.total_seconds(), mode="reschedule")
    def wait_for_cuts(lake: str, dataset: str, day: str) -> bool:
        return is_poured(S3Hook(), lake, dataset, date.fromisoformat(day))

    @task
    def check_report(report: str) -> None:
        missing = missing_of(S3Hook(), report)
        if missing:
            raise RuntimeError(f"{report} is no whole report: {', '.join(missing)} is missing or not as it was written")

    tell = SnsPublishOperator(
        task_id="tell",
        target_arn="{{ var.json.penstock.topic_arn }}",
        subject="The p95 report is there",
        message=f"{REPORT}/p95.csv",
    )
    ask = job("ask", "p95_job.py", "--from", DAY, "--to", DAY, "--run-id", RUN_ID)
    validate = job("validate", "validate_job.py")
    wait_for_cuts(LAKE, DATASET, DAY) >> ask >> check_report(REPORT) >> validate >> tell


penstock_p95()
