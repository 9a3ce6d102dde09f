"""What the roles of the functions may do, against what the functions did: no less, and no more.

Knows the conditions that `infra/modules/function/access.tf` writes; another one is an error until it is known here.
"""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calls import Call

EXPLAINED = Path(__file__).with_name("explained.toml")
MUST_CREATE = {"Null": {"s3:if-none-match": "false"}}


@dataclass(frozen=True)
class Grant:
    """One action on one pattern of resources."""

    function: str
    sid: str
    action: str
    resource: str
    must_create: bool = False

    def allows(self, call: Call) -> bool:
        return (
            self.function == call.function
            and self.action == call.action
            and is_like(call.resource, self.resource)
            and (call.if_none_match or not self.must_create)
        )

    def __str__(self) -> str:
        return f"{self.function}: {self.sid} grants {self.action} on {self.resource}"


@dataclass(frozen=True)
class Explanation:
    """Why something is granted that the test does not see in use."""

    function: str
    actions: list[str]
    resources: list[str]
    reason: str
    # It depends on timing whether it is used.
    sometimes: bool = False

    def parts(self) -> Iterator["Explained"]:
        for action in self.actions:
            for resource in self.resources:
                yield Explained(self.function, action, resource, self.sometimes)


@dataclass(frozen=True)
class Explained:
    """One right that is explained, or several by a pattern."""

    function: str
    action: str
    resource: str
    sometimes: bool

    def covers(self, grant: Grant) -> bool:
        pairs = ((grant.function, self.function), (grant.action, self.action), (grant.resource, self.resource))
        return all(is_like(text, pattern) for text, pattern in pairs)


def is_like(text: str, pattern: str) -> bool:
    """IAM's patterns: `*` is anything, `?` is one character, but in our own `?prefix=` it is itself."""
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), text, re.DOTALL) is not None


def explanations(path: Path = EXPLAINED) -> list[Explanation]:
    return [Explanation(**entry) for entry in tomllib.loads(path.read_text())["explained"]]


def grants_of_state(state: dict[str, Any], functions: set[str]) -> list[Grant]:
    """The grants of the functions' roles in what `terraform show -json` prints. A role has its function's name."""
    policies = [
        resource["values"]
        for resource in resources(state["values"]["root_module"])
        if resource["type"] == "aws_iam_role_policy" and resource["values"]["role"] in functions
    ]
    return [grant for policy in policies for grant in grants_of(policy["role"], json.loads(policy["policy"]))]


def resources(module: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from resources(child)


def grants_of(function: str, policy: dict[str, Any]) -> Iterator[Grant]:
    for statement in policy["Statement"]:
        if statement["Effect"] != "Allow" or {"NotAction", "NotResource"} & set(statement):
            raise ValueError(f"{function}: {statement['Sid']} is no plain permission: teach {__file__} to read it")
        suffixes, must_create = conditions(statement)
        for action in statement["Action"]:
            for resource in statement["Resource"]:
                for suffix in suffixes:
                    yield Grant(function, statement["Sid"], action, resource + suffix, must_create)


def conditions(statement: dict[str, Any]) -> tuple[list[str], bool]:
    """What the conditions add to the resource, and whether they ask for If-None-Match."""
    condition = statement.get("Condition", {})
    if condition == {}:
        return [""], False
    if condition == MUST_CREATE:
        return [""], True
    if list(condition) == ["StringLikeIfExists"] and list(condition["StringLikeIfExists"]) == ["s3:prefix"]:
        return [f"?prefix={prefix}" for prefix in condition["StringLikeIfExists"]["s3:prefix"]], False
    raise ValueError(f"{statement['Sid']}: the condition {condition} is not known: teach {__file__} to read it")


def differences(grants: list[Grant], calls: set[Call], explained: list[Explanation]) -> list[str]:
    """What is wrong, a line each. None: what is granted and what is used are the same, but for what is explained."""
    missing = [f"not granted: {call}" for call in calls if not any(grant.allows(call) for grant in grants)]
    unused = {grant for grant in grants if not any(grant.allows(call) for call in calls)}
    parts = [part for explanation in explained for part in explanation.parts()]
    superfluous = [
        f"never used: {grant}: take it away, or explain it in {EXPLAINED.name}"
        for grant in unused
        if not any(part.covers(grant) for part in parts)
    ]
    stale = [
        f"explains nothing: {part.function} {part.action} {part.resource} in {EXPLAINED.name}"
        for part in parts
        if not any(part.covers(grant) for grant in (grants if part.sometimes else unused))
    ]
    return sorted(missing) + sorted(superfluous) + stale
