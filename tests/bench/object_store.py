"""As much of S3 as ingest asks for, in memory: put unless it exists, get with ranges, list."""

import http.server
import threading
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

BUCKET = "bench"
LISTED = "<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><Size>{size}</Size></Contents>"


class ObjectStore:
    """Serves as long as the `with` block lasts; `variables` are what the AWS SDK needs to reach it."""

    def __enter__(self):
        self.objects = {}
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(self.objects))
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # A process that is killed leaves its connection half-way.
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.variables = {
            "PENSTOCK_LAKE": f"s3://{BUCKET}/lake",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.server.server_port}",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def handler(objects):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Many small answers: none of them waits to be joined by others.
        disable_nagle_algorithm = True

        def do_GET(self):
            url = urlsplit(self.path)
            key = unquote(url.path).removeprefix(f"/{BUCKET}").lstrip("/")
            if not key:
                return self.reply(200, listing(objects, parse_qs(url.query)))
            if key not in objects:
                return self.error(404, "NoSuchKey")
            whole = objects[key]
            wanted = self.headers.get("range")
            if wanted is None:
                return self.reply(200, whole)
            start, end = bounds(wanted, len(whole))
            return self.reply(206, whole[start:end], {"content-range": f"bytes {start}-{end - 1}/{len(whole)}"})

        def do_PUT(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            assert "aws-chunked" not in self.headers.get("content-encoding", ""), "chunks are not read here"
            key = unquote(urlsplit(self.path).path).removeprefix(f"/{BUCKET}/")
            if key in objects and self.headers.get("if-none-match") == "*":
                return self.error(412, "PreconditionFailed")
            objects[key] = body
            return self.reply(200, b"", {"etag": '"0"'})

        def error(self, status, code):
            self.reply(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())

        def reply(self, status, body, headers=None):
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler


def bounds(wanted, size):
    """The half-open range that `bytes=-N` or `bytes=FIRST-LAST` means."""
    first, last = wanted.removeprefix("bytes=").split("-")
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1)


def listing(objects, query):
    prefix, after = (query.get(name, [""])[0] for name in ("prefix", "start-after"))
    keys = sorted(key for key in objects if key.startswith(prefix) and after < key)
    contents = "".join(LISTED.format(key=escape(key), size=len(objects[key])) for key in keys)
    return f"<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>".encode()
