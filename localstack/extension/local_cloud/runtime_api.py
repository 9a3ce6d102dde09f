"""Lambda's Runtime API (2018-06-01) for one process, on 127.0.0.1.

In goes one invocation at a time, out comes what the process posts for it. Each process has a server of its own, so that
a dead one never takes another's event.
"""

import json
import queue
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Lambda's limit of a synchronous answer: 6 MB, and 100 bytes for what wraps it.
MAX_RESPONSE_BYTES = 6 * 1024 * 1024 + 100


def error_document(kind: str, message: str) -> bytes:
    """The payload of a failed invocation."""
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


@dataclass
class Invocation:
    """One event for the function, and what became of it."""

    request_id: str
    function_arn: str
    event: bytes
    trace_id: str
    timeout_secs: float
    deadline_ms: int = 0
    done: threading.Event = field(default_factory=threading.Event)
    payload: bytes = b""
    is_error: bool = False

    def finish(self, payload: bytes, *, is_error: bool) -> None:
        """The first answer counts: a process that is killed for its time-out may still be posting."""
        if not self.done.is_set():
            self.payload, self.is_error = payload, is_error
            self.done.set()

    def fail(self, kind: str, message: str) -> None:
        self.finish(error_document(kind, message), is_error=True)


class RuntimeApi:
    """What one process asks for its events, and tells its answers."""

    def __init__(self) -> None:
        # Set while the process asks for an event, or when it says that it cannot start.
        self.ready = threading.Event()
        self.init_error: bytes | None = None
        self.current: Invocation | None = None
        self._events: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, args=(0.2,), daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def hand_over(self, invocation: Invocation) -> None:
        self.current = invocation
        self.ready.clear()
        self._events.put(invocation)

    def next_event(self) -> Invocation | None:
        """Blocks until there is one; `None` when the server closes."""
        self.ready.set()
        return self._events.get()

    def answer(self, request_id: str, payload: bytes, *, is_error: bool) -> int:
        """Takes an answer, and returns the HTTP status of that."""
        invocation = self.current
        if invocation is None or invocation.request_id != request_id:
            return 400
        if MAX_RESPONSE_BYTES < len(payload):
            message = f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."
            invocation.fail("Function.ResponseSizeTooLarge", message)
            return 413
        invocation.finish(payload, is_error=is_error)
        return 202

    def refuse_to_start(self, payload: bytes) -> int:
        self.init_error = payload
        self.ready.set()
        return 202

    def close(self) -> None:
        self._events.put(None)
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: RuntimeApi) -> None:
        self.api = api
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body of an event in one packet: an invocation would otherwise wait for an acknowledgement in between.
    disable_nagle_algorithm = True
    wbufsize = 65536
    server: _Server

    def do_GET(self) -> None:
        if self._parts()[-2:] != ["invocation", "next"]:
            self._reply(404)
            return
        invocation = self.server.api.next_event()
        if invocation is None:
            self.close_connection = True
            return
        self._send(invocation)

    def do_POST(self) -> None:
        body, api = self._body(), self.server.api
        match self._parts():
            case [_, _, "init", "error"]:
                self._reply(api.refuse_to_start(body))
            case [_, _, "invocation", request_id, ("response" | "error") as kind]:
                self._reply(api.answer(request_id, body, is_error=kind == "error"))
            case _:
                self._reply(404)

    def _parts(self) -> list[str]:
        return self.path.strip("/").split("/")

    def _send(self, invocation: Invocation) -> None:
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", invocation.request_id)
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", invocation.function_arn)
        self.send_header("Lambda-Runtime-Deadline-Ms", str(invocation.deadline_ms))
        self.send_header("Lambda-Runtime-Trace-Id", invocation.trace_id)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(invocation.event)))
        self.end_headers()
        self.wfile.write(invocation.event)
        self.wfile.flush()

    def _reply(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0].strip() or b"0", 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(chunks)

    def log_message(self, format: str, *args: object) -> None:
        """The standard library would print a line for each request."""
