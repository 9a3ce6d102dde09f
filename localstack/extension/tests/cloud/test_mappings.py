"""Kafka mappings: kept by the emulator with all their fields, and served by the trigger."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud.conftest import Cloud, Deploy, until

ECHO = "def handle(event): return None"
FAIL = "def handle(event): raise ValueError('on purpose')"
# Puts the values that it gets below the prefix that is its name.
KEEP = """import base64
def handle(event):
    for records in event["records"].values():
        for record in records:
            value = base64.b64decode(record["value"]).decode()
            url = f"{os.environ['AWS_ENDPOINT_URL']}/kept/{os.environ['AWS_LAMBDA_FUNCTION_NAME']}/{value}"
            request = urllib.request.Request(url, data=b"1", method="PUT")
            request.add_header("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request")
            urllib.request.urlopen(request)
"""


class Mappings:
    """The mappings of one test."""

    def __init__(self, cloud: Cloud, region: str = "us-east-1") -> None:
        self._cloud, self._made = cloud, list[str]()
        self._lambda = cloud.client_of("lambda", "test", "test", region)

    def create(self, function: str, topic: str, **settings: Any) -> Any:
        servers = {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": [self._cloud.brokers]}}
        request = {
            "SelfManagedEventSource": servers,
            "SourceAccessConfigurations": [],
            "Topics": [topic],
            "StartingPosition": "TRIM_HORIZON",
        }
        request = {name: value for name, value in (request | settings).items() if value is not None}
        mapping = self._lambda.create_event_source_mapping(FunctionName=function, **request)
        self._made.append(mapping["UUID"])
        return mapping

    def get(self, uuid: str) -> Any:
        return self._lambda.get_event_source_mapping(UUID=uuid)

    def delete(self, uuid: str) -> None:
        self._lambda.delete_event_source_mapping(UUID=uuid)
        self._made.remove(uuid)
        until(lambda: uuid not in self._listed())

    def delete_all(self) -> None:
        for uuid in list(self._made):
            self.delete(uuid)

    def _listed(self) -> list[str]:
        return [mapping["UUID"] for mapping in self._lambda.list_event_source_mappings()["EventSourceMappings"]]


@pytest.fixture
def mappings(cloud: Cloud) -> Iterator[Mappings]:
    mappings = Mappings(cloud)
    yield mappings
    mappings.delete_all()


@pytest.fixture
def topic(cloud: Cloud, request: pytest.FixtureRequest) -> str:
    name: str = request.node.name.replace("[", "-").replace("]", "")[:200]
    cloud.make_topic(name)
    return name


@pytest.fixture(scope="session")
def kept(cloud: Cloud) -> str:
    cloud.client("s3").create_bucket(Bucket="kept")
    return "kept"


def keys(cloud: Cloud, bucket: str, prefix: str = "") -> list[str]:
    listed = cloud.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix)
    return [entry["Key"].removeprefix(prefix) for entry in listed.get("Contents", [])]


def report(cloud: Cloud, uuid: str) -> str:
    """The report's line on a mapping, without its name."""
    lines = (cloud.home / "cloud" / "trigger.txt").read_text().splitlines()
    return next((line.partition(f"mapping {uuid}: ")[2] for line in lines if uuid in line), "")


# --- kept


def test_a_mapping_is_shown_as_it_was_created(deploy: Deploy, mappings: Mappings) -> None:
    settings: dict[str, Any] = {
        "BatchSize": 10_000,
        "MaximumBatchingWindowInSeconds": 10,
        "StartingPosition": "AT_TIMESTAMP",
        "StartingPositionTimestamp": 1_700_000_000,
        "Enabled": False,
        "ProvisionedPollerConfig": {"MinimumPollers": 1, "MaximumPollers": 2},
        "BisectBatchOnFunctionError": True,
        "MaximumRetryAttempts": 3,
        "MaximumRecordAgeInSeconds": 3_600,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::failed"}},
        "SelfManagedKafkaEventSourceConfig": {"ConsumerGroupId": "landing"},
        "SourceAccessConfigurations": [
            {"Type": "SASL_SCRAM_512_AUTH", "URI": "arn:aws:secretsmanager:us-east-1:0:secret:s"}
        ],
    }
    shown = mappings.get(mappings.create(deploy(ECHO), "events", **settings)["UUID"])
    kept = {name: shown[name] for name in settings if name not in ("Enabled", "StartingPositionTimestamp")}
    assert kept == {name: value for name, value in settings.items() if name in kept}
    assert shown["StartingPositionTimestamp"].timestamp() == 1_700_000_000
    assert shown["State"] == "Disabled"


