"""Each planted mistake is noticed by the tests of its module or by checkov."""

import os
import shutil
import signal
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
    assert a_test_fails(module) or checkov_fails(module), "neither the module's tests nor checkov noticed"


def plant(mistake: Mistake, infra: Path) -> None:
    file = infra / mistake.file
    text = file.read_text()
    assert text.count(mistake.old) == 1, f"{mistake.old!r} stands {text.count(mistake.old)} times in {mistake.file}"
    file.write_text(text.replace(mistake.old, mistake.new))


def a_test_fails(module: Path) -> bool:
    """Ends with the first assertion that fails: each further one would start the provider again."""
    process = subprocess.Popen(
        ["terraform", "test", "-no-color"],
        cwd=module,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # So that the provider, a process of its own, ends with it.
        start_new_session=True,
    )
    assert process.stdout is not None
    report = []
    for line in process.stdout:
        report.append(line)
        if "Test assertion failed" in line or "Missing expected failure" in line:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True
    # A mistake must be told from a text that no longer is Terraform.
    assert process.wait() == 0, "".join(report)
    return False


def checkov_fails(module: Path) -> bool:
    checkov = Path(sys.executable).with_name("checkov")
    answer = subprocess.run(
        [checkov, "--directory", module, "--quiet", "--compact", "--skip-download"], capture_output=True, check=False
    )
    return answer.returncode != 0
