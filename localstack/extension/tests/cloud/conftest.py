"""Starts a cloud of its own for all tests here: other ports than `make up` has, data in a temporary folder."""

import io
import os
import signal
import socket
import stat
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import boto3
import pytest
from botocore.config import Config
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

REPOSITORY = Path(__file__).parents[4]
CLOUD_SH = REPOSITORY / "localstack" / "cloud.sh"
# How long something that happens on its own may take to show.
PATIENCE_SECS = 60

Value = TypeVar("Value")


@dataclass
class Cloud:
    """A cloud that `cloud.sh` starts."""

    home: Path
    environment: dict[str, str]
    clients: dict[str, Any] = field(default_factory=dict)

    def run(self, *arguments: str, **changes: str) -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, **self.environment, **changes}
        return subprocess.run([CLOUD_SH, *arguments], env=environment, capture_output=True, text=True)

    def up(self, **changes: str) -> str:
        done = self.run("up", **changes)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def pid(self, name: str) -> int:
        return int((self.home / "cloud" / f"{name}.pid").read_text())

    def kill(self, name: str) -> None:
        os.kill(self.pid(name), signal.SIGKILL)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.environment['EMULATOR_PORT']}"

    @property
    def brokers(self) -> str:
        return f"127.0.0.1:{self.environment['KAFKA_PORT']}"

    def client(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = self.client_of(service, "test", "test")
        return self.clients[service]

    def client_of(self, service: str, key: str, secret: str, region: str = "us-east-1") -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    def make_topic(self, name: str, partitions: int = 1) -> None:
        kafka = REPOSITORY / "localstack" / "kafka.sh"
        environment = {**os.environ, **self.environment}
        subprocess.run([kafka, "topic", name, str(partitions)], env=environment, check=True, capture_output=True)

    def produce(self, topic: str, *values: str) -> None:
        producer = Producer({"bootstrap.servers": self.brokers})
        for value in values:
            producer.produce(topic, value.encode())
        assert producer.flush(PATIENCE_SECS) == 0

    def consume(self, topic: str) -> bytes | None:
        """The first record of a topic's first partition, if there is one."""
        consumer = Consumer({"bootstrap.servers": self.brokers, "group.id": "tests", "enable.auto.commit": False})
        try:
            consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
            record = consumer.poll(5)
            return record.value() if record and not record.error() else None
        finally:
            consumer.close()


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    cloud = new_cloud(tmp_path_factory)
    cloud.up()
    yield cloud
    stopped = cloud.run("down", "--purge")
    assert stopped.returncode == 0, stopped.stderr


def new_cloud(tmp_path_factory: pytest.TempPathFactory) -> Cloud:
    home = tmp_path_factory.mktemp("cloud")
    spark_submit = home / "spark-submit"
    spark_submit.write_text(SPARK_SUBMIT)
    spark_submit.chmod(spark_submit.stat().st_mode | stat.S_IXUSR)
    kafka, controller, emulator = free_ports(3)
    return Cloud(
        home,
        {
            "PENSTOCK_LOCAL": str(home),
            "KAFKA_PORT": kafka,
            "KAFKA_CONTROLLER_PORT": controller,
            "EMULATOR_PORT": emulator,
            "LOCAL_CLOUD_SPARK_SUBMIT": str(spark_submit),
        },
    )


# What a job does stands in its arguments: `sh` runs the rest.
SPARK_SUBMIT = """#!/bin/sh
echo "arguments: $*"
while [ "$1" != sh ]; do shift; done
exec "$@"
"""


def free_ports(count: int) -> list[str]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [str(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


def until(ask: Callable[[], Value | None]) -> Value:
    """Asks until there is an answer."""
    deadline = time.monotonic() + PATIENCE_SECS
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"no answer within {PATIENCE_SECS} s"
        time.sleep(0.2)
    return answer


Deploy = Callable[..., str]


@pytest.fixture
def deploy(cloud: Cloud, request: pytest.FixtureRequest) -> Iterator[Deploy]:
    """Makes functions of scripts in which `handle(event)` returns the answer, named after the test."""
    made = list[tuple[Any, str]]()

    def make(script: str, region: str = "us-east-1", **settings: Any) -> str:
        lambda_ = cloud.client_of("lambda", "test", "test", region)
        name = f"{request.node.name[:50]}-{len(made)}".replace("[", "-").replace("]", "")
        function = {"Runtime": "provided.al2023", "Handler": "bootstrap", "Role": "arn:aws:iam::000000000000:role/r"}
        lambda_.create_function(FunctionName=name, Code={"ZipFile": archive(script)}, **(function | settings))
        made.append((lambda_, name))
        lambda_.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
        return name

    yield make
    for lambda_, name in made:
        lambda_.delete_function(FunctionName=name)


RUNTIME = """#!/usr/bin/env python3
import json, os, urllib.request
API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime"

def serve():
    while True:
        with urllib.request.urlopen(f"{API}/invocation/next") as event:
            id, body = event.headers["Lambda-Runtime-Aws-Request-Id"], json.loads(event.read())
        try:
            path, answer = "response", handle(body)
        except Exception as error:
            path, answer = "error", {"errorType": type(error).__name__, "errorMessage": str(error)}
        body = json.dumps(answer).encode()
        urllib.request.urlopen(urllib.request.Request(f"{API}/invocation/{id}/{path}", data=body))

"""


def archive(script: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, f"{RUNTIME}{script}\nserve()\n")
    return buffer.getvalue()
