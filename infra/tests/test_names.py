"""What Terraform and the functions must call by the same name, they do."""

import re
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

INFRA = Path(__file__).resolve().parent.parent
REPOSITORY = INFRA.parent


def terraform() -> str:
    """The modules that set the functions' settings."""
    modules = [INFRA / "modules" / name for name in ("alarms", "pipeline")]
    return "\n".join(file.read_text() for module in modules for file in module.glob("*.tf"))


def test_every_setting_of_the_functions_can_be_set_and_no_other() -> None:
    runtime = REPOSITORY / "crates/runtime/src"
    settings = (runtime / "settings.rs").read_text() + (runtime / "settings/notify.rs").read_text()
    known = set(re.findall(r'^    [A-Z_]+ = "(PENSTOCK_[A-Z_]+)"', settings, re.MULTILINE))
    assert known
    # A secret does not stand in the environment of a function; Glue asks for none.
    known.remove("PENSTOCK_CATALOG_CREDENTIAL")
    set_by_terraform = set(re.findall(r"^ +(PENSTOCK_[A-Z_]+) +=", terraform(), re.MULTILINE))
    assert set_by_terraform == known


def test_every_key_of_the_lake_is_a_hint_or_written_once() -> None:
    header = (REPOSITORY / "crates/core/src/keys.rs").read_text().split("```")[1]
    keys = [re.sub(r"<\w+>|\.\.\.", "x", line) for line in re.findall(r"^//! (\S+)$", header, re.MULTILINE)]
    assert len(keys) > 5
    policy = (INFRA / "modules/storage/policy.tf").read_text()
    written_once = re.findall(r'"\$\{local\.root\}/(.+)",', policy)
    unprotected = [key for key in keys if not any(fnmatchcase(key, pattern) for pattern in written_once)]
    assert unprotected == ["_penstock/x/hints/x"]


def test_refine_reads_and_creates_what_its_folders_are_called() -> None:
    keys = (REPOSITORY / "crates/core/src/keys.rs").read_text()
    folders = set(re.findall(r'format!\("([a-z_]+/\{dataset\}/(?:[a-z]+/)?)"\)', keys))
    # Only `penstock run` writes there.
    folders.remove("_penstock/{dataset}/runs/")
    refine = (INFRA / "modules/pipeline/refine.tf").read_text()
    missing = [folder for folder in folders if f'"{folder.replace("{dataset}", "${var.dataset}")}*"' not in refine]
    assert not missing


def test_what_it_costs_is_reckoned_with_the_memory_that_is_deployed() -> None:
    prices = tomllib.loads((REPOSITORY / "crates/cli/prices.toml").read_text())["lambda"]
    defaults = re.findall(r"memory_mb +=+ optional\(number, (\d+)\)", terraform())
    # Those of ingest and refine come first; what the function of the Iceberg tables costs is not reckoned.
    assert [prices["ingest_memory_mb"], prices["refine_memory_mb"]] == [int(memory) for memory in defaults[:2]]
