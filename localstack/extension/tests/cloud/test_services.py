"""The other services that the extension adds or mends."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from tests.cloud.conftest import Cloud, until


def test_a_schedule_fires_once_at_its_time(cloud: Cloud) -> None:
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="scheduled")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    at = datetime.now(UTC) + timedelta(seconds=2)
    cloud.client("scheduler").create_schedule(
        Name="once",
        ScheduleExpression=f"at({at:%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": arn, "RoleArn": "arn:aws:iam::000000000000:role/r", "Input": '{"cut": true}'},
    )
    messages = until(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"))
    assert json.loads(messages[0]["Body"]) == {"cut": True}
    assert at.timestamp() - 1 <= time.time()


def test_an_msk_cluster_has_the_brokers_of_this_machine(cloud: Cloud) -> None:
    msk = cloud.client("kafka")
    vpc = {"SubnetIds": ["subnet-1"]}
    iam = {"Sasl": {"Iam": {"Enabled": True}}}
    arn = msk.create_cluster_v2(ClusterName="c", Serverless={"VpcConfigs": [vpc], "ClientAuthentication": iam})[
        "ClusterArn"
    ]
    assert msk.describe_cluster_v2(ClusterArn=arn)["ClusterInfo"]["State"] == "ACTIVE"
    assert msk.get_bootstrap_brokers(ClusterArn=arn)["BootstrapBrokerStringSaslIam"] == cloud.brokers
    with pytest.raises(ClientError, match="Conflict"):
        msk.create_cluster_v2(ClusterName="c", Serverless={"VpcConfigs": [vpc], "ClientAuthentication": iam})
    msk.delete_cluster(ClusterArn=arn)
    with pytest.raises(ClientError, match="NotFound"):
        msk.describe_cluster_v2(ClusterArn=arn)


def test_the_catalogue_keeps_databases_and_tables(cloud: Cloud) -> None:
    glue = cloud.client("glue")
    glue.create_database(DatabaseInput={"Name": "lake"})
    glue.create_table(DatabaseName="lake", TableInput={"Name": "silver", "Parameters": {"classification": "parquet"}})
    assert glue.get_table(DatabaseName="lake", Name="silver")["Table"]["Parameters"] == {"classification": "parquet"}


def test_a_work_group_keeps_its_tags(cloud: Cloud) -> None:
    athena = cloud.client("athena")
    athena.create_work_group(Name="lake", Tags=[{"Key": "project", "Value": "penstock"}])
    arn = "arn:aws:athena:us-east-1:000000000000:workgroup/lake"
    assert athena.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "project", "Value": "penstock"}]


def test_an_alarm_and_a_stream_keep_the_tags_of_their_creation(cloud: Cloud) -> None:
    tags = {"project": "penstock"}
    kinesis, cloudwatch = cloud.client("kinesis"), cloud.client("cloudwatch")
    kinesis.create_stream(StreamName="tagged", ShardCount=1, Tags=tags)
    until(lambda: kinesis.list_tags_for_stream(StreamName="tagged")["Tags"])
    cloudwatch.put_metric_alarm(
        AlarmName="tagged",
        Namespace="Test",
        MetricName="landed",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="LessThanThreshold",
        Tags=[{"Key": "project", "Value": "penstock"}],
    )
    arn = cloudwatch.describe_alarms(AlarmNames=["tagged"])["MetricAlarms"][0]["AlarmArn"]
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "project", "Value": "penstock"}]


def test_what_moto_does_not_know_is_an_error_that_no_client_repeats(cloud: Cloud) -> None:
    with pytest.raises(ClientError) as caught:
        cloud.client("emr").describe_cluster(ClusterId="j-none")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
