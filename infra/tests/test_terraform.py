"""infra/terraform.sh says what is wrong before Terraform does, and how to go on after it."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

INFRA = Path(__file__).resolve().parent.parent

# Stands in for Terraform: fails with its command's name in FAILS.
TERRAFORM = """#!/usr/bin/env bash
if [[ $1 == version ]]; then echo "Terraform v$VERSION" && exit; fi
echo "$2" >>"$CALLS"
case " $FAILS " in *" $2 "*) echo "Error: told so" >&2 && exit 1 ;; esac
case " $CHANGES " in *" $2 "*) exit 2 ;; esac
"""


class Tree:
    """A copy of the script with an environment beside it."""

    def __init__(self, folder: Path) -> None:
        self.infra = folder / "infra"
        self.live = self.infra / "live/dev"
        self.live.mkdir(parents=True)
        (self.infra / "live/localstack").mkdir()
        for script in ("terraform.sh", "tools.sh"):
            (self.infra / script).write_bytes((INFRA / script).read_bytes())
            (self.infra / script).chmod(0o755)
        self.write(self.live / "terraform.tfvars")
        self.write(self.live / "backend.hcl")
        self.write(folder / "target/lambda/package.json")
        program = folder / "bin/terraform"
        self.write(program, TERRAFORM)
        program.chmod(program.stat().st_mode | stat.S_IEXEC)
        self.calls = folder / "calls"
        self.environment = os.environ | {
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "CALLS": str(self.calls),
            "VERSION": "1.11.4",
            "FAILS": "",
            "CHANGES": "",
            "CI": "",
        }

    @staticmethod
    def write(path: Path, text: str = "") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.infra / "terraform.sh", *arguments],
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
        )


def test_it_prepares_and_then_does_what_was_asked(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    assert tree.run("apply", "dev").returncode == 0
    assert tree.calls.read_text().split() == ["init", "apply"]


@pytest.mark.parametrize(
    ("arguments", "expect"),
    [
        (["plan", "nowhere"], "choose one of dev localstack"),
        (["plan"], "choose one of dev localstack"),
        (["plan", "localstack"], "start it with 'make up'"),
    ],
)
def test_what_is_wrong_is_said_first(tmp_path: Path, arguments: list[str], expect: str) -> None:
    tree = Tree(tmp_path)
    refused = tree.run(*arguments, AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert refused.returncode == 1
    assert expect in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert not tree.calls.exists()


@pytest.mark.parametrize(
    ("missing", "expect"),
    [
        ("infra/live/dev/terraform.tfvars", "infra/README.md says how to make it"),
        ("infra/live/dev/backend.hcl", "infra/README.md says how to make it"),
        ("target/lambda/package.json", "run 'make package' first"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, missing: str, expect: str) -> None:
    tree = Tree(tmp_path)
    (tmp_path / missing).unlink()
    refused = tree.run("plan", "dev")
    assert (refused.returncode, tree.calls.exists()) == (1, False)
    assert expect in refused.stderr


def test_an_old_terraform_is_refused(tmp_path: Path) -> None:
    refused = Tree(tmp_path).run("plan", "dev", VERSION="1.10.5")
    assert (refused.returncode, "1.10.5 is too old" in refused.stderr) == (1, True)


@pytest.mark.parametrize(
    ("command", "expect"),
    [
        ("init", "infra/README.md lists the usual reasons"),
        ("plan", "Nothing was changed"),
        ("apply", "the same command goes on from there"),
        ("destroy", "the same command goes on from there"),
    ],
)
def test_a_failure_says_how_to_go_on(tmp_path: Path, command: str, expect: str) -> None:
    failed = Tree(tmp_path).run(command, "dev", FAILS=command)
    assert failed.returncode == 1
    assert failed.stderr.startswith("Error: told so\n")
    assert expect in failed.stderr


def test_a_plan_that_changes_something_is_no_failure(tmp_path: Path) -> None:
    answer = Tree(tmp_path).run("plan", "dev", "-detailed-exitcode", CHANGES="plan")
    assert (answer.returncode, answer.stderr) == (2, "")
