"""Packages the functions: a zip for each, named by its content, and package.json, which Terraform reads.

The same binaries and datasets give the same bytes, so a plan without changes is empty.
package.json names the zips and says of each dataset what its tables look like and whether it asks for p95, because
Terraform reads no TOML.
"""

import argparse
import hashlib
import io
import json
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

FUNCTIONS = ("ingest", "notify", "refine")
# Packaged if it was built, and what its binary is called: most pipelines have no Iceberg tables.
TABLES = ("tables", "penstock-tables")
SHIPPED = Path(__file__).resolve().parent.parent / "datasets"

# A zip has room for a time since 1980; one that is always the same leaves the content alone to decide.
ZIP_TIME = (1980, 1, 1, 0, 0, 0)

# Types as Glue names them; docs/formats.md says how the files hold them.
GLUE_TYPES = {
    "uuid": "string",
    "string": "string",
    "int": "bigint",
    "double": "double",
    "bool": "boolean",
    "timestamp": "timestamp",
}

# What an ELF header calls the machines that Lambda has.
ELF_MACHINES = {62: "x86_64", 183: "arm64"}


class PackageError(Exception):
    """Something that whoever packages has to mend."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("binaries", type=Path, help="folder with the binaries, as NAME or NAME/bootstrap")
    parser.add_argument("out", type=Path, help="folder for the zips and package.json")
    parser.add_argument("datasets", type=Path, nargs="*", help="dataset files of your own")
    arguments = parser.parse_args()
    try:
        package(arguments.binaries, arguments.out, arguments.datasets)
    except PackageError as problem:
        print(f"package: {problem}", file=sys.stderr)
        return 1
    return 0


def package(binaries: Path, out: Path, own_datasets: list[Path]) -> None:
    contents = {name: read_binary(binaries, name) for name in FUNCTIONS}
    function, binary_name = TABLES
    if is_built(binaries, binary_name):
        contents[function] = read_binary(binaries, binary_name)
    own = [Dataset(path, shipped=False) for path in own_datasets]
    datasets = [Dataset(path, shipped=True) for path in sorted(SHIPPED.glob("*.toml"))] + own
    machine = architecture(contents)
    out.mkdir(parents=True, exist_ok=True)
    zips = {name: write_zip(out, name, binary, own) for name, binary in contents.items()}
    manifest = {
        "architecture": machine,
        "functions": zips,
        "datasets": {dataset.name: dataset.tables() for dataset in datasets},
    }
    write(out / "package.json", (json.dumps(manifest, indent=2) + "\n").encode())
    print(f"package: {', '.join(zips.values())} ({machine}) in {out}")


def read_binary(folder: Path, name: str) -> bytes:
    for path in (folder / name / "bootstrap", folder / name):
        if path.is_file():
            return path.read_bytes()
    raise PackageError(
        f"{folder} holds neither {name}/bootstrap nor {name}: build the functions first, 'make package' does"
    )


def is_built(folder: Path, name: str) -> bool:
    return any(path.is_file() for path in (folder / name / "bootstrap", folder / name))


def architecture(binaries: dict[str, bytes]) -> str:
    found = {name: elf_machine(name, binary) for name, binary in binaries.items()}
    if len(set(found.values())) != 1:
        raise PackageError(f"the binaries are for different machines: {found}; build all of them anew")
    return next(iter(found.values()))


def elf_machine(name: str, binary: bytes) -> str:
    machine = ELF_MACHINES.get(int.from_bytes(binary[18:20], "little")) if binary[:4] == b"\x7fELF" else None
    if machine is None:
        raise PackageError(
            f"{name} is no program for Linux on x86-64 or arm64, as Lambda runs them: "
            "build it on such a machine, 'make package' does"
        )
    return machine


class Dataset:
    """A dataset file, as far as tables go. The functions check it whole; `penstock check FILE` says what is wrong."""

    def __init__(self, path: Path, *, shipped: bool) -> None:
        try:
            self.text = path.read_bytes()
            self.file: dict[str, Any] = tomllib.loads(self.text.decode())
            self.name: str = self.file["name"]
            self.columns = [column(entry) for entry in self.file["columns"]]
            self.window_keys: list[str] = self.file["windows"]["keys"]
        except OSError as error:
            raise PackageError(f"{path} cannot be read ({error.strerror})") from error
        except (KeyError, TypeError, ValueError) as error:
            raise PackageError(
                f"{path} is no valid dataset ({error}): 'penstock check {path}' says everything that is wrong"
            ) from error
        self.place = f"datasets/{self.name}.toml"
        self.setting = self.name if shipped else self.place

    def tables(self) -> dict[str, Any]:
        return {
            "setting": self.setting,
            "columns": self.columns,
            "window_keys": self.window_keys,
            "has_p95": "p95" in self.file,
        }


def column(entry: dict[str, Any]) -> dict[str, str]:
    return {
        "name": entry["name"],
        "type": GLUE_TYPES[entry["type"]],
        "description": entry.get("description", ""),
    }


def write_zip(out: Path, name: str, binary: bytes, datasets: list[Dataset]) -> str:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        add(archive, "bootstrap", 0o755, binary)
        for dataset in sorted(datasets, key=lambda dataset: dataset.name):
            add(archive, dataset.place, 0o644, dataset.text)
    content = buffer.getvalue()
    file = f"{name}-{hashlib.sha256(content).hexdigest()[:16]}.zip"
    write(out / file, content)
    return file


def add(archive: zipfile.ZipFile, place: str, mode: int, content: bytes) -> None:
    info = zipfile.ZipInfo(place, ZIP_TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = mode << 16
    archive.writestr(info, content)


def write(path: Path, content: bytes) -> None:
    """Writes whole or not at all, so that an interrupted run leaves no half of a zip."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)


if __name__ == "__main__":
    sys.exit(main())
