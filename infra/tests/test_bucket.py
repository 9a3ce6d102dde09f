"""infra/bucket.sh makes the same settings as infra/modules/storage, and says what it cannot do."""

import json
import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

INFRA = Path(__file__).resolve().parent.parent

# Stands in for the AWS CLI: notes each call, and answers to head-bucket what the test wants.
AWS = """#!/usr/bin/env python3
import json, os, sys
with open(os.environ["CALLS"], "a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
answer = os.environ["HEAD_BUCKET"]
if sys.argv[2] == "head-bucket" and answer == "no":
    sys.exit("\\nUnable to locate credentials.\\nYou can configure them.")
if sys.argv[2] == "head-bucket" and answer != "200":
    sys.exit(f"An error occurred ({answer}) when calling the HeadBucket operation:\\ntold so")
if sys.argv[2] == os.environ.get("REFUSED"):
    sys.exit("An error occurred (BucketAlreadyExists)\\ntold so")
"""


class Bucket:
    def __init__(self, folder: Path, head_bucket: str = "404") -> None:
        self.calls_file = folder / "calls"
        aws = folder / "aws"
        aws.write_text(AWS)
        aws.chmod(aws.stat().st_mode | stat.S_IEXEC)
        self.environment = os.environ | {
            "PATH": f"{folder}:{os.environ['PATH']}",
            "CALLS": str(self.calls_file),
            "HEAD_BUCKET": head_bucket,
            "AWS_REGION": "eu-central-1",
        }

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [INFRA / "bucket.sh", *arguments],
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in self.calls_file.read_text().splitlines()]

    def document(self, operation: str) -> dict[str, Any]:
        """The JSON that the last argument of a call was."""
        (call,) = [call for call in self.calls() if call[1] == operation]
        document: dict[str, Any] = json.loads(call[-1])
        return document


def test_it_makes_a_bucket_and_all_its_settings(tmp_path: Path) -> None:
    bucket = Bucket(tmp_path)
    answer = bucket.run("a-lake")
    assert answer.returncode == 0, answer.stderr
    assert [call[1] for call in bucket.calls()] == [
        "head-bucket",
        "create-bucket",
        "put-bucket-ownership-controls",
        "put-public-access-block",
        "put-bucket-encryption",
        "put-bucket-policy",
        "put-bucket-lifecycle-configuration",
    ]
    assert bucket.calls()[1][-1] == "LocationConstraint=eu-central-1"


def test_the_oldest_region_is_not_named(tmp_path: Path) -> None:
    bucket = Bucket(tmp_path)
    assert bucket.run("a-lake", AWS_REGION="us-east-1").returncode == 0
    assert bucket.calls()[1] == ["s3api", "create-bucket", "--bucket", "a-lake"]


def test_a_bucket_that_is_there_is_only_set_right(tmp_path: Path) -> None:
    bucket = Bucket(tmp_path, "200")
    assert bucket.run("a-lake").returncode == 0
    assert "create-bucket" not in [call[1] for call in bucket.calls()]


def test_it_protects_what_the_module_protects(tmp_path: Path) -> None:
    bucket = Bucket(tmp_path)
    assert bucket.run("a-lake").returncode == 0
    statements = {statement["Sid"]: statement for statement in bucket.document("put-bucket-policy")["Statement"]}
    assert list(statements) == ["DenyPlainHttp", "DenyOldTls", "DenyWritesThatCouldOverwrite"]
    module = (INFRA / "modules/storage/policy.tf").read_text()
    written_once = re.findall(r'"\$\{local\.root\}/(.+)",', module)
    assert statements["DenyWritesThatCouldOverwrite"]["Resource"] == [
        f"arn:aws:s3:::a-lake/{key}" for key in written_once
    ]
    assert statements["DenyWritesThatCouldOverwrite"]["Condition"] == {
        "Null": {"s3:if-none-match": "true"},
        "Bool": {"s3:ObjectCreationOperation": "true"},
    }


def test_the_prefix_stands_before_every_key(tmp_path: Path) -> None:
    bucket = Bucket(tmp_path)
    assert bucket.run("a-lake", "team/lake").returncode == 0
    written_once = bucket.document("put-bucket-policy")["Statement"][2]["Resource"]
    assert all(resource.startswith("arn:aws:s3:::a-lake/team/lake/") for resource in written_once)
    rules = bucket.document("put-bucket-lifecycle-configuration")["Rules"]
    assert rules[-1]["Filter"] == {"Prefix": "team/lake/raw/"}


def test_raw_can_stay_where_it_is(tmp_path: Path) -> None:
    bucket = Bucket(tmp_path)
    assert bucket.run("a-lake", RAW_TO_COLD_AFTER_DAYS="0").returncode == 0
    rules = bucket.document("put-bucket-lifecycle-configuration")["Rules"]
    assert [rule["ID"] for rule in rules] == ["abandoned-uploads", "results-of-athena", "logs-of-emr"]


def check_refused(bucket: Bucket, arguments: list[str], message: str) -> None:
    answer = bucket.run(*arguments)
    assert answer.returncode == 1
    assert message in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def test_what_cannot_be_done_is_said_with_the_remedy(tmp_path: Path) -> None:
    check_refused(Bucket(tmp_path), ["A-Lake"], "is no good name for a bucket")
    check_refused(Bucket(tmp_path), ["a-lake", "/lake"], "is no good prefix")
    check_refused(Bucket(tmp_path, "403"), ["a-lake"], "choose another name")
    check_refused(Bucket(tmp_path, "301"), ["a-lake"], "set AWS_REGION")
    check_refused(Bucket(tmp_path, "500"), ["a-lake"], "could not ask for a-lake: An error occurred (500)")
    check_refused(Bucket(tmp_path, "no"), ["a-lake"], "run 'aws configure'")
    taken = Bucket(tmp_path)
    taken.environment["REFUSED"] = "create-bucket"
    check_refused(taken, ["a-lake"], "a-lake could not be made: An error occurred (BucketAlreadyExists)")
