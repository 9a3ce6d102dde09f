"""One Lambda execution environment as one process of this machine. Knows no emulator.

`Environment.invoke` never raises for what a function does: a crash, a time-out, too much memory and a failed start each
become the error document that Lambda returns, and the next invocation gets a fresh process.
"""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local_cloud.runtime_api import Invocation, RuntimeApi, error_document

# Lambda's limit of the time from the start of a process to its first request for an event.
INIT_LIMIT_SECS = 10.0
# How often a running function's memory is looked at.
MEMORY_CHECK_SECS = 0.05
# How long the answer of a process that ends right after it may take to arrive.
LAST_WORDS_SECS = 0.02


@dataclass(frozen=True)
class Answer:
    """What an invocation returns, and what the function and its environment wrote to the log."""

    payload: bytes
    is_error: bool
    log: str


class StartError(Exception):
    """There is no executable `bootstrap`."""


class Environment:
    """Runs `bootstrap` from a folder of code, one invocation at a time."""

    def __init__(self, code: Path, variables: Mapping[str, str], memory_mb: int, version: str = "$LATEST") -> None:
        self._code, self._memory_mb, self._version = code, memory_mb, version
        self._temporary = tempfile.mkdtemp(prefix="lambda-")
        self._variables = {
            "PATH": "/usr/local/bin:/usr/bin:/bin:/opt/bin",
            "LANG": "en_US.UTF-8",
            "TMPDIR": self._temporary,
            **variables,
            "LAMBDA_TASK_ROOT": str(code),
        }
        self._process: _Process | None = None
        # How long the start took, until an invocation has reported it.
        self._init_ms: float | None = None

    def start(self, limit_secs: float = INIT_LIMIT_SECS) -> None:
        """Waits until the process asks for an event. If it ends instead, the next invocation tells why.

        Raises StartError.
        """
        process = self._process = _Process(self._code, self._variables)
        if not process.api.ready.wait(limit_secs):
            process.kill()
        self._init_ms = _millis_since(process.started)

    def invoke(self, invocation: Invocation) -> Answer:
        began = time.monotonic()
        try:
            process = self._living_process(invocation.timeout_secs)
        except StartError as reason:
            message = f"RequestId: {invocation.request_id} Error: {reason}"
            return Answer(error_document("Runtime.InvalidEntrypoint", message), True, f"{reason}\n")
        init_ms, self._init_ms = self._init_ms, None
        note = self._run(process, invocation, began + invocation.timeout_secs)
        used_mb, took_ms = process.memory_mb("VmHWM:"), _millis_since(began)
        output = process.take_output()
        process.api.current = None
        if process.exited.is_set():
            self._process = None
        log = self._log(invocation, output + note, took_ms, init_ms, used_mb)
        return Answer(invocation.payload, invocation.is_error, log)

    def take_output(self) -> str:
        """What the process wrote since the last invocation."""
        return self._process.take_output() if self._process else ""

    def stop(self) -> None:
        process, self._process = self._process, None
        if process:
            process.kill()
        shutil.rmtree(self._temporary, ignore_errors=True)

    def _living_process(self, timeout_secs: float) -> "_Process":
        if self._process and self._init_ms is None:
            # It has answered before, and may still be at work, or about to end: it is free when it asks for an event.
            if not self._process.api.ready.wait(timeout_secs):
                self._process.kill()
            if self._process.exited.is_set():
                self._process = None
        # One that ended while it started is kept: this invocation reports it.
        if self._process is None:
            self.start(min(INIT_LIMIT_SECS, timeout_secs))
        assert self._process is not None
        return self._process

    def _run(self, process: "_Process", invocation: Invocation, deadline: float) -> str:
        """Waits for the end of the invocation, and returns a line for the log."""
        if process.api.init_error is not None:
            invocation.finish(process.api.init_error, is_error=True)
            process.kill()
            return ""
        if not process.exited.is_set():
            invocation.deadline_ms = int((time.time() + deadline - time.monotonic()) * 1000)
            process.api.hand_over(invocation)
        if process.exited.is_set():
            process.report_exit(invocation)
        return self._wait(process, invocation, deadline)

    def _wait(self, process: "_Process", invocation: Invocation, deadline: float) -> str:
        while not invocation.done.wait(min(MEMORY_CHECK_SECS, max(0.0, deadline - time.monotonic()))):
            if deadline <= time.monotonic():
                words = f"Task timed out after {invocation.timeout_secs:.2f} seconds"
                invocation.fail("Sandbox.Timedout", f"RequestId: {invocation.request_id} Error: {words}")
                process.kill()
                return f"{time.strftime('%FT%T', time.gmtime())}.000Z {invocation.request_id} {words}\n"
            if self._memory_mb < process.memory_mb("VmRSS:"):
                words = "Runtime exited with error: signal: killed"
                invocation.fail("Runtime.OutOfMemory", f"RequestId: {invocation.request_id} Error: {words}")
                process.kill()
        return ""

    def _log(self, invocation: Invocation, output: str, took_ms: float, init_ms: float | None, used_mb: float) -> str:
        if output and not output.endswith("\n"):
            output += "\n"
        request = f"RequestId: {invocation.request_id}"
        report = [
            f"REPORT {request}",
            f"Duration: {took_ms:.2f} ms",
            f"Billed Duration: {int(took_ms + (init_ms or 0)) + 1} ms",
            f"Memory Size: {self._memory_mb} MB",
            f"Max Memory Used: {used_mb:.0f} MB",
            f"Init Duration: {init_ms:.2f} ms" if init_ms else "",
        ]
        return f"START {request} Version: {self._version}\n{output}END {request}\n" + "\t".join(report) + "\n"


