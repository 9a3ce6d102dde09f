"""One Spark job as one process of this machine. Knows no emulator.

In goes a command line, out come its exit and three files: `controller`, `stdout` and `stderr`, named as EMR names them.
"""

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

# So much of a log is searched for the reason of a failure.
SEARCHED_CHARS = 200_000
# As much of it as EMR shows.
MAX_REASON_CHARS = 1_000

LOGS = ("controller", "stdout", "stderr")

_REASON = re.compile(
    r"(Exception in thread|Caused by:|Error: |Unrecognized option|\S+: can't open file|[\w.]+(Error|Exception)\b)"
)


class Job:
    """A command that runs once, with its output in files of `logs`."""

    def __init__(
        self, command: Sequence[str], variables: Mapping[str, str], logs: Path, timeout_secs: float | None = None
    ) -> None:
        self.command, self.logs, self.cancelled = list(command), logs, False
        self.exit_code: int | None = None
        self._variables, self._timeout_secs = dict(variables), timeout_secs
        self._note = ""
        self._popen: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def run(self) -> bool:
        """Blocks until the end; true when the command has succeeded."""
        self.logs.mkdir(parents=True, exist_ok=True)
        self._say(f"exec: {self.command}")
        with self.log("stdout").open("wb") as stdout, self.log("stderr").open("wb") as stderr:
            try:
                with self._lock:
                    if not self.cancelled:
                        self._popen = self._spawn(stdout.fileno(), stderr.fileno())
                if self._popen:
                    self.exit_code = self._popen.wait(self._timeout_secs)
            except OSError as error:
                self._note = f"{self.command[0]}: {error.strerror}"
            except subprocess.TimeoutExpired:
                self._note = "Job run timed out"
                self._kill()
        self._say(f"ended: {self.exit_code} {self._note}")
        return self.exit_code == 0 and not self.cancelled

    def cancel(self) -> None:
        with self._lock:
            self.cancelled = True
        if self._popen and self._popen.poll() is None:
            self._kill()

    def log(self, name: str) -> Path:
        return self.logs / name

    def failure(self) -> str:
        """The line that says why it failed, as `FailureDetails.Message` of EMR does."""
        if self._note:
            return self._note
        # PySpark sends what a job says to the standard output, and Spark itself has the last word on the other.
        lines = [line.strip() for name in ("stderr", "stdout") for line in self._tail(name)]
        named = [line for line in lines if _REASON.match(line)]
        others = [line for line in lines if line and "WARN" not in line and " INFO " not in line]
        return (named or others or [f"Process exited with status {self.exit_code}"])[-1][:MAX_REASON_CHARS]

    def _spawn(self, stdout: int, stderr: int) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self.command,
            cwd=self.logs,
            env={**os.environ, **self._variables},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            # A group of its own, so that its children end with it.
            start_new_session=True,
        )

    def _kill(self) -> None:
        if not self._popen:
            return
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(self._popen.pid, signal.SIGKILL)
            self.exit_code = self._popen.wait(10)

    def _say(self, words: str) -> None:
        with self.log("controller").open("a") as controller:
            controller.write(f"{time.strftime('%FT%TZ', time.gmtime())} INFO {words}\n")

    def _tail(self, name: str) -> list[str]:
        try:
            return self.log(name).read_text(errors="replace")[-SEARCHED_CHARS:].splitlines()
        except OSError:
            return []


def arguments_of(command: Sequence[str]) -> list[str] | None:
    """The arguments of `spark-submit`, with or without its folder, or `None` when it is another command."""
    is_spark = bool(command) and os.path.basename(command[0]) == "spark-submit"
    return list(command[1:]) if is_spark else None
