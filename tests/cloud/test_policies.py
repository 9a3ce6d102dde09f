"""The comparison of rights with calls notices what is missing and what is superfluous."""

from typing import Any

import pytest

from calls import Call, Request, call_of
from policies import Explanation, Grant, differences, explanations, grants_of, grants_of_state

ROLE = "penstock-ingest-kafka"
BUCKET = "arn:aws:s3:::penstock"


def policy(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of a document
    read = {"Sid": "Read", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": [f"{BUCKET}/raw/*"]}
    create = {
        "Sid": "Create",
        "Effect": "Allow",
        "Action": ["s3:PutObject"],
        "Resource": [f"{BUCKET}/raw/*"],
        "Condition": {"Null": {"s3:if-none-match": "false"}},
    }
    listing = {
        "Sid": "List",
        "Effect": "Allow",
        "Action": ["s3:ListBucket"],
        "Resource": [BUCKET],
        "Condition": {"StringLikeIfExists": {"s3:prefix": ["raw/*"]}},
    }
    return {"Statement": [read | changes, create, listing]}


USED = {
    Call(ROLE, "s3:GetObject", f"{BUCKET}/raw/1"),
    Call(ROLE, "s3:PutObject", f"{BUCKET}/raw/2", if_none_match=True),
    Call(ROLE, "s3:ListBucket", f"{BUCKET}?prefix=raw/iot/"),
}
GRANTED = list(grants_of(ROLE, policy()))


def check(grants: list[Grant], calls: set[Call], explained: list[Explanation], *expect: str) -> None:
    found = differences(grants, calls, explained)
    assert len(found) == len(expect), found
    for line, words in zip(found, expect, strict=True):
        assert words in line


def test_equal_rights_and_calls_are_fine() -> None:
    check(GRANTED, USED, [])


def test_a_missing_right_is_noticed() -> None:
    check(GRANTED[1:], USED, [], f"not granted: {ROLE} calls s3:GetObject on {BUCKET}/raw/1")
    check(GRANTED, USED | {Call(ROLE, "s3:DeleteObject", f"{BUCKET}/raw/1")}, [], "not granted: ")
    check(GRANTED, USED | {Call(ROLE, "s3:GetObject", f"{BUCKET}/silver/1")}, [], "not granted: ")
    check(GRANTED, USED | {Call(ROLE, "s3:ListBucket", f"{BUCKET}?prefix=silver/")}, [], "not granted: ")
    check(GRANTED, USED | {Call(ROLE, "s3:PutObject", f"{BUCKET}/raw/2")}, [], "not granted: ")
    check(GRANTED, USED | {Call("penstock-refine", "s3:GetObject", f"{BUCKET}/raw/1")}, [], "not granted: ")


def test_a_superfluous_right_is_noticed() -> None:
    for grant in GRANTED:
        others = {call for call in USED if call.action != grant.action}
        check(GRANTED, others, [], f"never used: {ROLE}: {grant.sid} grants {grant.action}")


def test_an_explanation_excuses_what_it_names_and_nothing_else() -> None:
    explained = Explanation(ROLE, ["s3:GetObject"], [f"{BUCKET}/raw/*"], "why")
    others = {call for call in USED if call.action != "s3:GetObject"}
    check(GRANTED, others, [explained])
    check(GRANTED, set(), [explained], "Create", "List")
    check(GRANTED, USED, [explained], "explains nothing: ")
    check(GRANTED, USED, [Explanation(ROLE, ["s3:GetObject"], ["*"], "why", sometimes=True)])


@pytest.mark.parametrize("changes", [{"Effect": "Deny"}, {"NotAction": []}, {"Condition": {"Bool": {"a": "b"}}}])
def test_what_it_cannot_read_is_no_permission(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Read"):
        list(grants_of(ROLE, policy(**changes)))


def test_every_explanation_has_a_reason() -> None:
    assert all(explanation.reason.endswith(".") for explanation in explanations())


def test_roles_are_found_in_terraforms_state() -> None:
    def resource(role: str) -> dict[str, Any]:
        return {"type": "aws_iam_role_policy", "values": {"role": role, "policy": '{"Statement": []}'}}

    own = {"type": "aws_iam_role_policy", "values": {"role": ROLE, "policy": READ_ONE}}
    module = {"resources": [resource("schedule")], "child_modules": [{"child_modules": [{"resources": [own]}]}]}
    grants = grants_of_state({"values": {"root_module": module}}, {ROLE})
    assert grants == [Grant(ROLE, "One", "s3:GetObject", f"{BUCKET}/1")]


READ_ONE = (
    '{"Statement": [{"Sid": "One", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["' + BUCKET + '/1"]}]}'
)


@pytest.mark.parametrize(
    ("method", "target", "headers", "expect"),
    [
        ("GET", "/penstock/raw/a%40b?x-id=GetObject", {}, ("s3:GetObject", f"{BUCKET}/raw/a@b")),
        ("HEAD", "/penstock/raw/a", {}, ("s3:GetObject", f"{BUCKET}/raw/a")),
        ("PUT", "/penstock/raw/a", {}, ("s3:PutObject", f"{BUCKET}/raw/a")),
        ("DELETE", "/penstock/raw/a", {}, ("s3:DeleteObject", f"{BUCKET}/raw/a")),
        ("GET", "/penstock?list-type=2&prefix=raw%2F", {}, ("s3:ListBucket", f"{BUCKET}?prefix=raw/")),
        ("GET", "/penstock/?list-type=2", {}, ("s3:ListBucket", f"{BUCKET}?prefix=")),
        # Another right than the one to get the object.
        ("GET", "/penstock/raw/a?acl", {}, ("s3:GET with ['acl']", f"{BUCKET}/raw/a")),
        ("POST", "/penstock?delete", {}, ("s3:POST with ['delete']", f"{BUCKET}/")),
    ],
)
def test_a_request_to_s3_is_an_action(
    method: str, target: str, headers: dict[str, str], expect: tuple[str, str]
) -> None:
    call = call_of(request(method, target, "s3", headers), ROLE)
    assert (call.action, call.resource) == expect


def test_a_request_to_another_service_is_an_action() -> None:
    headers = {"x-amz-target": "Kinesis_20131202.GetRecords"}
    assert call_of(request("POST", "/", "kinesis", headers), ROLE) == Call(ROLE, "kinesis:GetRecords", "*")


def request(method: str, target: str, service: str, headers: dict[str, str]) -> Request:
    credential = f"AWS4-HMAC-SHA256 Credential=KEY/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host"
    return Request(method, target, {"authorization": credential, **headers}, b"")
