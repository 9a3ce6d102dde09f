"""Binds the emulator, and the Kinesis that it starts, to this machine.

Both listen on all addresses: its server ignores the host in GATEWAY_LISTEN for IPv4, and its Kinesis has no setting.
Since functions are processes of this machine, anyone on the network could then run code here.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from local_cloud import emulator

LOOPBACK = "127.0.0.1"


def bind() -> None:
    _bind_gateway()
    if emulator.NAME == "localstack":
        _bind_kinesis()


def _bind_gateway() -> None:
    server = emulator.module("runtime.server.twisted")
    hosts = {listen.port: listen.host for listen in emulator.module("config").GATEWAY_LISTEN}
    real = server.endpoints

    def endpoint(reactor: Any, port: int) -> Any:
        return real.TCP4ServerEndpoint(reactor, port, interface=hosts.get(port, LOOPBACK))

    server.endpoints = SimpleNamespace(TCP4ServerEndpoint=endpoint, TCP6ServerEndpoint=real.TCP6ServerEndpoint)


def _bind_kinesis() -> None:
    server = emulator.module("services.kinesis.kinesis_mock_server").KinesisMockNodeServer
    create = server._create_shell_command

    def create_on_loopback(self: Any) -> Any:
        (node, *arguments), variables = create(self)
        return [node, "--require", str(Path(__file__).with_name("loopback.cjs")), *arguments], variables

    server._create_shell_command = create_on_loopback
