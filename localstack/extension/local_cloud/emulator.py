"""Which emulator this is, and its modules: LocalStack, or its fork LocalEmu, whose modules have the same names.

The first code that runs in the emulator's process has imported it, so its own name tells.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

# One virtual environment holds one of them.
NAME = "localstack" if find_spec("localstack") else "localemu"


def module(path: str) -> Any:
    """A module of the emulator, as in `module("aws.connect")`."""
    return import_module(f"{NAME}.{path}")


def endpoint() -> str:
    """Where the emulator answers."""
    return f"http://127.0.0.1:{module('config').GATEWAY_LISTEN[0].port}"


def client(service: str, account: str, region: str) -> Any:
    """One of boto3's clients, for the emulator itself."""
    return getattr(module("aws.connect").connect_to(aws_access_key_id=account, region_name=region), service)
