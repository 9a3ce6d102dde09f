"""The real function binaries behind a small Runtime API: their memory, and the time until they ask for work.

(Source: the developer guide of AWS Lambda, "Using the Lambda runtime API for custom runtimes".)
"""

import http.server
import json
import os
import queue
import signal
import socket
import subprocess
import threading
import time

NEXT = "/2018-06-01/runtime/invocation/next"


def environment(api, variables):
    """All that a function's process knows: what Lambda sets, and its settings, of which `variables` holds the lake."""
    return {
        "AWS_LAMBDA_RUNTIME_API": api,
        "AWS_LAMBDA_FUNCTION_NAME": "function",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/function",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]1",
        "PENSTOCK_DATASET": "iot",
        "PENSTOCK_LOG": "error",
        **variables,
    }


class Function:
    """A process of a function, alive as long as the `with` block."""

    def __init__(self, binary, variables):
        self.work, self.answers = queue.Queue(), queue.Queue()
        self.server = Server(("127.0.0.1", 0), handler(self))
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.binary, self.variables = binary, variables

    def __enter__(self):
        self.thread.start()
        variables = environment(f"127.0.0.1:{self.server.server_port}", self.variables)
        self.process = subprocess.Popen([self.binary], env=variables, stdout=subprocess.DEVNULL)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.work.put(None)
        self.server.shutdown()
        self.server.server_close()

    def invoke(self, payload):
        self.work.put(payload)
        while True:
            try:
                is_error, answer = self.answers.get(timeout=1)
                break
            except queue.Empty:
                if self.process.poll() is not None:
                    raise RuntimeError(f"{self.binary} ended with {self.process.returncode}") from None
        if is_error:
            raise RuntimeError(f"{self.binary} failed: {answer}")
        return json.loads(answer)

    def peak_mib(self):
        """The most memory that the process had at any time."""
        with open(f"/proc/{self.process.pid}/status") as status:
            line = next(line for line in status if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024

    def cpu_secs(self):
        """What its threads have had of a processor; none of them has ended yet."""
        folder = f"/proc/{self.process.pid}/task"
        return sum(int(open(f"{folder}/{task}/schedstat").read().split()[0]) for task in os.listdir(folder)) / 1e9


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, address):
        """A process that is killed leaves its connection half-way."""


def handler(function):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            payload = function.work.get() if self.path == NEXT else None
            if payload is None:
                self.close_connection = True
                return
            headers = {
                "lambda-runtime-aws-request-id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
                "lambda-runtime-deadline-ms": str(int(time.time() * 1000) + 600_000),
                "lambda-runtime-invoked-function-arn": "arn:aws:lambda:us-east-1:000000000000:function:function",
            }
            self.reply(200, payload, headers)

        def do_POST(self):
            body = (
                self.rfile.read(int(self.headers["content-length"]))
                if self.headers["content-length"]
                else self.chunks()
            )
            self.reply(202, b'{"status":"OK"}', {})
            function.answers.put((not self.path.endswith("/response"), body.decode()))

        def chunks(self):
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def reply(self, status, body, headers):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler


def start_secs(binary, variables):
    """Seconds from exec to the first byte of the first request, and the processor time that it took."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        variables = environment(f"127.0.0.1:{listener.getsockname()[1]}", variables)
        began = time.perf_counter()
        pid = os.posix_spawn(binary, [binary], variables)
        try:
            connection, _ = listener.accept()
            with connection:
                assert connection.recv(1) == b"G"
                wall = time.perf_counter() - began
        finally:
            os.kill(pid, signal.SIGKILL)
            _, _, usage = os.wait4(pid, 0)
    return wall, usage.ru_utime + usage.ru_stime