def test_a_mapping_of_msk_has_lambdas_defaults(deploy: Deploy, cloud: Cloud, mappings: Mappings) -> None:
    arn = "arn:aws:kafka:us-east-1:000000000000:cluster/c/1"
    function = deploy(ECHO)
    created = cloud.client("lambda").create_event_source_mapping(
        FunctionName=function, EventSourceArn=arn, Topics=["no-such-topic"], StartingPosition="LATEST"
    )
    mappings._made.append(created["UUID"])
    shown = mappings.get(created["UUID"])
    assert shown["BatchSize"] == 100
    assert shown["AmazonManagedKafkaEventSourceConfig"] == {"ConsumerGroupId": shown["UUID"]}
    assert "MaximumRetryAttempts" not in shown


@pytest.mark.parametrize("settings", [{"MaximumRetryAttempts": 3}, {"BisectBatchOnFunctionError": True}])
def test_what_lambda_refuses_is_refused(deploy: Deploy, mappings: Mappings, settings: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        mappings.create(deploy(ECHO), "events", **settings)


def test_a_disabled_mapping_is_deleted(deploy: Deploy, mappings: Mappings) -> None:
    mappings.delete(mappings.create(deploy(ECHO), "events", Enabled=False)["UUID"])


def test_a_changed_mapping_stays_enabled(deploy: Deploy, cloud: Cloud, mappings: Mappings) -> None:
    uuid = mappings.create(deploy(ECHO), "no-such-topic")["UUID"]
    for size in range(1, 11):
        cloud.client("lambda").update_event_source_mapping(UUID=uuid, BatchSize=size)
        until(lambda: mappings.get(uuid)["State"] == "Enabled")
    assert mappings.get(uuid)["BatchSize"] == 10


# --- served


def test_records_reach_the_function(deploy: Deploy, cloud: Cloud, mappings: Mappings, topic: str, kept: str) -> None:
    function = deploy(KEEP)
    uuid = mappings.create(function, topic)["UUID"]
    cloud.produce(topic, "one", "two")
    until(lambda: sorted(keys(cloud, kept, f"{function}/")) == ["one", "two"])
    until(lambda: report(cloud, uuid) == f"serving, topic {topic} to {mappings.get(uuid)['FunctionArn']}, lag 0")


def test_changes_and_deletions_are_followed(
    deploy: Deploy, cloud: Cloud, mappings: Mappings, topic: str, kept: str
) -> None:
    first, second, lambda_ = deploy(KEEP), deploy(KEEP), cloud.client("lambda")
    uuid = mappings.create(first, topic)["UUID"]
    cloud.produce(topic, "one")
    until(lambda: keys(cloud, kept, f"{first}/") == ["one"])
    lambda_.update_event_source_mapping(UUID=uuid, FunctionName=second)
    until(lambda: second in report(cloud, uuid))
    cloud.produce(topic, "two")
    until(lambda: keys(cloud, kept, f"{second}/") == ["two"])
    lambda_.update_event_source_mapping(UUID=uuid, Enabled=False)
    until(lambda: report(cloud, uuid).startswith("disabled"))
    cloud.produce(topic, "three")
    lambda_.update_event_source_mapping(UUID=uuid, Enabled=True)
    until(lambda: sorted(keys(cloud, kept, f"{second}/")) == ["three", "two"])
    mappings.delete(uuid)
    until(lambda: not report(cloud, uuid))
    assert keys(cloud, kept, f"{first}/") == ["one"]


def test_a_mapping_of_an_unknown_topic_says_so(deploy: Deploy, cloud: Cloud, mappings: Mappings) -> None:
    uuid = mappings.create(deploy(ECHO), "not-there-yet")["UUID"]
    until(lambda: "topic `not-there-yet` does not exist" in report(cloud, uuid))
    cloud.make_topic("not-there-yet")
    until(lambda: report(cloud, uuid).startswith("serving"))


def test_a_mapping_that_cannot_be_served_says_why(deploy: Deploy, cloud: Cloud, mappings: Mappings) -> None:
    filters = {"FilterCriteria": {"Filters": [{"Pattern": '{"value": [1]}'}]}}
    uuid = mappings.create(deploy(ECHO), "events", **filters)["UUID"]
    until(lambda: report(cloud, uuid).startswith("refused") and "no filters" in report(cloud, uuid))


SECRETS = [
    {"Type": "SASL_SCRAM_512_AUTH", "URI": "arn:aws:secretsmanager:us-east-1:000000000000:secret:none"},
    {"Type": "SERVER_ROOT_CA_CERTIFICATE", "URI": "arn:aws:secretsmanager:us-east-1:000000000000:secret:none"},
]
CLUSTER = "arn:aws:kafka:us-east-1:000000000000:cluster/none/1"


@pytest.mark.parametrize(
    "source",
    [
        {"SourceAccessConfigurations": SECRETS},
        {"SelfManagedEventSource": None, "SourceAccessConfigurations": None, "EventSourceArn": CLUSTER},
    ],
    ids=["secrets", "msk"],
)
def test_how_a_mapping_reaches_kafka_does_not_matter(
    deploy: Deploy, cloud: Cloud, mappings: Mappings, topic: str, kept: str, source: dict[str, Any]
) -> None:
    """A gap: there are no such secrets, and no such cluster."""
    function = deploy(KEEP)
    mappings.create(function, topic, **source)
    cloud.produce(topic, "one")
    until(lambda: keys(cloud, kept, f"{function}/") == ["one"])


def test_mappings_of_other_regions_are_not_served(deploy: Deploy, cloud: Cloud, mappings: Mappings, topic: str) -> None:
    """A gap. Those of this region that come later are."""
    elsewhere = Mappings(cloud, "eu-west-1")
    far = elsewhere.create(deploy(ECHO, region="eu-west-1"), topic)["UUID"]
    near = mappings.create(deploy(ECHO), topic)["UUID"]
    until(lambda: report(cloud, near).startswith("serving"))
    assert elsewhere.get(far)["State"] == "Enabled"
    assert not report(cloud, far)
    elsewhere.delete_all()


# --- given up

GIVEN_UP: dict[str, Any] = {"ProvisionedPollerConfig": {"MinimumPollers": 1}, "MaximumRetryAttempts": 0}


def destination(arn: str) -> dict[str, Any]:
    return GIVEN_UP | {"DestinationConfig": {"OnFailure": {"Destination": arn}}}


def check_notice(document: dict[str, Any], topic: str) -> None:
    info = document["KafkaBatchInfo"]["recordsInfo"][f"{topic}-0"]
    assert [int(info[name]) for name in ("firstRecordOffset", "lastRecordOffset")] == [0, 0]
    assert document["requestContext"]["condition"] == "RetryAttemptsExhausted"


def test_what_is_given_up_goes_to_a_bucket(deploy: Deploy, cloud: Cloud, mappings: Mappings, topic: str) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="failed")
    mappings.create(deploy(FAIL), topic, **destination("arn:aws:s3:::failed"))
    cloud.produce(topic, "one")
    [key] = until(lambda: keys(cloud, "failed"))
    document = json.loads(s3.get_object(Bucket="failed", Key=key)["Body"].read())
    check_notice(document, topic)
    assert f"{topic}-0" in json.loads(document["payload"])["records"]


