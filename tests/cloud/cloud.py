"""A cloud of its own for one test: `localstack/cloud.sh` on free ports, and `infra/live/localstack` applied to it."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from proxy import Proxy

REPOSITORY = Path(__file__).parents[2]
BINARIES = Path(os.environ["BINARIES"])
# A copy of infra/ beside a package of the functions, so that nobody's own state is touched.
INFRA = Path(os.environ["INFRA_COPY"])
# What is left here when a test fails.
LOGS = Path(os.environ["LOGS"])

# How long something that happens on its own may take to show. The machine may be busy with other things.
PATIENCE_SECS = 600
# How long one command may take.
COMMAND_SECS = 1200

LAKE = "s3://penstock/lake"
ALIAS = "live"

Value = TypeVar("Value")


@dataclass
class Cloud:
    proxy: Proxy
    # What the commands of the project need to find this cloud, and no other.
    environment: dict[str, str]
    clients: dict[str, Any] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return Path(self.environment["PENSTOCK_LOCAL"])

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.environment['EMULATOR_PORT']}"

    @property
    def brokers(self) -> str:
        return f"127.0.0.1:{self.environment['KAFKA_PORT']}"

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients up at run time
        if service not in self.clients:
            self.clients[service] = self.client_of(service, "test", "test")
        return self.clients[service]

    def client_of(self, service: str, key: str, secret: str) -> Any:  # noqa: ANN401 - as above
        once = {"total_max_attempts": 1}
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            config=Config(s3={"addressing_style": "path"}, read_timeout=COMMAND_SECS, retries=once),
        )

    def run(self, *command: str | Path, expect: int | None = 0) -> str:
        """What a command says, which must end with this code, or with any."""
        done = subprocess.run(
            command,
            cwd=INFRA,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECS,
        )
        assert expect in (None, done.returncode), f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def penstock(self, *arguments: str, expect: int = 0) -> str:
        return self.run(BINARIES / "penstock", *arguments, expect=expect)

    def cloud_sh(self, command: str, *arguments: str) -> str:
        return self.run(REPOSITORY / "localstack" / "cloud.sh", command, *arguments)

    def terraform(self, command: str, *arguments: str) -> str:
        return self.run(INFRA / "terraform.sh", command, "localstack", "-no-color", *arguments)

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self.run("terraform", f"-chdir={INFRA}/live/localstack", "show", "-json"))
        return state

    def kill_the_trigger(self) -> None:
        os.kill(int((self.home / "cloud" / "trigger.pid").read_text()), signal.SIGKILL)

    def refine(self) -> list[int] | None:
        """Calls refine: the cuts that it poured. None: it runs already, because the schedule was faster."""
        lambda_ = self.client("lambda")
        try:
            answer = lambda_.invoke(FunctionName=f"penstock-refine:{ALIAS}", Payload=b'{"source":"test"}')
        except lambda_.exceptions.TooManyRequestsException:
            return None
        summary = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, summary
        cuts: list[int] = summary["cuts"]
        return cuts

    def keep_logs(self, name: str) -> None:
        """Copies everything that was said to where it outlives the cloud."""
        folder = LOGS / name
        folder.mkdir(parents=True, exist_ok=True)
        for log in [*self.home.glob("*/*.log"), *self.home.glob("*/*.txt")]:
            (folder / log.name).write_bytes(log.read_bytes())
        self._keep_logs_of_functions(folder)

    def _keep_logs_of_functions(self, folder: Path) -> None:
        logs = self.client("logs")
        try:
            groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
            for group in groups:
                pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
                lines = [event["message"] for page in pages for event in page["events"]]
                (folder / f"{group.rpartition('/')[2]}.log").write_text("\n".join(lines))
        except BotoCoreError as error:
            (folder / "functions.log").write_text(f"the emulator does not answer: {error}\n")


@contextmanager
def running_cloud(session: pytest.Session, name: str, **settings: str) -> Iterator[Cloud]:
    """A cloud with everything that Terraform makes, for as long as the tests run; its logs are kept if one fails."""
    emulator, kafka, controller = free_ports(3)
    proxy = Proxy(emulator)
    proxy.start()
    environment = {
        "PENSTOCK_LOCAL": f"{INFRA.parent}/{name}",
        "EMULATOR_PORT": str(emulator),
        "KAFKA_PORT": str(kafka),
        "KAFKA_CONTROLLER_PORT": str(controller),
        "TRIGGER_BINARY": str(BINARIES / "penstock-trigger"),
        "LOCAL_CLOUD_FUNCTION_ENDPOINT": f"http://127.0.0.1:{proxy.port}",
        "LOCAL_CLOUD_JOB_ENDPOINT": f"http://127.0.0.1:{proxy.port}",
        "LOCAL_CLOUD_JOB_ACCESS_KEY_ID": "a-job",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{emulator}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "TF_VAR_kafka": f"127.0.0.1:{kafka}",
        # The emulator's poller looks at one shard after the other, each time after this pause: so they are few. With
        # fewer yet each would hold so much that it is slow.
        "TF_VAR_shards": "16",
        "LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC": "0.1",
        **settings,
    }
    cloud, began = Cloud(proxy, environment), False
    try:
        cloud.cloud_sh("up")
        cloud.terraform("apply")
        began = True
        yield cloud
    finally:
        if session.testsfailed or not began:
            cloud.keep_logs(name)
        cloud.cloud_sh("down", "--purge")
        proxy.stop()


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def until(what: str, ask: Callable[[], Value | None]) -> Value:
    """Asks until there is an answer."""
    deadline = time.monotonic() + PATIENCE_SECS
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_SECS} s"
        time.sleep(0.5)
    return answer
