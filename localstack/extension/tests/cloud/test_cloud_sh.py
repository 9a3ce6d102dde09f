"""What `cloud.sh` does: start, take over, refuse with a remedy, and listen on this machine only."""

import socket
from pathlib import Path

import pytest

from tests.cloud.conftest import Cloud, Deploy, free_ports, new_cloud, until


def listening(pids: set[int]) -> dict[str, int]:
    """The addresses on which these processes listen, each with its process."""
    owners = {}
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            target = str(descriptor.readlink()) if descriptor.is_symlink() else ""
            if target.startswith("socket:["):
                owners[target[8:-1]] = pid
    found = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in owners:
                found[fields[1]] = owners[fields[9]]
    return found


def family(pid: int) -> set[int]:
    """A process and all that it started."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


LOOPBACK = ("0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F")


def test_everything_listens_on_this_machine_only(cloud: Cloud, deploy: Deploy) -> None:
    # Kinesis and a function have servers of their own.
    cloud.client("kinesis").create_stream(StreamName="listening", ShardCount=1)
    cloud.client("lambda").invoke(FunctionName=deploy("def handle(event): return 1"))
    kafka = int((cloud.home / "kafka" / "broker.pid").read_text())
    pids = {kafka} | family(cloud.pid("emulator")) | family(cloud.pid("trigger"))
    addresses = listening(pids)
    assert len(addresses) >= 4, addresses
    commands = {pid: Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") for pid in pids}
    exposed = {address: commands[pid] for address, pid in addresses.items() if address.split(":")[0] not in LOOPBACK}
    assert exposed == {}


def test_a_second_start_changes_nothing(cloud: Cloud) -> None:
    before = [cloud.pid(name) for name in ("emulator", "trigger")]
    words = cloud.up()
    assert [cloud.pid(name) for name in ("emulator", "trigger")] == before
    assert words.count("already runs") == 3
    assert cloud.endpoint in words


def test_a_second_start_elsewhere_is_refused(cloud: Cloud) -> None:
    [port] = free_ports(1)
    refused = cloud.run("up", EMULATOR_PORT=port)
    assert refused.returncode == 1
    assert "'localstack/cloud.sh down' first" in refused.stderr


def test_says_what_runs_and_where(cloud: Cloud) -> None:
    shown = cloud.run("status")
    assert shown.returncode == 0
    assert cloud.endpoint in shown.stderr
    assert "the trigger runs" in shown.stderr
    logs = cloud.run("logs")
    assert logs.returncode == 0
    assert "emulator.log" in logs.stdout


def test_what_was_killed_is_started_again(cloud: Cloud) -> None:
    cloud.client("kinesis").list_streams()
    for name in ("emulator", "trigger"):
        cloud.kill(name)
    until(lambda: cloud.run("status").returncode)
    shown = cloud.run("status")
    assert "the emulator does not run" in shown.stderr
    assert "'localstack/cloud.sh up' starts what is missing" in shown.stderr
    words = cloud.up()
    assert "ended what a killed emulator left behind" in words
    assert cloud.run("status").returncode == 0


@pytest.mark.parametrize(
    ("changes", "code", "expect"),
    [
        ({"EMULATOR": "moto"}, 2, "neither localstack nor localemu"),
        ({"EMULATOR_PORT": "many"}, 2, "no number from 1 to 65535"),
        ({"EMULATOR_PORT": "9092", "KAFKA_PORT": "9092"}, 2, "is Kafka's"),
        ({"TRIGGER_BINARY": "/no/such/program"}, 1, "'make up' builds it"),
        (
            {
                "PYTHON": "",
                "PYENV_ROOT": "{home}/none",
                "PENSTOCK_CACHE": "{home}/none",
                "BASH_ENV": "{home}/no-python",
            },
            1,
            "Python 3.13 is missing",
        ),
    ],
)
def test_what_is_wrong_is_said_before_anything_starts(
    tmp_path_factory: pytest.TempPathFactory, changes: dict[str, str], code: int, expect: str
) -> None:
    cloud = new_cloud(tmp_path_factory)
    # No command of that name answers.
    (cloud.home / "no-python").write_text('for name in python3 python3.13; do eval "$name() { return 127; }"; done\n')
    refused = cloud.run("up", **{name: value.format(home=cloud.home) for name, value in changes.items()})
    assert (refused.returncode, refused.stdout) == (code, "")
    assert expect in refused.stderr
    assert not (cloud.home / "kafka").exists()


def test_a_port_that_is_taken_is_named(tmp_path_factory: pytest.TempPathFactory) -> None:
    cloud = new_cloud(tmp_path_factory)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(cloud.environment["EMULATOR_PORT"])))
        taken.listen()
        refused = cloud.run("up")
    assert refused.returncode == 1
    assert f"port {cloud.environment['EMULATOR_PORT']} on 127.0.0.1 is in use" in refused.stderr
    assert "EMULATOR_PORT" in refused.stderr


@pytest.mark.parametrize("arguments", [[], ["sideways"], ["up", "now"]])
def test_wrong_usage_shows_the_right_one(tmp_path_factory: pytest.TempPathFactory, arguments: list[str]) -> None:
    refused = new_cloud(tmp_path_factory).run(*arguments)
    assert refused.returncode == 2
    assert "usage:" in refused.stderr
