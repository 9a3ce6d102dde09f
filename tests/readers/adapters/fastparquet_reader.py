"""fastparquet: the reader of pandas and Dask that is written in Python."""

from pathlib import Path

import fastparquet
import pandas as pd

from adapters.reader import Reader, files, is_partitioned, utc
from table import Table

TYPES = {"Int32": "int32", "int32": "int32", "Int64": "int64", "int64": "int64", "float64": "double", "boolean": "bool"}


class FastParquet(Reader):
    name = "fastparquet"

    def version(self) -> str:
        return fastparquet.__version__

    def read(self, folder: Path) -> Table:
        table = Table()
        for read in scan(folder):
            frame = read.to_pandas()
            for name in frame.columns:
                kind = logical(read, name, frame[name])
                table.types.setdefault(name, kind)
                seen = values(kind, frame[name])
                if kind == "bytes":
                    seen = [padded(read.schema.schema_element([name]), value) for value in seen]
                table.columns.setdefault(name, []).extend(seen)
        return table

    def count_since(self, folder: Path, column: str, micros: int) -> int:
        filters = [(column, ">=", pd.Timestamp(utc(micros)).tz_localize(None))]
        reads = (read.to_pandas(columns=[column], filters=filters, row_filter=True) for read in scan(folder))
        return sum(map(len, reads))


def scan(folder: Path) -> list[fastparquet.ParquetFile]:
    """All days as one; other files one by one, because it takes any folders for partitions."""
    paths = [str(file) for file in files(folder)]
    if is_partitioned(folder):
        return [fastparquet.ParquetFile(paths, root=str(folder))]
    # A declared gap has no rows, and nothing to read for it.
    return [read for read in map(fastparquet.ParquetFile, paths) if read.row_groups]


def logical(read: fastparquet.ParquetFile, name: str, column: pd.Series) -> str:
    """pandas calls text and bytes objects: which of them it is stands in the file's schema, as fastparquet reads it."""
    if name == "event_date":
        return "date"
    # Without pandas' own notes in the footer it leaves the zone out; the values are UTC.
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return "time"
    if str(column.dtype) in TYPES:
        return TYPES[str(column.dtype)]
    element = read.schema.schema_element([name])
    return "text" if element.converted_type == 0 else "bytes"


def padded(element, value: bytes | None) -> bytes | None:
    """Bytes of a fixed length lose the zeros at their end, because numpy takes them for padding."""
    return None if value is None else value.ljust(element.type_length or 0, b"\0")


def values(kind: str, column: pd.Series) -> list:
    present = column.notna()
    match kind:
        case "time":
            plain = column.dt.as_unit("us").astype("int64")
        case "date":
            plain = column.astype(str).str[:10]
        case _:
            plain = column
    convert = {"int32": int, "int64": int, "time": int, "double": float, "bool": bool}.get(kind, lambda value: value)
    # A null double is a NaN for pandas: no event has one.
    return [convert(value) if there else None for value, there in zip(plain, present, strict=True)]


start = FastParquet
