"""S3 and Glue on 127.0.0.1, by moto."""

import json
import threading
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID
from s3 import CREDENTIALS, S3


class Glue(S3):
    """moto takes every `UpdateTable`. Glue refuses one that names another version than the newest, and so does this."""

    def __init__(self) -> None:
        self.calls: set[str] = set()
        """Operations of Glue, and S3's listing."""
        self.refused = 0
        self.meanwhile: Callable[[], object] | None = None
        """Happens once, between the moment at which the next `UpdateTable` comes and its answer."""
        self._update = threading.Lock()
        super().__init__()

    @property
    def environment(self) -> dict[str, str]:
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": self.url}

    def _answer(self, environment: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        service, _, operation = environment.get("HTTP_X_AMZ_TARGET", "").partition(".")
        if service == "AWSGlue":
            self.calls.add(operation)
        if "list-type=" in environment["QUERY_STRING"]:
            self.calls.add("ListObjectsV2")
        if operation != "UpdateTable":
            return super()._answer(environment, start)
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            happens()
        body = environment["wsgi.input"].read(int(environment["CONTENT_LENGTH"]))
        environment["wsgi.input"] = BytesIO(body)
        with self._update:
            if self._is_newest(json.loads(body)):
                return super()._answer(environment, start)
        self.refused += 1
        start("400 Bad Request", [("Content-Type", "application/x-amz-json-1.1")])
        return [json.dumps({"__type": "ConcurrentModificationException", "Message": "somebody was faster"}).encode()]

    def _is_newest(self, request: dict[str, Any]) -> bool:
        backend: Any = get_backend("glue")[DEFAULT_ACCOUNT_ID][CREDENTIALS["AWS_REGION"]]
        table = backend.get_table(request["DatabaseName"], request["TableInput"]["Name"])
        return bool(request.get("VersionId") == table.as_dict()["VersionId"])
