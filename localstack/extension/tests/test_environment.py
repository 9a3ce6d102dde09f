"""What becomes of an invocation, by what its process does. Each function is a script that speaks the Runtime API."""

import json
import os
import select
import stat
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local_cloud.environment import Answer, Environment
from local_cloud.runtime_api import MAX_RESPONSE_BYTES, Invocation

# Asks for events and lets `handle` answer them.
RUNTIME = """#!/usr/bin/env python3
import json, os, sys, urllib.request
API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime"

def post(path, body):
    return urllib.request.urlopen(urllib.request.Request(f"{API}/{path}", data=body)).status

def serve():
    while True:
        with urllib.request.urlopen(f"{API}/invocation/next") as event:
            id, body = event.headers["Lambda-Runtime-Aws-Request-Id"], event.read()
            handle(id, body, event.headers)

def answer(id, body):
    post(f"invocation/{id}/response", body)

"""

ECHO = "def handle(id, body, headers): answer(id, body)\nserve()"

Deploy = Callable[..., Environment]


@pytest.fixture
def deploy(tmp_path: Path) -> Iterator[Deploy]:
    """Makes an environment of a script, and ends it."""
    environments: list[Environment] = []

    def make(script: str, memory_mb: int = 512, **variables: str) -> Environment:
        bootstrap = tmp_path / "bootstrap"
        bootstrap.write_text(RUNTIME + script)
        environments.append(Environment(tmp_path, variables, memory_mb))
        return environments[-1]

    yield make
    for environment in environments:
        environment.stop()


def invoke(environment: Environment, event: bytes = b"{}", timeout_secs: float = 10) -> Answer:
    return environment.invoke(
        Invocation(str(uuid.uuid4()), "arn:aws:lambda:::function:f", event, "Root=1", timeout_secs)
    )


def ends(pid: int) -> bool:
    """Whether a process ends, which takes a moment after it was killed."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 10)[0])
    finally:
        os.close(descriptor)


def failure(answer: Answer) -> tuple[str, str]:
    assert answer.is_error
    document = json.loads(answer.payload)
    return document["errorType"], document["errorMessage"]


def test_an_event_goes_in_and_the_answer_comes_out(deploy: Deploy) -> None:
    environment = deploy(ECHO)
    answer = invoke(environment, b'{"a":1}')
    assert (answer.payload, answer.is_error) == (b'{"a":1}', False)


def test_a_warm_process_is_used_again_and_says_its_start_once(deploy: Deploy) -> None:
    environment = deploy("import os\ndef handle(id, body, headers): answer(id, str(os.getpid()).encode())\nserve()")
    first, second = invoke(environment), invoke(environment)
    assert first.payload == second.payload
    assert "Init Duration" in first.log
    assert "Init Duration" not in second.log


def test_the_log_has_start_output_end_and_report(deploy: Deploy) -> None:
    environment = deploy(
        "def handle(id, body, headers): print('hello', flush=True); answer(id, body)\nserve()", memory_mb=300
    )
    lines = invoke(environment).log.splitlines()
    assert [line.split(" ")[0] for line in lines] == ["START", "hello", "END", "REPORT"]
    assert lines[0].endswith("Version: $LATEST")
    assert "Memory Size: 300 MB" in lines[3]


def test_the_function_gets_its_variables_deadline_and_arn_and_nothing_of_ours(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_EMULATOR", "1")
    script = """def handle(id, body, headers):
    shown = {"variables": dict(os.environ), "headers": dict(headers)}
    answer(id, json.dumps(shown).encode())
serve()"""
    began = time.time()
    shown = json.loads(invoke(deploy(script, COLOR="red"), timeout_secs=5).payload)
    assert shown["variables"]["COLOR"] == "red"
    assert "SECRET_OF_THE_EMULATOR" not in shown["variables"]
    headers = shown["headers"]
    assert headers["Lambda-Runtime-Invoked-Function-Arn"] == "arn:aws:lambda:::function:f"
    assert began * 1000 < int(headers["Lambda-Runtime-Deadline-Ms"]) <= (time.time() + 5) * 1000


def test_what_the_function_reports_as_error_is_one(deploy: Deploy) -> None:
    script = """def handle(id, body, headers):
    post(f"invocation/{id}/error", b'{"errorType":"Mine","errorMessage":"wrong"}')
serve()"""
    assert failure(invoke(deploy(script))) == ("Mine", "wrong")


def test_a_crash_fails_the_invocation_and_the_next_one_gets_a_fresh_process(deploy: Deploy) -> None:
    script = """def handle(id, body, headers):
    if body == b'"die"': sys.exit(3)
    answer(id, body)
