"""Binds the emulator to the host that GATEWAY_LISTEN names.

Its server ignores that host for IPv4 and listens on all addresses.
Since functions are processes of this machine, anyone on the network could then run code here.
"""

from types import SimpleNamespace
from typing import Any

from local_cloud import emulator

LOOPBACK = "127.0.0.1"


def bind() -> None:
    server = emulator.module("runtime.server.twisted")
    hosts = {listen.port: listen.host for listen in emulator.module("config").GATEWAY_LISTEN}
    real = server.endpoints

    def endpoint(reactor: Any, port: int) -> Any:
        return real.TCP4ServerEndpoint(reactor, port, interface=hosts.get(port, LOOPBACK))

    server.endpoints = SimpleNamespace(TCP4ServerEndpoint=endpoint, TCP6ServerEndpoint=real.TCP6ServerEndpoint)
