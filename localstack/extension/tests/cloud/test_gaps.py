"""What is not as on AWS, as the table in localstack/README.md says. What fails here is a gap that has closed."""

import json
import platform
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_cloud.schedules import firing
from tests.cloud.conftest import Cloud, Deploy, archive, until
from tests.cloud.test_functions import invoke

ROLE = "arn:aws:iam::000000000000:role/r"


def test_bucket_policies_are_not_evaluated(cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="denied")
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::denied/*"}
    s3.put_bucket_policy(Bucket="denied", Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    s3.put_object(Bucket="denied", Key="a", Body=b"1")


def test_objects_are_created_only_once_as_on_aws(cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="once")
    s3.put_object(Bucket="once", Key="a", Body=b"1", IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket="once", Key="a", Body=b"2", IfNoneMatch="*")


def test_rights_are_not_checked(cloud: Cloud) -> None:
    iam = cloud.client("iam")
    iam.create_user(UserName="nobody")
    key = iam.create_access_key(UserName="nobody")["AccessKey"]
    nobody = cloud.client_of("s3", key["AccessKeyId"], key["SecretAccessKey"])
    nobody.create_bucket(Bucket="made-by-nobody")


def test_an_answer_with_metric_math_is_an_error(cloud: Cloud) -> None:
    now = time.time()
    with pytest.raises(ClientError):
        cloud.client("cloudwatch").get_metric_data(
            MetricDataQueries=[{"Id": "total", "Expression": "SUM([1])"}], StartTime=now - 60, EndTime=now
        )


def test_a_wrong_dashboard_is_accepted(cloud: Cloud) -> None:
    body = json.dumps({"widgets": [{"type": "no such type"}]})
    assert cloud.client("cloudwatch").put_dashboard(DashboardName="wrong", DashboardBody=body)


def test_composite_alarms_are_not_evaluated(cloud: Cloud) -> None:
    cloudwatch = cloud.client("cloudwatch")
    common: dict[str, Any] = {"Namespace": "Gap", "MetricName": "m", "Statistic": "Sum", "Period": 10}
    cloudwatch.put_metric_alarm(
        AlarmName="part",
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        **common,
    )
    cloudwatch.put_composite_alarm(AlarmName="whole", AlarmRule="ALARM(part)")
    cloudwatch.set_alarm_state(AlarmName="part", StateValue="ALARM", StateReason="test")
    both = cloudwatch.describe_alarms(AlarmNames=["part", "whole"], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    assert both["MetricAlarms"][0]["StateValue"] == "ALARM"
    assert both["CompositeAlarms"][0]["StateValue"] != "ALARM"


def test_lambda_has_few_metrics(cloud: Cloud, deploy: Deploy) -> None:
    function = deploy("def handle(event): return 1")
    invoke(cloud, function)
    dimensions = [{"Name": "FunctionName", "Value": function}]

    def names() -> set[str]:
        metrics = cloud.client("cloudwatch").list_metrics(Namespace="AWS/Lambda", Dimensions=dimensions)["Metrics"]
        found = {metric["MetricName"] for metric in metrics}
        return found if {"Duration", "Invocations"} <= found else set()

    assert not until(names) & {"Throttles", "ConcurrentExecutions", "IteratorAge"}


def test_functions_share_the_folder_for_temporary_files(cloud: Cloud, deploy: Deploy) -> None:
    name = f"/tmp/{time.time_ns()}"
    writer = deploy(f"def handle(event): return open('{name}', 'w').close()")
    reader = deploy(f"def handle(event): found = os.path.exists('{name}'); os.unlink('{name}'); return found")
    invoke(cloud, writer)
    assert invoke(cloud, reader) == (True, None)


def test_the_architecture_of_a_function_is_not_looked_at(cloud: Cloud, deploy: Deploy) -> None:
    other = "arm64" if platform.machine() == "x86_64" else "x86_64"
    assert invoke(cloud, deploy("def handle(event): return 1", Architectures=[other])) == (1, None)


def test_layers_are_kept_and_not_there(cloud: Cloud, deploy: Deploy) -> None:
    lambda_ = cloud.client("lambda")
    layer = lambda_.publish_layer_version(LayerName="l", Content={"ZipFile": archive("")})["LayerVersionArn"]
    function = deploy("def handle(event): return os.path.exists('/opt/bootstrap')", Layers=[layer])
    assert invoke(cloud, function) == (False, None)


def test_a_function_in_a_vpc_has_the_network_of_this_machine(cloud: Cloud, deploy: Deploy) -> None:
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="none", Description="nothing in or out", VpcId=vpc)["GroupId"]
    function = deploy(
        "def handle(event): return urllib.request.urlopen(os.environ['AWS_ENDPOINT_URL']).status",
        VpcConfig={"SubnetIds": [subnet], "SecurityGroupIds": [group]},
    )
    assert cloud.client("lambda").get_function_configuration(FunctionName=function)["VpcConfig"]["VpcId"] == vpc
    assert invoke(cloud, function) == (200, None)


def test_traces_of_functions_go_nowhere(cloud: Cloud, deploy: Deploy) -> None:
    function = deploy("def handle(event): return 1", TracingConfig={"Mode": "Active"})
    invoke(cloud, function)
    assert cloud.client("lambda").get_function_configuration(FunctionName=function)["TracingConfig"]["Mode"] == "Active"
    with pytest.raises(ClientError, match="not yet been emulated"):
        cloud.client("xray").get_trace_summaries(StartTime=time.time() - 60, EndTime=time.time())


def test_file_systems_of_functions_are_forgotten(cloud: Cloud, deploy: Deploy) -> None:
    point = "arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/fsap-12345678901234567"
    function = deploy(
        "def handle(event): return os.path.exists('/mnt/lake')",
        FileSystemConfigs=[{"Arn": point, "LocalMountPath": "/mnt/lake"}],
    )
    assert "FileSystemConfigs" not in cloud.client("lambda").get_function_configuration(FunctionName=function)
    assert invoke(cloud, function) == (False, None)
    with pytest.raises(ClientError, match="not yet been emulated"):
        cloud.client("efs").describe_file_systems()


def test_cron_schedules_are_kept_and_do_not_fire(cloud: Cloud) -> None:
    cloud.client("scheduler").create_schedule(
        Name="daily",
        ScheduleExpression="cron(0 12 * * ? *)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": "arn:aws:sqs:us-east-1:000000000000:q", "RoleArn": ROLE},
    )
    assert firing("cron(0 12 * * ? *)", 0, time.time()) is None


def test_schedules_fire_in_utc_and_at_the_start_of_their_window(cloud: Cloud) -> None:
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="tokyo")["QueueUrl"]
    # In Tokyo this was nine hours ago.
    schedule(cloud, "tokyo", ScheduleExpressionTimezone="Asia/Tokyo", FlexibleTimeWindow=WITHIN_THE_HOUR)
    assert cloud.client("scheduler").get_schedule(Name="tokyo")["ScheduleExpressionTimezone"] == "Asia/Tokyo"
    until(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"))


def test_what_a_schedule_could_not_deliver_is_lost(cloud: Cloud) -> None:
    sqs = cloud.client("sqs")
    dead, url = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("dead", "after-it"))
    letters = {"Arn": "arn:aws:sqs:us-east-1:000000000000:dead"}
    schedule(cloud, "no-such-queue", DeadLetterConfig=letters, RetryPolicy={"MaximumRetryAttempts": 2})
    until(lambda: "schedule/default/no-such-queue: " in (cloud.home / "cloud" / "emulator.log").read_text())
    schedule(cloud, "after-it")
    until(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"))
    assert "Messages" not in sqs.receive_message(QueueUrl=dead)
    assert (cloud.home / "cloud" / "emulator.log").read_text().count("schedule/default/no-such-queue: ") == 1


WITHIN_THE_HOUR = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 60}


def schedule(cloud: Cloud, queue: str, **settings: Any) -> None:
    """A schedule that soon sends to a queue; what a target has among the settings goes to the target."""
    target = {"Arn": f"arn:aws:sqs:us-east-1:000000000000:{queue}", "RoleArn": ROLE}
    target |= {name: settings.pop(name) for name in ("DeadLetterConfig", "RetryPolicy") if name in settings}
    at = datetime.now(UTC) + timedelta(seconds=2)
    request = {
        "ScheduleExpression": f"at({at:%Y-%m-%dT%H:%M:%S})",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": target,
    }
    cloud.client("scheduler").create_schedule(Name=queue, **(request | settings))


def test_a_cluster_has_no_machines_bootstrap_actions_and_scaling(cloud: Cloud) -> None:
    emr = cloud.client("emr")
    id = emr.run_job_flow(
        Name="machines",
        ReleaseLabel="emr-7.13.0",
        Instances={
            "MasterInstanceType": "m5.xlarge",
            "SlaveInstanceType": "m5.xlarge",
            "InstanceCount": 3,
            "KeepJobFlowAliveWhenNoSteps": True,
        },
        BootstrapActions=[{"Name": "none", "ScriptBootstrapAction": {"Path": "s3://no-such-bucket/none.sh"}}],
        ManagedScalingPolicy={
            "ComputeLimits": {"UnitType": "Instances", "MinimumCapacityUnits": 2, "MaximumCapacityUnits": 9}
        },
        JobFlowRole="EMR_EC2_DefaultRole",
        ServiceRole="EMR_DefaultRole",
    )["JobFlowId"]
    # On AWS a bootstrap action that is missing ends the cluster.
    assert emr.describe_cluster(ClusterId=id)["Cluster"]["Status"]["State"] == "WAITING"
    assert emr.list_bootstrap_actions(ClusterId=id)["BootstrapActions"][0]["Name"] == "none"
    assert emr.get_managed_scaling_policy(ClusterId=id)["ManagedScalingPolicy"]
    assert emr.list_instances(ClusterId=id)["Instances"] == []
    emr.terminate_job_flows(JobFlowIds=[id])


def test_a_crawler_finds_nothing(cloud: Cloud) -> None:
    s3, glue = cloud.client("s3"), cloud.client("glue")
    s3.create_bucket(Bucket="crawled")
    s3.put_object(Bucket="crawled", Key="silver/a.csv", Body=b"a,b\n1,2\n")
    glue.create_database(DatabaseInput={"Name": "crawled"})
    glue.create_crawler(
        Name="crawler", Role=ROLE, DatabaseName="crawled", Targets={"S3Targets": [{"Path": "s3://crawled/"}]}
    )
    glue.start_crawler(Name="crawler")
    assert glue.get_crawler(Name="crawler")["Crawler"]["State"] == "RUNNING"
    glue.stop_crawler(Name="crawler")
    assert glue.get_tables(DatabaseName="crawled")["TableList"] == []


def test_there_is_no_lake_formation(cloud: Cloud) -> None:
    with pytest.raises(ClientError, match="not yet been emulated"):
        cloud.client("lakeformation").get_data_lake_settings()


def test_a_key_of_twelve_digits_is_an_account(cloud: Cloud) -> None:
    assert cloud.client("sts").get_caller_identity()["Account"] == "000000000000"
    other = cloud.client_of("sts", "111111111111", "test")
    assert other.get_caller_identity()["Account"] == "111111111111"


def test_athena_runs_nothing(cloud: Cloud) -> None:
    athena = cloud.client("athena")
    output = {"OutputLocation": "s3://once/"}
    id = athena.start_query_execution(QueryString="SELECT no syntax", ResultConfiguration=output)["QueryExecutionId"]
    until(lambda: athena.get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"]["State"] != "RUNNING")
    assert athena.get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"]["State"] != "FAILED"


def test_a_shard_takes_whatever_comes(cloud: Cloud) -> None:
    kinesis = cloud.client("kinesis")
    new_stream(cloud, "limits", 1)
    # On AWS a shard takes a mebibyte a second, and refuses the rest.
    records = [{"Data": b"x" * 500_000, "PartitionKey": "k"}] * 8
    assert kinesis.put_records(StreamName="limits", Records=records)["FailedRecordCount"] == 0
    kinesis.delete_stream(StreamName="limits")


def test_kinesis_mappings_read_one_shard_after_the_other(cloud: Cloud, deploy: Deploy, tmp_path: Path) -> None:
    kinesis, log = cloud.client("kinesis"), tmp_path / "log"
    stream = new_stream(cloud, "one-by-one", 2)
    script = f"""import time
def handle(event):
    with open("{log}", "a") as log:
        print("begin", file=log, flush=True)
        # Longer than until the next shard is read.
        time.sleep(2)
        print("end", file=log, flush=True)"""
    for hash_key in ("0", str(1 << 127)):
        kinesis.put_record(StreamName="one-by-one", Data=b"1", PartitionKey="k", ExplicitHashKey=hash_key)
    mapping = cloud.client("lambda").create_event_source_mapping(
        FunctionName=deploy(script), EventSourceArn=stream, StartingPosition="TRIM_HORIZON"
    )
    lines = until(lambda: log.exists() and len(lines := log.read_text().split()) == 4 and lines)
    cloud.client("lambda").delete_event_source_mapping(UUID=mapping["UUID"])
    # On AWS both begin before one ends.
    assert lines == ["begin", "end", "begin", "end"]


def new_stream(cloud: Cloud, name: str, shards: int) -> str:
    """The stream's ARN."""
    kinesis = cloud.client("kinesis")
    kinesis.create_stream(StreamName=name, ShardCount=shards)
    kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
    arn: str = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    return arn


def test_kinesis_does_not_bisect(cloud: Cloud, deploy: Deploy) -> None:
    kinesis, sqs, s3 = cloud.client("kinesis"), cloud.client("sqs"), cloud.client("s3")
    s3.create_bucket(Bucket="alone")
    url = sqs.create_queue(QueueName="bisected")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    stream = new_stream(cloud, "bisected", 1)
    kinesis.put_records(
        StreamName="bisected", Records=[{"Data": value, "PartitionKey": "k"} for value in (b"good", b"bad")]
    )
    script = """import base64
def handle(event):
    values = [base64.b64decode(record["kinesis"]["data"]) for record in event["Records"]]
    assert b"bad" not in values
    print("GOOD ALONE", flush=True)"""
    function = deploy(script)
    mapping = cloud.client("lambda").create_event_source_mapping(
        FunctionName=function,
        EventSourceArn=stream,
        StartingPosition="TRIM_HORIZON",
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": queue}},
    )
    notice = until(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"))[0]
    cloud.client("lambda").delete_event_source_mapping(UUID=mapping["UUID"])
    assert json.loads(notice["Body"])["KinesisBatchInfo"]["batchSize"] == 2
    logs = cloud.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
    assert not any("GOOD ALONE" in event["message"] for event in logs)


def test_what_an_alias_gives_up_is_sent_nowhere(cloud: Cloud, deploy: Deploy) -> None:
    lambda_, sqs = cloud.client("lambda"), cloud.client("sqs")
    url = sqs.create_queue(QueueName="given-up")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    function = deploy("def handle(event): raise ValueError('wrong')")
    version = lambda_.publish_version(FunctionName=function)["Version"]
    lambda_.create_alias(FunctionName=function, Name="live", FunctionVersion=version)
    for qualifier in ("live", version):
        lambda_.put_function_event_invoke_config(
            FunctionName=function,
            Qualifier=qualifier,
            MaximumRetryAttempts=0,
            DestinationConfig={"OnFailure": {"Destination": queue}} if qualifier == "live" else {},
        )
    lambda_.invoke(FunctionName=f"{function}:live", InvocationType="Event")
    assert not sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5).get("Messages")
    # That it is sent for a version shows that five seconds are enough.
    lambda_.put_function_event_invoke_config(
        FunctionName=function,
        Qualifier=version,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": queue}},
    )
    lambda_.invoke(FunctionName=f"{function}:{version}", InvocationType="Event")
    assert sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5).get("Messages")
