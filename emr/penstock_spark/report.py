"""A report: a folder of files, and a manifest that is written last and lists them.

Only a folder with a manifest is a report. Each file is made elsewhere and moved into place, so that none is ever seen
half written; what a run that died left behind has no manifest, and the next run with its id begins anew.
"""

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pyspark.sql import DataFrame

from penstock_spark.failure import finding, misuse
from penstock_spark.files import Files

CSV = "p95.csv"
PARQUET = "p95.parquet"
RESOURCES_JSON = "resources.json"
RESOURCES_MARKDOWN = "resources.md"
MANIFEST = "manifest.json"

# Readers skip what begins with an underscore.
_STAGING = "_unfinished"


class Report:
    def __init__(self, files: Files, run_id: str):
        self._files = files
        self._folder = run_id
        self._written: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return self._files.url(self._folder)

    def is_whole(self, asked: Mapping[str, Any]) -> bool:
        """Whether it was made before. A report of another question is never replaced."""
        manifest = self._key(MANIFEST)
        if not self._files.exists(manifest):
            return False
        made: dict[str, Any] = json.loads(self._files.read(manifest))
        if made["asked"] != asked:
            differing = sorted(name for name in asked if made["asked"].get(name) != asked[name])
            raise misuse(
                f"{self.url} is the report of another question ({', '.join(differing)} differ): choose another --run-id"
            )
        return True

    def begin(self) -> None:
        """Removes what an earlier run left without a manifest."""
        self._files.remove(self._folder)

    def add(self, name: str, content: bytes) -> None:
        staged = self._key(f"{_STAGING}/{name}")
        self._files.write(staged, content)
        self._place(staged, name, content)

    def add_parquet(self, name: str, rows: DataFrame) -> None:
        staging = self._key(f"{_STAGING}/{name}")
        rows.coalesce(1).write.mode("overwrite").parquet(self._files.url(staging))
        [part] = [entry.name for entry in self._files.list(staging) if entry.name.endswith(".parquet")]
        self._place(f"{staging}/{part}", name, self._files.read(f"{staging}/{part}"))

    def finish(self, facts: Mapping[str, Any]) -> None:
        """The manifest comes last: it makes a report of the files."""
        manifest = json.dumps({**facts, "files": self._written}, indent=2, sort_keys=True) + "\n"
        self.add(MANIFEST, manifest.encode())
        self._files.remove(self._key(_STAGING))

    def _place(self, staged: str, name: str, content: bytes) -> None:
        if not self._files.rename(staged, self._key(name)):
            raise finding(
                f"{self.url}/{name} appeared while this run made it: another run has the same --run-id. "
                "See which one ended well"
            )
        self._written.append({"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()})

    def _key(self, name: str) -> str:
        return f"{self._folder}/{name}"


def as_csv(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    """Numbers in the shortest form that reads back as the same double."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()
