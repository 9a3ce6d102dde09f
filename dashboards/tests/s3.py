"""A small S3 in memory, as much of it as Penstock asks for, which fails when it is told to."""

import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

BUCKET = "lake"


@dataclass
class Fault:
    """The next `times` requests of this method with `part` in their key get this answer."""

    method: str
    part: str
    status: int
    code: str
    times: int


@dataclass
class S3:
    port: int = 0
    objects: dict[str, bytes] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fault(self, method: str, key: str) -> Fault | None:
        for fault in self.faults:
            if fault.times and fault.method == method and fault.part in key:
                fault.times -= 1
                return fault
        return None


@contextmanager
def running_s3() -> Iterator[S3]:
    s3 = S3()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            key, body = self.key(), self.rfile.read(int(self.headers.get("Content-Length", "0")))
            with s3.lock:
                if fault := s3.fault("PUT", key):
                    self.refuse(fault.status, fault.code)
                elif self.headers.get("If-None-Match") and key in s3.objects:
                    self.refuse(412, "PreconditionFailed")
                else:
                    s3.objects[key] = body
                    self.answer(200, b"")

        def do_GET(self) -> None:
            url = urllib.parse.urlsplit(self.path)
            arguments = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
            with s3.lock:
                if "list-type" in arguments:
                    self.answer(200, listing(s3.objects, arguments))
                elif self.key() not in s3.objects:
                    self.refuse(404, "NoSuchKey")
                else:
                    self.answer_object(s3.objects[self.key()])

        def do_DELETE(self) -> None:
            with s3.lock:
                s3.objects.pop(self.key(), None)
            self.answer(204, b"")

        def key(self) -> str:
            return urllib.parse.unquote(urllib.parse.urlsplit(self.path).path).removeprefix(f"/{BUCKET}/")

        def answer_object(self, whole: bytes) -> None:
            asked = self.headers.get("Range", "").removeprefix("bytes=")
            if not asked:
                self.answer(200, whole)
                return
            first, _, last = asked.partition("-")
            start = int(first) if first else max(0, len(whole) - int(last))
            end = min(int(last) + 1, len(whole)) if first and last else len(whole)
            if len(whole) <= start:
                self.refuse(416, "InvalidRange")
            else:
                self.answer(206, whole[start:end], {"Content-Range": f"bytes {start}-{end - 1}/{len(whole)}"})

        def refuse(self, status: int, code: str) -> None:
            self.answer(status, f"<Error><Code>{code}</Code><Message>as told</Message></Error>".encode())

        def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            named = {"ETag": '"0"', "Last-Modified": formatdate(usegmt=True), "Content-Length": str(len(body))}
            for name, value in {**named, **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    s3.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield s3
    finally:
        server.shutdown()
        server.server_close()


def listing(objects: dict[str, bytes], arguments: dict[str, str]) -> bytes:
    """The answer of ListObjectsV2."""
    prefix, limit = arguments.get("prefix", ""), int(arguments.get("max-keys", "1000"))
    after = arguments.get("continuation-token") or arguments.get("start-after", "")
    keys = sorted(key for key in objects if key.startswith(prefix) and after < key)
    parts = []
    if delimiter := arguments.get("delimiter"):
        folders = {prefix + key.removeprefix(prefix).split(delimiter)[0] + delimiter for key in keys}
        parts += [f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>" for name in sorted(folders)]
        keys = []
    for key in keys[:limit]:
        parts.append(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(objects[key])}</Size>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
        )
    more = limit < len(keys)
    parts.append(f"<IsTruncated>{str(more).lower()}</IsTruncated>")
    if more:
        parts.append(f"<NextContinuationToken>{escape(keys[limit - 1])}</NextContinuationToken>")
    return f"<ListBucketResult>{''.join(parts)}</ListBucketResult>".encode()
