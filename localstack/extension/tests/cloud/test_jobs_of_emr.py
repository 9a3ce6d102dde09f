"""EMR, EMR Serverless and Step Functions with a `spark-submit` that does what its arguments say."""

import gzip
import json
import time
from typing import Any

from tests.cloud.conftest import Cloud, until

ENDED = ("COMPLETED", "FAILED", "CANCELLED", "SUCCESS")

ROLE = "arn:aws:iam::000000000000:role/r"
CAUSE = "{% $parse($states.errorOutput.Cause).StateDetails %}"


def cluster(cloud: Cloud, *steps: dict[str, Any], keep_alive: bool = True) -> str:
    cloud.client("s3").create_bucket(Bucket="logs")
    made = cloud.client("emr").run_job_flow(
        Name="test",
        ReleaseLabel="emr-7.13.0",
        LogUri="s3://logs/emr",
        Instances={
            "MasterInstanceType": "m5.xlarge",
            "SlaveInstanceType": "m5.xlarge",
            "InstanceCount": 1,
            "KeepJobFlowAliveWhenNoSteps": keep_alive,
        },
        JobFlowRole="EMR_EC2_DefaultRole",
        ServiceRole="EMR_DefaultRole",
        Steps=list(steps),
    )
    id: str = made["JobFlowId"]
    return id


def step(*command: str, on_failure: str = "CONTINUE") -> dict[str, Any]:
    jar = {"Jar": "command-runner.jar", "Args": list(command)}
    return {"Name": "job", "ActionOnFailure": on_failure, "HadoopJarStep": jar}


def steps(cloud: Cloud, id: str) -> list[Any]:
    """The steps in their order, once all have ended."""

    def ended() -> list[Any] | None:
        found = cloud.client("emr").list_steps(ClusterId=id)["Steps"]
        return found if all(one["Status"]["State"] in ENDED for one in found) else None

    return sorted(until(ended), key=lambda one: one["Status"]["Timeline"]["CreationDateTime"])


def test_a_step_runs_spark_submit_and_its_logs_go_to_s3(cloud: Cloud) -> None:
    id = cluster(cloud, step("spark-submit", "--conf", "a=b", "sh", "-c", "echo $AWS_ENDPOINT_URL"))
    [done] = steps(cloud, id)
    assert done["Status"]["State"] == "COMPLETED"
    key = f"emr/{id}/steps/{done['Id']}/stdout.gz"
    log = gzip.decompress(cloud.client("s3").get_object(Bucket="logs", Key=key)["Body"].read()).decode()
    assert log.splitlines() == ["arguments: --conf a=b sh -c echo $AWS_ENDPOINT_URL", cloud.endpoint]


def test_a_step_that_fails_says_why_and_ends_its_cluster_if_it_should(cloud: Cloud) -> None:
    bad = step("spark-submit", "sh", "-c", "echo 'ValueError: no lake'; exit 1", on_failure="TERMINATE_CLUSTER")
    id = cluster(cloud, bad)
    [failed] = steps(cloud, id)
    assert failed["Status"]["State"] == "FAILED"
    assert failed["Status"]["FailureDetails"]["Message"] == "ValueError: no lake"
    shown = cloud.client("emr").describe_cluster(ClusterId=id)["Cluster"]
    assert shown["Status"]["State"] == "TERMINATED_WITH_ERRORS"


def test_another_command_than_spark_submit_fails_and_says_so(cloud: Cloud) -> None:
    [failed] = steps(cloud, cluster(cloud, step("hadoop", "fs")))
    assert "only spark-submit" in failed["Status"]["FailureDetails"]["Message"]


def test_steps_run_one_after_the_other_and_the_rest_can_be_cancelled(cloud: Cloud) -> None:
    id = cluster(cloud, step("spark-submit", "sh", "-c", "sleep 600"), step("spark-submit", "sh", "-c", "true"))
    emr = cloud.client("emr")
    states = {one["Id"]: one["Status"]["State"] for one in emr.list_steps(ClusterId=id)["Steps"]}
    assert sorted(states.values()) == ["PENDING", "RUNNING"]
    emr.cancel_steps(ClusterId=id, StepIds=list(states))
    assert [one["Status"]["State"] for one in steps(cloud, id)] == ["CANCELLED", "CANCELLED"]


def test_a_cluster_without_more_steps_ends_unless_it_is_kept(cloud: Cloud) -> None:
    id = cluster(cloud, step("spark-submit", "sh", "-c", "true"), keep_alive=False)
    emr = cloud.client("emr")
    until(lambda: emr.describe_cluster(ClusterId=id)["Cluster"]["Status"]["State"] == "TERMINATED")


def start_run(cloud: Cloud, script: str) -> tuple[str, str]:
    serverless = cloud.client("emr-serverless")
    app = serverless.create_application(name="test", releaseLabel="emr-7.13.0", type="SPARK")["applicationId"]
    cloud.client("s3").create_bucket(Bucket="logs")
    driver = {"entryPoint": "sh", "entryPointArguments": ["-c", script], "sparkSubmitParameters": "--conf a='b c'"}
    monitoring = {"s3MonitoringConfiguration": {"logUri": "s3://logs/serverless"}}
    defaults = {"classification": "spark-defaults", "properties": {"spark.x": "1"}}
    run = serverless.start_job_run(
        applicationId=app,
        executionRoleArn="arn:aws:iam::000000000000:role/r",
        jobDriver={"sparkSubmit": driver},
        configurationOverrides={"monitoringConfiguration": monitoring, "applicationConfiguration": [defaults]},
    )
    return app, run["jobRunId"]


