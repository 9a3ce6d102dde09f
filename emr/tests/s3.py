"""An S3 on 127.0.0.1 that can be told to fail."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


class S3:
    def __init__(self) -> None:
        self._app: Any = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name=CREDENTIALS["AWS_REGION"],
        )
        self._failing: tuple[str, str] | None = None
        self._silent_until = threading.Event()

    def bucket_with(self, name: str, folder: Path) -> str:
        """A bucket with a copy of the folder; returns the copy's URL."""
        self.client.create_bucket(Bucket=name)
        for path in folder.rglob("*"):
            if path.is_file():
                self.client.upload_file(str(path), name, f"lake/{path.relative_to(folder)}")
        return f"s3://{name}/lake"

    def keys(self, bucket: str, prefix: str) -> list[str]:
        listed = self.client.list_objects_v2(Bucket=bucket, Prefix=prefix)
        return [one["Key"].removeprefix(prefix) for one in listed.get("Contents", [])]

    @contextmanager
    def failing(self, fault: str, key_end: str) -> Iterator[None]:
        """While writing keys that end so: `busy`, `denied`, or `silent`, which never answers."""
        self._failing = (fault, key_end)
        try:
            yield
        finally:
            self._failing = None
            self._silent_until.set()

    def _answer(self, environment: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if self._failing is not None and self._is_write_of(environment, self._failing[1]):
            return self._fail(self._failing[0], start)
        answer: Iterable[bytes] = self._app(environment, start)
        return answer

    def _is_write_of(self, environment: WSGIEnvironment, key_end: str) -> bool:
        return environment["REQUEST_METHOD"] == "PUT" and str(environment["PATH_INFO"]).endswith(key_end)

    def _fail(self, fault: str, start: StartResponse) -> Iterable[bytes]:
        if fault == "silent":
            self._silent_until.wait()
        status, code = ("403 Forbidden", "AccessDenied") if fault == "denied" else ("503 Slow Down", "SlowDown")
        start(status, [("Content-Type", "application/xml")])
        return [f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()]

    @contextmanager
    def serving(self) -> Iterator["S3"]:
        thread = threading.Thread(target=self._server.serve_forever)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()
