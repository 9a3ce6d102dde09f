"""What LocalEmu's check of rights does not know: the condition keys of S3 that Penstock's policies use.

Without them a role that may create objects and overwrite none may write nothing, and a bucket that asks for TLS answers
nobody.
"""

from collections.abc import Mapping
from typing import Any

from local_cloud import emulator

# The calls after which an object is there; a part of an upload is none.
CREATING = ("PutObject", "CopyObject", "CompleteMultipartUpload")


def complete() -> None:
    enforcer = emulator.module("services.iam_enforcement.enforcer")
    known = enforcer._build_conditions

    def conditions(context: Any, caller: Any) -> dict[str, Any]:
        found: dict[str, Any] = known(context, caller)
        if context.service.service_name == "s3":
            found |= of_s3(context.operation.name, context.request.headers, context.request.args)
        return found

    enforcer._build_conditions = conditions


def of_s3(operation: str, headers: Mapping[str, str], parameters: Mapping[str, str]) -> dict[str, str]:
    """The keys that this request has; a key that is absent counts as null in a condition."""
    found = {
        # What never leaves this machine needs no TLS.
        "aws:SecureTransport": "true",
        "s3:ObjectCreationOperation": "true" if operation in CREATING else "false",
    }
    if "If-None-Match" in headers:
        found["s3:if-none-match"] = headers["If-None-Match"]
    if "prefix" in parameters:
        found["s3:prefix"] = parameters["prefix"]
    return found
