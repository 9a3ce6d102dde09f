"""The report of a day on a cloud that Terraform made, by real Spark: as a step, a job run and from the state machine.

The tests build on each other and run in the order of this file.
"""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cloud import INFRA, LAKE, Cloud, running_cloud, until
from policies import EXPLAINED, differences, explanations, grants_of_state

SETTINGS = {"retry": {"times": 1, "after_secs": 1}}
ON_EC2 = {**SETTINGS, "ec2": {"subnet_id": "subnet-0123456789abcdef0"}}
JOB_ROLE = "penstock-p95-job"
REPORTS = "lake/reports/p95/iot"

Answer = list[dict[str, str]]


@pytest.fixture(scope="module")
def cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    with running_cloud(request.session, "emr", TF_VAR_emr=json.dumps(SETTINGS)) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def made(cloud: Cloud) -> dict[str, Any]:
    """What Terraform says of the report."""
    return output(cloud)


@pytest.fixture(scope="module")
def queue(cloud: Cloud, made: dict[str, Any]) -> str:
    """A queue that hears what the topic is told."""
    url: str = cloud.client("sqs").create_queue(QueueName="heard")["QueueUrl"]
    arn = cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    cloud.client("sns").subscribe(TopicArn=made["topic_arn"], Protocol="sqs", Endpoint=arn)
    return url


