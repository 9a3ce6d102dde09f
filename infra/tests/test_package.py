"""The packages that `make package` makes: the same from the same, and what Terraform reads of them."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

INFRA = Path(__file__).resolve().parent.parent
X86_64 = b"\x7fELF" + bytes(14) + (62).to_bytes(2, "little")
ARM64 = b"\x7fELF" + bytes(14) + (183).to_bytes(2, "little")

OWN = """
name = "mine"
[[columns]]
name = "at"
type = "timestamp"
[[columns]]
name = "count"
type = "int"
description = "How many"
[windows]
keys = ["at"]
"""


def binaries(folder: Path, ingest: bytes = X86_64, refine: bytes = X86_64 + b"refine") -> Path:
    folder.mkdir()
    (folder / "ingest").write_bytes(ingest)
    (folder / "notify").write_bytes(refine + b"notify")
    # As cargo-lambda lays them out.
    (folder / "refine").mkdir()
    (folder / "refine" / "bootstrap").write_bytes(refine)
    return folder


def run(*arguments: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, INFRA / "package.py", *arguments], capture_output=True, text=True, check=False
    )


def manifest(out: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((out / "package.json").read_text())
    return content


def test_the_same_binaries_give_the_same_bytes(tmp_path: Path) -> None:
    built = binaries(tmp_path / "built")
    for out in ("first", "second"):
        assert run(built, tmp_path / out).returncode == 0
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / out).iterdir()} for out in ("first", "second")
    )
    assert first == second


def test_other_binaries_have_other_names(tmp_path: Path) -> None:
    run(binaries(tmp_path / "old"), tmp_path / "out")
    old = manifest(tmp_path / "out")["functions"]
    run(binaries(tmp_path / "new", ingest=X86_64 + b"changed"), tmp_path / "out")
    new = manifest(tmp_path / "out")["functions"]
    assert old["ingest"] != new["ingest"]
    assert old["refine"] == new["refine"]
    # What runs now is still there to go back to.
    assert (tmp_path / "out" / old["ingest"]).exists()


def test_a_zip_holds_an_executable_bootstrap(tmp_path: Path) -> None:
    run(binaries(tmp_path / "built"), tmp_path / "out")
    with zipfile.ZipFile(tmp_path / "out" / manifest(tmp_path / "out")["functions"]["ingest"]) as archive:
        (info,) = archive.infolist()
        assert info.filename == "bootstrap"
        assert info.external_attr >> 16 == 0o755
        assert archive.read(info) == X86_64


def test_the_function_of_the_tables_is_packaged_if_it_is_there(tmp_path: Path) -> None:
    built = binaries(tmp_path / "built")
    run(built, tmp_path / "without")
    assert set(manifest(tmp_path / "without")["functions"]) == {"ingest", "notify", "refine"}
    (built / "penstock-tables").write_bytes(X86_64 + b"tables")
    run(built, tmp_path / "with")
    assert set(manifest(tmp_path / "with")["functions"]) == {"ingest", "notify", "refine", "tables"}


def test_a_dataset_of_ones_own_goes_into_the_zip(tmp_path: Path) -> None:
    file = tmp_path / "my-dataset.toml"
    file.write_text(OWN)
    assert run(binaries(tmp_path / "built", ARM64, ARM64), tmp_path / "out", file).returncode == 0
    made = manifest(tmp_path / "out")
    assert made["architecture"] == "arm64"
    assert made["datasets"]["mine"] == {
        "setting": "datasets/mine.toml",
        "columns": [
            {"name": "at", "type": "timestamp", "description": ""},
            {"name": "count", "type": "bigint", "description": "How many"},
        ],
        "window_keys": ["at"],
        "has_p95": False,
    }
    with zipfile.ZipFile(tmp_path / "out" / made["functions"]["refine"]) as archive:
        assert archive.read("datasets/mine.toml").decode() == OWN


def test_shipped_datasets_are_known_by_name(tmp_path: Path) -> None:
    run(binaries(tmp_path / "built"), tmp_path / "out")
    datasets = manifest(tmp_path / "out")["datasets"]
    shipped = {path.stem for path in (INFRA.parent / "datasets").glob("*.toml")}
    assert {name: dataset["setting"] for name, dataset in datasets.items()} == {name: name for name in shipped}
    assert datasets["iot"]["has_p95"]


def check_refused(arguments: list[Path], message: str) -> None:
    answer = run(*arguments)
    assert answer.returncode == 1
    assert answer.stderr.startswith("package: ")
    assert message in answer.stderr


def test_what_cannot_be_packaged_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    check_refused([tmp_path / "empty", tmp_path / "out"], "'make package' does")
    mixed = binaries(tmp_path / "mixed", X86_64, ARM64)
    check_refused([mixed, tmp_path / "out"], "build all of them anew")
    script = binaries(tmp_path / "script", b"#!/bin/sh\n")
    check_refused([script, tmp_path / "out"], "ingest is no program for Linux")
    good = binaries(tmp_path / "good")
    check_refused([good, tmp_path / "out", tmp_path / "no-such.toml"], "no-such.toml cannot be read")
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(OWN.replace('type = "int"', 'type = "integer"'))
    check_refused([good, tmp_path / "out", wrong], "penstock check")
    assert not (tmp_path / "out").exists()
