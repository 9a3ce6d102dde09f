"""Each planted mistake is noticed by the tests of its module or by checkov."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mistakes import MISTAKES, Mistake

# A copy of infra/ whose modules are initialised; infra/test.sh makes it.
COPY = Path(os.environ["INFRA_COPY"])


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_is_noticed(mistake: Mistake, tmp_path: Path) -> None:
    infra = tmp_path / "infra"
    # Links to the provider, which is large, and not the provider.
    shutil.copytree(COPY, infra, symlinks=True)
    plant(mistake, infra)
    module = (infra / mistake.file).parent
    assert tests_fail(module) or checkov_fails(module), "neither the module's tests nor checkov noticed"


def plant(mistake: Mistake, infra: Path) -> None:
    file = infra / mistake.file
    text = file.read_text()
    assert text.count(mistake.old) == 1, f"{mistake.old!r} stands {text.count(mistake.old)} times in {mistake.file}"
    file.write_text(text.replace(mistake.old, mistake.new))


def tests_fail(module: Path) -> bool:
    answer = subprocess.run(["terraform", "test", "-no-color"], cwd=module, capture_output=True, text=True, check=False)
    report = answer.stdout + answer.stderr
    # A mistake must be told from a text that no longer is Terraform.
    assert answer.returncode == 0 or "Test assertion failed" in report or "Missing expected failure" in report, report
    return answer.returncode != 0


def checkov_fails(module: Path) -> bool:
    checkov = Path(sys.executable).with_name("checkov")
    answer = subprocess.run([checkov, "--directory", module, "--quiet", "--compact"], capture_output=True, check=False)
    return answer.returncode != 0
