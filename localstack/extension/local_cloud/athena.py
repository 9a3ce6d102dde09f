"""Athena: moto keeps work groups, but not their tags, which Terraform's second plan would show. No SQL is run."""

from typing import Any

from local_cloud.moto_service import Handler, call_moto

_tags: dict[str, dict[str, str]] = {}


def handlers() -> dict[str, Handler]:
    return {
        "CreateWorkGroup": _create("workgroup"),
        "CreateDataCatalog": _create("datacatalog"),
        "ListTagsForResource": list_tags,
        "TagResource": tag,
        "UntagResource": untag,
    }


def list_tags(context: Any, request: dict[str, Any]) -> Any:
    tags = _tags.get(request["ResourceARN"], {})
    return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def tag(context: Any, request: dict[str, Any]) -> Any:
    _tags.setdefault(request["ResourceARN"], {}).update(_pairs(request["Tags"]))
    return {}


def untag(context: Any, request: dict[str, Any]) -> Any:
    for key in request["TagKeys"]:
        _tags.get(request["ResourceARN"], {}).pop(key, None)
    return {}


def _create(kind: str) -> Handler:
    def handler(context: Any, request: dict[str, Any]) -> Any:
        result = call_moto(context, request)
        arn = f"arn:aws:athena:{context.region}:{context.account_id}:{kind}/{request['Name']}"
        _tags[arn] = _pairs(request.get("Tags") or [])
        return result

    return handler


def _pairs(tags: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in tags}
