"""The proxy's faults do what they say, and everything else passes as it is."""

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from calls import Call
from proxy import Answer, Fault, Proxy

AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=KEY/20260101/us-east-1/s3/aws4_request, SignedHeaders=host"


class Emulator(HTTPServer):
    """Answers every request with its body, and keeps what was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Echo)
        self.asked: list[str] = []


class Echo(BaseHTTPRequestHandler):
    server: Emulator

    def do_PUT(self) -> None:
        self.server.asked.append(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Not on the terminal."""


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    emulator = Emulator()
    threading.Thread(target=emulator.serve_forever, daemon=True).start()
    yield emulator
    emulator.shutdown()
    emulator.server_close()


@pytest.fixture
def proxy(emulator: Emulator) -> Iterator[Proxy]:
    proxy = Proxy(emulator.server_port)
    proxy.start()
    yield proxy
    proxy.stop()


def put(proxy: Proxy, key: str, patience_secs: float = 30) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=patience_secs)
    with contextlib.closing(connection):
        connection.request("PUT", f"/bucket/{key}", b"body", {"Authorization": AUTHORIZATION, "If-None-Match": "*"})
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_what_it_does_not_hit_passes_and_is_kept(proxy: Proxy, emulator: Emulator) -> None:
    other = proxy.add(Fault(lambda call: call.resource.endswith("/other"), Answer.CLOSED, 1))
    assert put(proxy, "key") == (200, b"body")
    assert emulator.asked == ["/bucket/key"]
    assert proxy.calls == {Call("nobody who is known", "s3:PutObject", "arn:aws:s3:::bucket/key", True)}
    assert other.times == 1


def test_it_refuses_as_often_as_it_is_told(proxy: Proxy, emulator: Emulator) -> None:
    fault = proxy.add(Fault(lambda _: True, Answer.SLOW_DOWN, 2))
    assert [put(proxy, "key")[0] for _ in range(3)] == [503, 503, 200]
    assert emulator.asked == ["/bucket/key"]
    assert fault.used_up.wait(60)


@pytest.mark.parametrize(("takes_effect", "asked"), [(False, []), (True, ["/bucket/key"])])
def test_an_answer_is_lost_before_or_after_the_effect(
    proxy: Proxy, emulator: Emulator, takes_effect: bool, asked: list[str]
) -> None:
    proxy.add(Fault(lambda _: True, Answer.CLOSED, 1, takes_effect))
    with pytest.raises(http.client.RemoteDisconnected):
        put(proxy, "key")
    assert emulator.asked == asked


def test_silence_lasts_until_who_asks_gives_up(proxy: Proxy, emulator: Emulator) -> None:
    fault = proxy.add(Fault(lambda _: True, Answer.NOTHING, 1, takes_effect=True))
    with pytest.raises(TimeoutError):
        put(proxy, "key", patience_secs=0.5)
    assert fault.used_up.wait(60)
    assert emulator.asked == ["/bucket/key"]


# A process with keys of its own, as the emulator gives them to a function.
ASKS = f"""
import http.client
connection = http.client.HTTPConnection("127.0.0.1", {{port}})
connection.request("PUT", "/bucket/key", b"body", {{{{"Authorization": "{AUTHORIZATION}"}}}})
connection.getresponse()
"""


def test_who_asks_is_killed_after_the_effect(proxy: Proxy, emulator: Emulator) -> None:
    fault = proxy.add(Fault(lambda call: call.function == "function", Answer.DEATH, 1, takes_effect=True))
    variables = {"AWS_ACCESS_KEY_ID": "KEY", "AWS_LAMBDA_FUNCTION_NAME": "function"}
    command = [sys.executable, "-c", ASKS.format(port=proxy.port)]
    asks = subprocess.run(command, env={**os.environ, **variables}, check=False, timeout=60)
    assert asks.returncode == -signal.SIGKILL
    assert fault.used_up.wait(60)
    assert emulator.asked == ["/bucket/key"]
