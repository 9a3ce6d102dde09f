"""infra/live/localstack on an emulator, which infra/test-local.sh starts: applied, planned again, deployed, destroyed.

The tests build on each other and run in the order of this file.
"""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import boto3
import pyarrow.parquet
import pytest

# A copy of infra/ beside a package of the functions, so that nobody's own state is touched.
INFRA = Path(os.environ["INFRA_COPY"])
PENSTOCK = os.environ["PENSTOCK"]

# Somebody listens to alarms, or there would be none. Nobody is told anything here.
os.environ["TF_VAR_alarms"] = json.dumps({"channels": {"slack": "ssm:/penstock/slack"}})  # noqa: SIM112 - Terraform tells letters apart

# What a file holds, and what the catalogue calls it.
GLUE_TYPES = {
    "string": "string",
    "int32": "int",
    "int64": "bigint",
    "double": "double",
    "bool": "boolean",
    "binary": "binary",
    "timestamp[us, tz=UTC]": "timestamp",
}


def run(*command: str | Path, expect: int = 0) -> str:
    answer = subprocess.run(command, cwd=INFRA, capture_output=True, text=True, check=False)
    assert answer.returncode == expect, f"{command}: {answer.returncode}\n{answer.stdout}{answer.stderr}"
    return answer.stdout


def client(service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients up at run time
    return boto3.client(service)


def test_what_was_begun_is_taken_over() -> None:
    """An apply that was cut off left some of it, and the next one makes the rest."""
    run(
        "./terraform.sh",
        "apply",
        "localstack",
        "-target=module.pipeline.module.storage",
        "-target=module.pipeline.module.refine",
    )
    run("./terraform.sh", "apply", "localstack")


def test_a_second_plan_is_empty() -> None:
    assert "No changes." in run("./terraform.sh", "plan", "localstack", "-no-color", "-detailed-exitcode")


def test_a_secret_that_notify_cannot_read_stops_a_deployment() -> None:
    refused = subprocess.run(["./deploy.sh", "localstack"], cwd=INFRA, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "Slack (PENSTOCK_NOTIFY_SLACK): the secret ssm:/penstock/slack cannot be read" in refused.stderr


def test_the_functions_answer() -> None:
    client("ssm").put_parameter(Name="/penstock/slack", Type="SecureString", Value="https://hooks.slack.com/services/x")
    assert "all functions of localstack answer" in run("./deploy.sh", "localstack")


def test_kafkas_mapping_is_there_for_the_trigger() -> None:
    mappings = client("lambda").list_event_source_mappings()["EventSourceMappings"]
    (kafka,) = [mapping for mapping in mappings if "SelfManagedEventSource" in mapping]
    assert kafka["Topics"] == ["events"]
    assert kafka["FunctionArn"].endswith(":function:penstock-ingest-kafka:live")
    assert kafka["StartingPosition"] == "TRIM_HORIZON"


def test_the_script_makes_the_bucket_that_terraform_makes() -> None:
    for _ in range(2):
        run("./bucket.sh", "by-script", "lake")
    assert settings("by-script") == settings("penstock")
    client("s3").delete_bucket(Bucket="by-script")


def settings(bucket: str) -> dict[str, Any]:
    """Everything that was said of a bucket, without its name."""
    s3 = client("s3")
    answers = {
        "policy": json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]),
        "lifecycle": s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"],
        "encryption": s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"],
        "ownership": s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"],
        "public": s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"],
        "versioning": s3.get_bucket_versioning(Bucket=bucket).get("Status"),
    }
    text = json.dumps(answers, sort_keys=True)
    nameless: dict[str, Any] = json.loads(text.replace(f":::{bucket}", ":::BUCKET"))
    return nameless


@pytest.mark.parametrize("table", ["silver", "windows", "rejects"])
def test_a_table_has_the_columns_of_its_files(table: str, lake: Path) -> None:
    file = next((lake / table / "iot").rglob("*.parquet"))
    schema = pyarrow.parquet.ParquetFile(file).schema_arrow
    found = [
        (field.name.lower(), GLUE_TYPES[re.sub(r"^dictionary<values=(\w+),.*", r"\1", str(field.type))])
        for field in schema
    ]
    declared = client("glue").get_table(DatabaseName="penstock", Name=table)["Table"]["StorageDescriptor"]["Columns"]
    assert [(column["Name"], column["Type"]) for column in declared] == found


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lake")
    run(PENSTOCK, "run", "--events", "20000", "--malformed", "0.01", "--lake", folder)
    return folder


def test_nothing_is_left() -> None:
    run("./terraform.sh", "destroy", "localstack")
    left = {
        "functions": client("lambda").list_functions()["Functions"],
        "mappings": client("lambda").list_event_source_mappings()["EventSourceMappings"],
        "roles": client("iam").list_roles()["Roles"],
        "buckets": client("s3").list_buckets()["Buckets"],
        "logs": client("logs").describe_log_groups()["logGroups"],
        "schedules": client("scheduler").list_schedules()["Schedules"],
        "groups": [
            group
            for group in client("scheduler").list_schedule_groups()["ScheduleGroups"]
            if group["Name"] != "default"
        ],
        "streams": client("kinesis").list_streams()["StreamNames"],
        "alarms": client("cloudwatch").describe_alarms()["MetricAlarms"],
        "dashboards": client("cloudwatch").list_dashboards()["DashboardEntries"],
        "lights": client("cloudwatch").describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"],
        "topics": client("sns").list_topics()["Topics"],
        "queues": client("sqs").list_queues().get("QueueUrls", []),
        "databases": client("glue").get_databases()["DatabaseList"],
        "workgroups": [
            group for group in client("athena").list_work_groups()["WorkGroups"] if group["Name"] != "primary"
        ],
    }
    assert {name: things for name, things in left.items() if things} == {}