def test_what_is_given_up_goes_to_a_queue(deploy: Deploy, cloud: Cloud, mappings: Mappings, topic: str) -> None:
    mappings.create(deploy(FAIL), topic, **destination(queue(cloud, "failed")[1]))
    cloud.produce(topic, "one")
    check_notice(json.loads(receive(cloud, "failed")), topic)


def test_what_is_given_up_goes_to_a_topic_of_sns(deploy: Deploy, cloud: Cloud, mappings: Mappings, topic: str) -> None:
    sns = cloud.client("sns")
    arn = sns.create_topic(Name="failed")["TopicArn"]
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue(cloud, "subscribed")[1])
    mappings.create(deploy(FAIL), topic, **destination(arn))
    cloud.produce(topic, "one")
    check_notice(json.loads(json.loads(receive(cloud, "subscribed"))["Message"]), topic)


def test_what_is_given_up_goes_to_a_topic_of_kafka(
    deploy: Deploy, cloud: Cloud, mappings: Mappings, topic: str
) -> None:
    cloud.make_topic("given-up")
    mappings.create(deploy(FAIL), topic, **destination("kafka://given-up"))
    cloud.produce(topic, "one")
    document = json.loads(until(lambda: cloud.consume("given-up")))
    assert document["requestContext"]["condition"] == "RetriesExhausted"


def queue(cloud: Cloud, name: str) -> tuple[str, str]:
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return url, arn


def receive(cloud: Cloud, name: str) -> str:
    sqs, (url, _) = cloud.client("sqs"), queue(cloud, name)
    messages = until(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"))
    body: str = messages[0]["Body"]
    return body
