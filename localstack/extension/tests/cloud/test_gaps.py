"""What is not as on AWS, as the table in localstack/README.md says. What fails here is a gap that has closed."""

import json
import platform
import time
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


def test_cron_schedules_are_kept_and_do_not_fire(cloud: Cloud) -> None:
    cloud.client("scheduler").create_schedule(
        Name="daily",
        ScheduleExpression="cron(0 12 * * ? *)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": "arn:aws:sqs:us-east-1:000000000000:q", "RoleArn": ROLE},
    )
    assert firing("cron(0 12 * * ? *)", 0, time.time()) is None


def test_athena_runs_nothing(cloud: Cloud) -> None:
    athena = cloud.client("athena")
    output = {"OutputLocation": "s3://once/"}
    id = athena.start_query_execution(QueryString="SELECT no syntax", ResultConfiguration=output)["QueryExecutionId"]
    until(lambda: athena.get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"]["State"] != "RUNNING")
    assert athena.get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"]["State"] != "FAILED"


def test_kinesis_does_not_bisect(cloud: Cloud, deploy: Deploy) -> None:
    kinesis, sqs, s3 = cloud.client("kinesis"), cloud.client("sqs"), cloud.client("s3")
    s3.create_bucket(Bucket="alone")
    url = sqs.create_queue(QueueName="bisected")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    kinesis.create_stream(StreamName="bisected", ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName="bisected", WaiterConfig={"Delay": 1})
    stream = kinesis.describe_stream_summary(StreamName="bisected")["StreamDescriptionSummary"]["StreamARN"]
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