class _Process:
    """A running `bootstrap` with its Runtime API and its output."""

    def __init__(self, code: Path, variables: Mapping[str, str]) -> None:
        self.api = RuntimeApi()
        self.exited = threading.Event()
        self.started = time.monotonic()
        self._output, self._output_lock = bytearray(), threading.Lock()
        self._popen = self._spawn(code / "bootstrap", variables)
        assert self._popen.stdout is not None
        self._pipe = self._popen.stdout.fileno()
        os.set_blocking(self._pipe, False)
        threading.Thread(target=self._collect_output, daemon=True).start()
        threading.Thread(target=self._wait_for_exit, daemon=True).start()

    def _spawn(self, bootstrap: Path, variables: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        try:
            bootstrap.chmod(0o755)
            return subprocess.Popen(
                [bootstrap],
                cwd=bootstrap.parent,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**variables, "AWS_LAMBDA_RUNTIME_API": self.api.address},
                # A group of its own, so that its children end with it.
                start_new_session=True,
            )
        except OSError as error:
            self.api.close()
            raise StartError(f"fork/exec {bootstrap}: {error.strerror}") from error

    def report_exit(self, invocation: Invocation) -> None:
        message = f"RequestId: {invocation.request_id} Error: {_exit_message(self._popen.returncode)}"
        invocation.fail("Runtime.ExitError", message)

    def take_output(self) -> str:
        """Everything up to now: what was written before an answer is in the pipe when the answer arrives."""
        with self._output_lock:
            self._drain()
            output = bytes(self._output)
            self._output.clear()
        return output.decode("utf-8", "replace")

    def memory_mb(self, kind: str) -> float:
        """`VmRSS:` is what it uses, `VmHWM:` the most that it used; 0 when it has ended."""
        try:
            lines = Path(f"/proc/{self._popen.pid}/status").read_text().splitlines()
        except OSError:
            return 0.0
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(kind)), 0.0)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self.exited.wait(5)

    def _collect_output(self) -> None:
        # Not select(), which fails for descriptors above 1023.
        poll = select.poll()
        poll.register(self._pipe, select.POLLIN)
        is_open = True
        while is_open:
            poll.poll()
            with self._output_lock:
                is_open = self._drain()

    def _drain(self) -> bool:
        """Moves what the pipe holds into the buffer; false at its end."""
        while True:
            try:
                data = os.read(self._pipe, 65536)
            except BlockingIOError:
                return True
            if not data:
                return False
            self._output += data

    def _wait_for_exit(self) -> None:
        self._popen.wait()
        self.exited.set()
        self.api.ready.set()
        if invocation := self.api.current:
            invocation.done.wait(LAST_WORDS_SECS)
            self.report_exit(invocation)
        self.api.close()


def _exit_message(status: int) -> str:
    if status < 0:
        return f"Runtime exited with error: signal: {(signal.strsignal(-status) or str(-status)).lower()}"
    if status == 0:
        return "Runtime exited without providing a reason"
    return f"Runtime exited with error: exit status {status}"


def _millis_since(moment: float) -> float:
    return (time.monotonic() - moment) * 1000
