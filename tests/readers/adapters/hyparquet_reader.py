"""hyparquet: Parquet in browsers and Node, without dependencies."""

import base64
import json
import os
import subprocess
from pathlib import Path

from adapters.reader import Reader, files, is_partitioned
from table import Table


class Hyparquet(Reader):
    name = "hyparquet"

    def version(self) -> str:
        return run("version")

    def read(self, folder: Path) -> Table:
        table = Table()
        paths = files(folder)
        for path, read in zip(paths, run("read", *map(str, paths)), strict=True):
            for name, column in read.items():
                append(table, name, column["type"], [plain(column["type"], value) for value in column["values"]])
            if is_partitioned(folder):
                # It reads files and not folders: the day is the caller's business.
                rows = len(next(iter(read.values()))["values"])
                append(table, "event_date", "date", [path.parent.name.removeprefix("event_date=")] * rows)
        return table

    def count_since(self, folder: Path, column: str, micros: int) -> int:
        return run("count", column, str(micros), *map(str, files(folder)))


def append(table: Table, name: str, kind: str, values: list) -> None:
    if table.types.setdefault(name, kind) != kind:
        raise TypeError(f"{name} is {table.types[name]} in one file and {kind} in another")
    table.columns.setdefault(name, []).extend(values)


def plain(kind: str, value):
    match kind:
        case _ if value is None:
            return None
        case "int64" | "time":
            return int(value)
        case "double":
            return float(value)
        case "bytes":
            return base64.b64decode(value)
        case _:
            return value


def run(*arguments: str):
    # Where `run.sh` installed it.
    script = Path(os.environ["NODE_FOLDER"]) / "read.mjs"
    return json.loads(subprocess.run(["node", script, *arguments], check=True, stdout=subprocess.PIPE).stdout)


start = Hyparquet
