"""Both pipelines on LocalEmu, which checks rights: they run as their roles, and not without one of their permissions.

What Lambda itself does in a role's name (reading the stream, writing the log) it does not check, and neither
whether Lambda may take the role.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cloud import LAKE, REPOSITORY, Cloud, running_cloud, until
from lake import report_of
from sources import send_to_kafka, send_to_kinesis

EVENTS = 10_000
# As many as one request takes: of two at once, LocalEmu acknowledges records under one sequence number and keeps one.
EVENTS_TO_KINESIS = 400
INGEST, REFINE = "penstock-ingest-kafka", "penstock-refine"
POLICY = "lake-and-log"


@pytest.fixture(scope="module")
def cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    with running_cloud(
        request.session, "enforcement", EMULATOR="localemu", IAM_ENFORCEMENT="1", ROOT_ACCESS_KEYS="test"
    ) as cloud:
        cloud.run(REPOSITORY / "localstack" / "kafka.sh", "topic", "events", "3")
        yield cloud


def test_both_pipelines_run_as_their_roles(cloud: Cloud, tmp_path: Path) -> None:
    sent = [send_to_kafka(cloud, tmp_path, EVENTS, 1), send_to_kinesis(cloud, tmp_path, EVENTS_TO_KINESIS, 2)]
    until("all records land", lambda: report_of(cloud).get("landed") == sum(part.sent for part in sent))
    until("refine takes everything", lambda: cloud.refine() == [])
    assert report_of(cloud)["silver"] == sum(part.distinct for part in sent)
    for part in sent:
        cloud.penstock("audit", "--lake", LAKE, "--brokers", cloud.brokers, *part.as_argument)


def test_the_bucket_refuses_whatever_could_overwrite(cloud: Cloud) -> None:
    """Whoever asks: this user may do everything in S3."""
    s3 = cloud.client_of("s3", *new_user(cloud, {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}))
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket="penstock", Key="lake/raw/iot/mine", Body=b"")
    s3.put_object(Bucket="penstock", Key="lake/raw/iot/mine", Body=b"", IfNoneMatch="*")
    s3.put_object(Bucket="penstock", Key="lake/_penstock/iot/hints/mine", Body=b"")


def new_user(cloud: Cloud, statement: dict[str, str]) -> tuple[str, str]:
    iam, policy = cloud.client("iam"), {"Version": "2012-10-17", "Statement": [statement]}
    iam.create_user(UserName="somebody")
    iam.put_user_policy(UserName="somebody", PolicyName="rights", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName="somebody")["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def test_refine_says_which_permission_is_missing(cloud: Cloud) -> None:
    take_away(cloud, REFINE, "ListAndLearnWhatIsAbsent")
    answer = cloud.client("lambda").invoke(FunctionName=f"{REFINE}:live", Payload=b"{}")
    error = json.loads(answer["Payload"].read())
    assert answer["FunctionError"], error
    assert "Allow s3:ListBucket on arn:aws:s3:::penstock" in error["errorMessage"]


def test_ingest_says_which_permission_is_missing(cloud: Cloud, tmp_path: Path) -> None:
    take_away(cloud, INGEST, "CreateObjectsAndOverwriteNone")
    send_to_kafka(cloud, tmp_path, 100, 3)
    log = cloud.home / "cloud" / "trigger.log"
    until("the trigger says why", lambda: "Allow s3:PutObject on arn:aws:s3:::penstock/lake/*" in log.read_text())


def take_away(cloud: Cloud, role: str, sid: str) -> None:
    iam = cloud.client("iam")
    policy: dict[str, Any] = iam.get_role_policy(RoleName=role, PolicyName=POLICY)["PolicyDocument"]
    kept = [statement for statement in policy["Statement"] if statement["Sid"] != sid]
    assert len(kept) == len(policy["Statement"]) - 1
    iam.put_role_policy(RoleName=role, PolicyName=POLICY, PolicyDocument=json.dumps({**policy, "Statement": kept}))
