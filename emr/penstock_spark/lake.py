"""What a lake says of itself: its format, its newest poured cut, its dataset, and its days.

A job reads the lake as it was after one cut. Files of a later cut, which may be poured at this very moment, are left
out, so that two runs that saw the same cut give the same answer.
"""

import json
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from penstock_spark.dataset import Dataset, parse
from penstock_spark.failure import finding, misuse
from penstock_spark.files import Files

FORMAT = 1
"""The version of the layout that the jobs know."""

_DAY = re.compile(r"event_date=(\d{4}-\d{2}-\d{2})")


@dataclass(frozen=True)
class Lake:
    """A lake after a cut."""

    files: Files
    dataset: Dataset
    cut: int
    unpoured_cut: int | None
    """Declared, and not poured yet."""

    @property
    def last_file(self) -> str:
        """The greatest name of a file of silver, windows or rejects that belongs to it: they are named by their cut."""
        return f"{self.cut:012}.parquet"

    def folder(self, table: str) -> str:
        return f"{table}/{self.dataset.name}"

    def days(self, table: str) -> list[date]:
        """The days of which the table has a folder."""
        matches = [_DAY.fullmatch(entry.name) for entry in self.files.list(self.folder(table)) if entry.is_folder]
        return [date.fromisoformat(match[1]) for match in matches if match]

    def day_folder(self, table: str, day: date) -> str:
        return f"{self.folder(table)}/event_date={day}"

    def state(self) -> dict[str, Any]:
        """What the pour of the cut left: totals and positions of each chain."""
        state: dict[str, Any] = json.loads(self.files.footer_entry(self.state_file(), "penstock.state"))
        return state

    def state_file(self) -> str:
        return _state(self.dataset.name, self.cut)


def lake_url(text: str) -> str:
    """A directory as a URL; whatever has a scheme stays as it is."""
    return text.rstrip("/") if "://" in text else f"file://{Path(text).resolve()}"


def open_lake(files: Files, dataset: str) -> Lake:
    _check_format(files)
    cut = _newest_state(files, dataset)
    if cut == 0:
        raise finding(
            f"the lake {files.root} has nothing of the dataset {dataset} yet: no cut was poured. "
            f"Its datasets are: {', '.join(_datasets(files)) or 'none'}"
        )
    declared: dict[str, Any] = json.loads(files.read(_cut(dataset, cut)))
    unpoured = cut + 1 if files.exists(_cut(dataset, cut + 1)) else None
    return Lake(files, parse(declared["dataset"]), cut, unpoured)


def _check_format(files: Files) -> None:
    key = "_penstock/format.json"
    if not files.exists(key):
        raise misuse(f"there is no lake at {files.root}: it has no {key}. Give the folder above silver/ as --lake")
    version = json.loads(files.read(key)).get("format")
    if version != FORMAT:
        raise misuse(
            f"the lake {files.root} has format {version}, and this job knows {FORMAT}: take the job of its release"
        )


def _datasets(files: Files) -> list[str]:
    return [entry.name for entry in files.list("_penstock") if entry.is_folder and not entry.name.startswith(".")]


def _newest_state(files: Files, dataset: str) -> int:
    """The newest cut with a state; 0 if there is none."""
    cut = _hinted_state(files, dataset) or _listed_state(files, dataset)
    if cut == 0:
        return 0
    while files.exists(_state(dataset, cut + 1)):
        cut += 1
    return cut


def _hinted_state(files: Files, dataset: str) -> int | None:
    """The hint of refine saves a listing, which grows by a cut a minute; nothing depends on it."""
    key = f"_penstock/{dataset}/hints/progress.json"
    try:
        cut = int(json.loads(files.read(key))["cut"]) if files.exists(key) else 0
    except (ValueError, KeyError, TypeError):
        return None
    return cut if 0 < cut and files.exists(_state(dataset, cut)) else None


def _listed_state(files: Files, dataset: str) -> int:
    names = [entry.name for entry in files.list(f"_penstock/{dataset}/state")]
    return max((int(name.removesuffix(".parquet")) for name in names if name.endswith(".parquet")), default=0)


def _state(dataset: str, cut: int) -> str:
    return f"_penstock/{dataset}/state/{cut:012}.parquet"


def _cut(dataset: str, cut: int) -> str:
    return f"_penstock/{dataset}/cuts/{cut:012}.json"
