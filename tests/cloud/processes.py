"""Which process is whose: the emulator gives each process of a function AWS keys of its own, in its environment."""

import os
import signal
from pathlib import Path


def function_of(access_key: str) -> str:
    """The name of the function whose process has this key."""
    for _, environment in processes():
        if access_key and environment.get("AWS_ACCESS_KEY_ID") == access_key:
            return environment.get("AWS_LAMBDA_FUNCTION_NAME", "no function")
    return "nobody who is known"


def kill(access_key: str) -> None:
    """Ends the process that has this key, as the kernel does when memory is out: without a last word."""
    [pid] = [pid for pid, environment in processes() if environment.get("AWS_ACCESS_KEY_ID") == access_key]
    os.kill(pid, signal.SIGKILL)


def processes() -> list[tuple[int, dict[str, str]]]:
    """All processes of this user, each with its environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "environ").read_bytes().decode(errors="replace")
        except OSError:
            continue  # it has ended, or is somebody else's
        variables = dict(line.partition("=")[::2] for line in text.split("\0") if line)
        found.append((int(folder.name), variables))
    return found
