"""Runs the functions' binaries as Lambda does: a small Runtime API, one process per function."""

import json
import os
import queue
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# An hour from any invocation: nothing here is about deadlines.
DEADLINE_MILLIS = 4_102_444_800_000


class Function:
    """A running function; calls go to it one after the other."""

    def __init__(self, binary: Path, settings: dict[str, str]):
        self._invocations: queue.Queue = queue.Queue()
        self._answers: queue.Queue = queue.Queue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        environment = {
            **os.environ,
            **settings,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": binary.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "PENSTOCK_LOG": "warn",
        }
        self._process = subprocess.Popen([binary], env=environment)

    def call(self, event: dict) -> dict:
        """The function's answer. A failure of the function is an error."""
        self._invocations.put(json.dumps(event, ensure_ascii=False).encode())
        while True:
            try:
                path, body = self._answers.get(timeout=1)
                break
            except queue.Empty:
                if self._process.poll() is not None:
                    raise RuntimeError(f"the function ended with code {self._process.returncode}") from None
        if not path.endswith("/response"):
            raise RuntimeError(f"the function failed: {body.decode()}")
        return json.loads(body)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self):
        invocations, answers = self._invocations, self._answers

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = invocations.get()
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", "00000000-0000-4000-8000-000000000000")
                self.send_header("Lambda-Runtime-Deadline-Ms", str(DEADLINE_MILLIS))
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:f")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                if "/invocation/" in self.path:
                    answers.put((self.path, body))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        return Handler


@contextmanager
def running(binary: Path, settings: dict[str, str]):
    function = Function(binary, settings)
    try:
        yield function
    finally:
        function.stop()