def ended_run(cloud: Cloud, app: str, run: str) -> Any:
    serverless = cloud.client("emr-serverless")

    def ended() -> Any:
        shown = serverless.get_job_run(applicationId=app, jobRunId=run)["jobRun"]
        return shown if shown["state"] in ENDED else None

    return until(ended)


def test_a_job_run_runs_spark_submit_and_its_logs_go_to_s3(cloud: Cloud) -> None:
    app, run = start_run(cloud, "echo done")
    assert ended_run(cloud, app, run)["state"] == "SUCCESS"
    key = f"serverless/applications/{app}/jobs/{run}/SPARK_DRIVER/stdout.gz"
    log = gzip.decompress(cloud.client("s3").get_object(Bucket="logs", Key=key)["Body"].read()).decode()
    assert log.splitlines() == ["arguments: --conf spark.x=1 --conf a=b c sh -c echo done", "done"]


def test_a_job_run_that_fails_says_why(cloud: Cloud) -> None:
    failed = ended_run(cloud, *start_run(cloud, "echo 'ValueError: no lake' >&2; exit 3"))
    assert failed["state"] == "FAILED"
    assert "ExitCode: 3" in failed["stateDetails"]
    assert "ValueError: no lake" in failed["stateDetails"]


def test_a_job_run_is_cancelled(cloud: Cloud) -> None:
    app, run = start_run(cloud, "sleep 600")
    cloud.client("emr-serverless").cancel_job_run(applicationId=app, jobRunId=run)
    assert ended_run(cloud, app, run)["state"] == "CANCELLED"


def execute(cloud: Cloud, name: str, resource: str, arguments: dict[str, Any]) -> Any:
    """Runs a state machine of one task to its end."""
    task = {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Parameters": arguments, "End": True}
    states = cloud.client("stepfunctions")
    machine = states.create_state_machine(
        name=f"{name}-{time.time_ns()}",
        definition=json.dumps({"StartAt": "job", "States": {"job": task}}),
        roleArn="arn:aws:iam::000000000000:role/r",
    )["stateMachineArn"]
    arn = states.start_execution(stateMachineArn=machine)["executionArn"]

    def ended() -> Any:
        shown = states.describe_execution(executionArn=arn)
        return shown if shown["status"] != "RUNNING" else None

    return until(ended)


def test_a_state_machine_waits_for_a_step(cloud: Cloud) -> None:
    id = cluster(cloud)
    good = {"ClusterId": id, "Step": step("spark-submit", "sh", "-c", "true")}
    bad = {"ClusterId": id, "Step": step("spark-submit", "sh", "-c", "exit 1")}
    assert execute(cloud, "good", "elasticmapreduce:addStep.sync", good)["status"] == "SUCCEEDED"
    failed = execute(cloud, "bad", "elasticmapreduce:addStep.sync", bad)
    assert (failed["status"], failed["error"]) == ("FAILED", "States.TaskFailed")


def test_a_state_machine_waits_for_a_job_run(cloud: Cloud) -> None:
    serverless = cloud.client("emr-serverless")
    app = serverless.create_application(name="states", releaseLabel="emr-7.13.0", type="SPARK")["applicationId"]

    def run(script: str) -> Any:
        driver = {"SparkSubmit": {"EntryPoint": "sh", "EntryPointArguments": ["-c", script]}}
        role = "arn:aws:iam::000000000000:role/r"
        arguments = {"ApplicationId": app, "ExecutionRoleArn": role, "JobDriver": driver}
        return execute(cloud, "serverless", "emr-serverless:startJobRun.sync", arguments)

    assert run("true")["status"] == "SUCCEEDED"
    assert run("exit 1")["error"] == "States.TaskFailed"


def test_a_state_machine_in_jsonata_tries_a_job_again_and_says_why_it_failed(cloud: Cloud) -> None:
    states, serverless = cloud.client("stepfunctions"), cloud.client("emr-serverless")
    app = serverless.create_application(name="again", releaseLabel="emr-spark-8.1.0", type="SPARK")["applicationId"]
    assert serverless.get_application(applicationId=app)["application"]["releaseLabel"] == "emr-spark-8.1.0"
    submit = {"EntryPoint": "sh", "EntryPointArguments": ["-c", "echo 'ValueError: no \"lake\"'; exit 1"]}
    job = {
        "Type": "Task",
        "Resource": "arn:aws:states:::emr-serverless:startJobRun.sync",
        "Arguments": {"ApplicationId": app, "ExecutionRoleArn": ROLE, "JobDriver": {"SparkSubmit": submit}},
        "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1, "IntervalSeconds": 1}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Assign": {"why": CAUSE}, "Next": "failed"}],
        "End": True,
    }
    failed = {"Type": "Fail", "Error": "NoReport", "Cause": "{% 'so: ' & $why %}"}
    definition = {"QueryLanguage": "JSONata", "StartAt": "job", "States": {"job": job, "failed": failed}}
    machine = states.create_state_machine(name="again", definition=json.dumps(definition), roleArn=ROLE)
    arn = states.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]

    def ended() -> Any:
        shown = states.describe_execution(executionArn=arn)
        return shown if shown["status"] != "RUNNING" else None

    shown = until(ended)
    assert (shown["status"], shown["error"]) == ("FAILED", "NoReport")
    assert shown["cause"].startswith("so: ")
    assert 'ValueError: no "lake"' in shown["cause"]
    runs = serverless.list_job_runs(applicationId=app)["jobRuns"]
    assert [run["state"] for run in runs] == ["FAILED", "FAILED"]