serve()"""
    environment = deploy(script)
    assert invoke(environment, b"1").payload == b"1"
    kind, message = failure(invoke(environment, b'"die"'))
    assert (kind, message.split("Error: ")[1]) == ("Runtime.ExitError", "Runtime exited with error: exit status 3")
    assert invoke(environment, b"2").payload == b"2"


def test_a_killed_function_fails_its_invocation(deploy: Deploy) -> None:
    environment = deploy("import signal\ndef handle(id, body, headers): os.kill(os.getpid(), signal.SIGKILL)\nserve()")
    assert failure(invoke(environment))[1].endswith("signal: killed")


def test_an_answer_right_before_the_exit_counts(deploy: Deploy) -> None:
    environment = deploy("def handle(id, body, headers): answer(id, body); os._exit(1)\nserve()")
    answers = [invoke(environment, b"7") for _ in range(5)]
    assert [answer.payload for answer in answers] == [b"7"] * 5


def test_a_function_that_takes_too_long_is_ended(deploy: Deploy) -> None:
    environment = deploy(
        "import time\ndef handle(id, body, headers): time.sleep(60) if body == b'1' else answer(id, body)\nserve()"
    )
    answer = invoke(environment, b"1", timeout_secs=0.5)
    assert failure(answer)[0] == "Sandbox.Timedout"
    assert "Task timed out after 0.50 seconds" in answer.log
    assert invoke(environment, b"2").payload == b"2"


def test_a_function_that_takes_too_much_memory_is_ended(deploy: Deploy) -> None:
    environment = deploy(
        "def handle(id, body, headers): hog = b'x' * (300 << 20); answer(id, body)\nserve()", memory_mb=128
    )
    script = invoke(environment)
    assert failure(script)[0] == "Runtime.OutOfMemory"


def test_its_children_end_with_it(deploy: Deploy) -> None:
    script = """import subprocess, time
def handle(id, body, headers):
    child = subprocess.Popen(["sleep", "600"])
    print("child", child.pid, flush=True)
    time.sleep(600)
serve()"""
    log = invoke(deploy(script), timeout_secs=1).log
    pid = next(line.split()[1] for line in log.splitlines() if line.startswith("child"))
    assert ends(int(pid))


def test_a_start_that_fails_is_told_to_the_first_invocation_with_its_log(deploy: Deploy) -> None:
    environment = deploy("print('no settings', flush=True); sys.exit(1)")
    environment.start()
    answer = invoke(environment)
    assert failure(answer)[0] == "Runtime.ExitError"
    assert "no settings" in answer.log


def test_a_start_that_is_reported_as_failed_is_told_as_it_was(deploy: Deploy) -> None:
    environment = deploy("""post("init/error", b'{"errorType":"Mine","errorMessage":"no lake"}')\nsys.stdin.read()""")
    assert failure(invoke(environment)) == ("Mine", "no lake")


@pytest.mark.parametrize("makes_none", [True, False])
def test_code_without_a_program_says_so(deploy: Deploy, tmp_path: Path, makes_none: bool) -> None:
    environment = deploy(ECHO)
    bootstrap = tmp_path / "bootstrap"
    if makes_none:
        bootstrap.unlink()
    else:
        bootstrap.write_bytes(b"\x7fELF is not all it takes")
        bootstrap.chmod(stat.S_IRUSR)
    kind, message = failure(invoke(environment))
    assert kind == "Runtime.InvalidEntrypoint"
    assert str(bootstrap) in message


def test_an_answer_that_is_too_large_is_refused(deploy: Deploy) -> None:
    script = f"""def handle(id, body, headers):
    try: answer(id, b'x' * {MAX_RESPONSE_BYTES + 1})
    except Exception: pass
serve()"""
    assert failure(invoke(deploy(script)))[0] == "Function.ResponseSizeTooLarge"


def test_an_answer_to_another_invocation_is_refused(deploy: Deploy) -> None:
    script = """def handle(id, body, headers):
    try: answer("00000000-0000-0000-0000-000000000000", b"1")
    except urllib.error.HTTPError as error: answer(id, str(error.code).encode())
import urllib.error
serve()"""
    assert invoke(deploy(script)).payload == b"400"


def test_a_chunked_answer_is_read(deploy: Deploy) -> None:
    script = """import http.client
def handle(id, body, headers):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    path = f"/2018-06-01/runtime/invocation/{id}/response"
    chunked = {"Transfer-Encoding": "chunked"}
    connection.request("POST", path, iter([b"[1,", b"2]"]), headers=chunked, encode_chunked=True)
    connection.getresponse().read()
serve()"""
    assert invoke(deploy(script)).payload == b"[1,2]"
