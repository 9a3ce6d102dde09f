"""What becomes of a job, by what its command does."""

import threading
from pathlib import Path

import pytest

from local_cloud.jobs import Job, arguments_of


def job(tmp_path: Path, script: str, timeout_secs: float | None = None) -> Job:
    return Job(["/bin/sh", "-c", script], {"COLOR": "red"}, tmp_path / "logs", timeout_secs)


def test_a_job_succeeds_with_its_output_in_files(tmp_path: Path) -> None:
    done = job(tmp_path, "echo $COLOR; echo warning >&2")
    assert done.run()
    assert done.log("stdout").read_text() == "red\n"
    assert done.log("stderr").read_text() == "warning\n"
    assert "ended: 0" in done.log("controller").read_text()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 3", "Process exited with status 3"),
        ("echo some words; exit 1", "some words"),
        ("echo '26/11 INFO fine' >&2; echo '26/11 WARN well' >&2; exit 4", "Process exited with status 4"),
        ("echo 'ValueError: no input'; echo 'at the end' >&2; exit 1", "ValueError: no input"),
        ("echo 'p95: no silver'; echo 'Setting Spark log level' >&2; exit 1", "p95: no silver"),
        ("echo 'Exception in thread main' >&2; echo 'Caused by: disk' >&2; exit 1", "Caused by: disk"),
        ("printf 'Error: %2000s' x; exit 1", "Error: " + " " * 993),
    ],
)
def test_a_failure_says_why(tmp_path: Path, script: str, reason: str) -> None:
    failed = job(tmp_path, script)
    assert not failed.run()
    assert failed.failure() == reason


def test_a_command_that_is_missing_says_so(tmp_path: Path) -> None:
    missing = Job([str(tmp_path / "spark-submit")], {}, tmp_path / "logs")
    assert not missing.run()
    assert missing.failure() == f"{tmp_path}/spark-submit: No such file or directory"


def test_a_job_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    late = job(tmp_path, "sleep 60", timeout_secs=0.2)
    assert not late.run()
    assert late.failure() == "Job run timed out"


def test_a_running_job_is_cancelled(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    started = tmp_path / "started"
    running = job(tmp_path, f"mkfifo {started}; echo > {started}; sleep 60")
    thread = threading.Thread(target=running.run)
    thread.start()
    while not started.exists() and thread.is_alive():
        pass
    started.read_text()
    running.cancel()
    thread.join()
    assert running.cancelled
    assert running.exit_code == -9


def test_a_job_that_is_cancelled_before_it_starts_never_does(tmp_path: Path) -> None:
    early = job(tmp_path, f"touch {tmp_path}/ran")
    early.cancel()
    assert not early.run()
    assert not (tmp_path / "ran").exists()


def test_only_spark_submit_is_a_job() -> None:
    assert arguments_of(["spark-submit", "a.py", "b"]) == ["a.py", "b"]
    assert arguments_of(["/usr/bin/spark-submit"]) == []
    assert arguments_of(["hadoop", "jar"]) is None
    assert arguments_of([]) is None
