"""Which emulator this is, and its modules: LocalStack, or its fork LocalEmu, whose modules have the same names.

It has imported itself before it loads an extension.
"""

import sys
from importlib import import_module
from typing import Any

NAME = "localemu" if "localemu" in sys.modules else "localstack"


def module(path: str) -> Any:
    """A module of the emulator, as in `module("aws.connect")`."""
    return import_module(f"{NAME}.{path}")


def endpoint() -> str:
    """Where the emulator answers."""
    return f"http://127.0.0.1:{module('config').GATEWAY_LISTEN[0].port}"


def client(service: str, account: str, region: str) -> Any:
    """One of boto3's clients, for the emulator itself."""
    return getattr(module("aws.connect").connect_to(aws_access_key_id=account, region_name=region), service)