@pytest.fixture(scope="module")
def expected(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Answer:
    """What `penstock p95` answers over a lake of made-up events."""
    cloud.penstock("run", "--lake", LAKE, "--events", "20000")
    path = tmp_path_factory.mktemp("p95") / "p95.csv"
    cloud.penstock("p95", "--lake", LAKE, "--csv", str(path))
    return rows(path.read_text())


@pytest.fixture(scope="module")
def day(expected: Answer) -> str:
    """The day with the most groups: a run at midnight has two."""
    days = [row["event_date"] for row in expected]
    return max(days, key=days.count)


def test_a_second_plan_is_empty(cloud: Cloud) -> None:
    assert "No changes." in cloud.terraform("plan", "-detailed-exitcode")


def test_a_step_of_a_cluster_answers_as_penstock(
    cloud: Cloud, made: dict[str, Any], expected: Answer, day: str
) -> None:
    emr = cloud.client("emr")
    cluster = emr.run_job_flow(
        Name="by-hand", ReleaseLabel="emr-spark-8.1.0", Instances={"KeepJobFlowAliveWhenNoSteps": True}
    )["JobFlowId"]
    submit = ["spark-submit", "--py-files", f"{made['artifacts']}/penstock_spark.zip"]
    step = {"Jar": "command-runner.jar", "Args": [*submit, f"{made['artifacts']}/p95_job.py", *asked(day, "step")]}
    [added] = emr.add_job_flow_steps(
        JobFlowId=cluster, Steps=[{"Name": "p95", "ActionOnFailure": "CONTINUE", "HadoopJarStep": step}]
    )["StepIds"]

    def ended() -> Any:  # noqa: ANN401 - what boto3 answers
        status = emr.describe_step(ClusterId=cluster, StepId=added)["Step"]["Status"]
        return status if status["State"] not in ("PENDING", "RUNNING") else None

    status = until("the step ends", ended)
    assert status["State"] == "COMPLETED", status
    check_report(cloud, "step", expected, day)
    emr.terminate_job_flows(JobFlowIds=[cluster])


def test_a_job_run_answers_as_penstock(cloud: Cloud, made: dict[str, Any], expected: Answer, day: str) -> None:
    serverless = cloud.client("emr-serverless")
    submit = {
        "entryPoint": f"{made['artifacts']}/p95_job.py",
        "entryPointArguments": asked(day, "job-run"),
        "sparkSubmitParameters": f"--py-files {made['artifacts']}/penstock_spark.zip",
    }
    run = serverless.start_job_run(
        applicationId=made["application_id"], executionRoleArn=made["job_role_arn"], jobDriver={"sparkSubmit": submit}
    )["jobRunId"]

    def ended() -> Any:  # noqa: ANN401 - what boto3 answers
        shown = serverless.get_job_run(applicationId=made["application_id"], jobRunId=run)["jobRun"]
        return shown if shown["state"] in ("SUCCESS", "FAILED") else None

    shown = until("the job run ends", ended)
    assert shown["state"] == "SUCCESS", shown
    check_report(cloud, "job-run", expected, day)


def test_the_state_machine_answers_as_penstock(cloud: Cloud, made: dict[str, Any], expected: Answer, day: str) -> None:
    ended = execute(cloud, made, {"day": day})
    assert ended["status"] == "SUCCEEDED", ended
    groups = sum(row["event_date"] == day for row in expected)
    assert json.loads(ended["output"]) == {"day": day, "report": f"{made['reports']}{day}/p95.csv", "groups": groups}
    check_report(cloud, day, expected, day)


def test_a_job_that_fails_is_tried_again_and_told(cloud: Cloud, made: dict[str, Any], queue: str) -> None:
    """Of a day without silver there is nothing to say."""
    ended = execute(cloud, made, {"day": "2020-01-01"})
    assert (ended["status"], ended["error"]) == ("FAILED", "NoReport")
    assert "there is no silver of iot between 2020-01-01 and 2020-01-01" in ended["cause"]
    assert "no report of 2020-01-01" in heard(cloud, queue, ended["cause"])
    runs = cloud.client("emr-serverless").list_job_runs(applicationId=made["application_id"])["jobRuns"]
    # One that was started by hand has no name.
    assert [run["state"] for run in runs if run.get("name", "").endswith("-2020-01-01")] == ["FAILED", "FAILED"]


def test_a_report_without_a_row_is_a_failure(cloud: Cloud, made: dict[str, Any], queue: str, tmp_path: Path) -> None:
    """The default day is yesterday, of which this lake has a few events."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    send_few(cloud, tmp_path / "few.ndjson", yesterday)
    ended = execute(cloud, made, {})
    assert (ended["status"], ended["error"]) == ("FAILED", "NoReport")
    assert f"on {yesterday:%Y-%m-%d} no group had 500" in ended["cause"]
    assert f"no report of {yesterday:%Y-%m-%d}" in heard(cloud, queue, ended["cause"])


def test_a_report_that_is_missing_is_a_failure(cloud: Cloud, made: dict[str, Any], queue: str, day: str) -> None:
    """A run id that has a whole report is not made again, so that what was lost of it is noticed."""
    cloud.client("s3").delete_object(Bucket="penstock", Key=f"{REPORTS}/{day}/p95.csv")
    ended = execute(cloud, made, {"day": day})
    assert (ended["status"], ended["error"]) == ("FAILED", "NoReport")
    assert "The job ended well, but its report has no p95.csv" in ended["cause"]
    assert f"no report of {day}" in heard(cloud, queue, ended["cause"])


def test_the_job_has_the_rights_that_it_uses(cloud: Cloud) -> None:
    calls = {replace(call, function=JOB_ROLE) for call in cloud.proxy.calls if call.function == "no function"}
    assert calls
    explained = explanations(EXPLAINED.with_name("explained_emr.toml"))
    found = differences(grants_of_state(cloud.state(), {JOB_ROLE}), calls, explained)
    assert not found, "\n" + "\n".join(found)


def test_on_ec2_the_state_machine_makes_a_cluster_and_ends_it(
    cloud: Cloud, made: dict[str, Any], expected: Answer, day: str
) -> None:
    # Only one that has stopped can be deleted. On AWS it stops when it has been idle for a while; here it never does.
    cloud.client("emr-serverless").stop_application(applicationId=made["application_id"])
    cloud.environment["TF_VAR_emr"] = json.dumps(ON_EC2)
    cloud.terraform("apply")
    assert "No changes." in cloud.terraform("plan", "-detailed-exitcode")
    on_ec2 = output(cloud)
    ended = execute(cloud, on_ec2, {"day": day, "run_id": "on-ec2"})
    assert ended["status"] == "SUCCEEDED", ended
    check_report(cloud, "on-ec2", expected, day)
    failed = execute(cloud, on_ec2, {"day": "2020-01-01"})
    assert (failed["status"], failed["error"]) == ("FAILED", "NoReport")
    assert "The step failed" in failed["cause"]
    assert "there is no silver of iot" in failed["cause"]
    live = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"]
    until("no cluster is left", lambda: not cloud.client("emr").list_clusters(ClusterStates=live)["Clusters"])


def test_nothing_is_left(cloud: Cloud) -> None:
    cloud.terraform("destroy")
    applications = cloud.client("emr-serverless").list_applications()["applications"]
    left = {
        "applications": [one for one in applications if one["state"] != "TERMINATED"],
        "state machines": cloud.client("stepfunctions").list_state_machines()["stateMachines"],
        "schedules": cloud.client("scheduler").list_schedules()["Schedules"],
        "topics": cloud.client("sns").list_topics()["Topics"],
        "profiles": cloud.client("iam").list_instance_profiles()["InstanceProfiles"],
        "roles": cloud.client("iam").list_roles()["Roles"],
        "buckets": cloud.client("s3").list_buckets()["Buckets"],
    }
    assert {name: things for name, things in left.items() if things} == {}


def output(cloud: Cloud) -> dict[str, Any]:
    said = cloud.run("terraform", f"-chdir={INFRA}/live/localstack", "output", "-json", "emr")
    made: dict[str, Any] = json.loads(said)
    return made


def asked(day: str, run_id: str) -> list[str]:
    return ["--lake", LAKE, "--from", day, "--to", day, "--run-id", run_id]


def execute(cloud: Cloud, made: dict[str, Any], given: dict[str, str]) -> Any:  # noqa: ANN401 - what boto3 answers
    """Runs the state machine to its end."""
    states = cloud.client("stepfunctions")
    started = states.start_execution(stateMachineArn=made["state_machine_arn"], input=json.dumps(given))

    def ended() -> Any:  # noqa: ANN401 - what boto3 answers
        shown = states.describe_execution(executionArn=started["executionArn"])
        return shown if shown["status"] != "RUNNING" else None

    return until("the state machine ends", ended)


def heard(cloud: Cloud, queue: str, cause: str) -> str:
    """The subject of the message about this failure."""

    def told() -> str | None:
        for message in cloud.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=5).get("Messages", []):
            body = json.loads(message["Body"])
            if cause in body["Message"]:
                return str(body["Subject"])
        return None

    return until("the topic is told", told)


def check_report(cloud: Cloud, run_id: str, expected: Answer, day: str) -> None:
    """Names and counts are equal; sums may lose a step of a double for each value, as emr/README.md says."""
    text = cloud.client("s3").get_object(Bucket="penstock", Key=f"{REPORTS}/{run_id}/p95.csv")["Body"].read().decode()
    found, wanted = rows(text), [row for row in expected if row["event_date"] == day]
    assert [exact(row) for row in found] == [exact(row) for row in wanted]
    for one, other in zip(found, wanted, strict=True):
        for name in ("p95_event_duration", "mean", "stddev", "lower", "upper"):
            assert float(one[name]) == pytest.approx(float(other[name]), rel=1e-9), name


def exact(row: dict[str, str]) -> list[str]:
    return [row[name] for name in ("event_date", "device_type", "distinct_events", "outliers", "used")]


def rows(text: str) -> Answer:
    return list(csv.DictReader(io.StringIO(text)))


def send_few(cloud: Cloud, path: Path, day: datetime) -> None:
    """Some events of a day, too few for an answer."""
    events = [
        {
            "event_id": f"00000000-0000-4000-8000-{number:012}",
            "device_id": "d-1",
            "device_type": "plug",
            "event_time": f"{day:%Y-%m-%d}T12:00:{number:02}Z",
            "event_duration": 1.0 + number,
        }
        for number in range(10)
    ]
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    cloud.penstock("run", "--lake", LAKE, "--input", str(path))
