"""pyarrow: Arrow's C++ reader, under pandas and many others."""

from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as dataset

from adapters.arrow import from_arrow
from adapters.reader import Reader, is_partitioned, utc
from table import Table


class PyArrow(Reader):
    name = "pyarrow"

    def version(self) -> str:
        return pa.__version__

    def read(self, folder: Path) -> Table:
        return from_arrow(scan(folder).to_table())

    def count_since(self, folder: Path, column: str, micros: int) -> int:
        return scan(folder).count_rows(filter=dataset.field(column) >= utc(micros))


def scan(folder: Path) -> dataset.Dataset:
    partitioning = dataset.partitioning(flavor="hive") if is_partitioned(folder) else None
    return dataset.dataset(folder, format="parquet", partitioning=partitioning)


start = PyArrow
