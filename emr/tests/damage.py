"""Ways to damage a lake: by rewriting its Parquet files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.compute
import pyarrow.parquet

Change = Callable[[Any], Any]
"""From a table to a table, both of pyarrow, which has no types."""


def rewrite(path: Path, change: Change) -> None:
    pyarrow.parquet.write_table(change(read(path)), path)


def read(path: Path) -> Any:
    return pyarrow.parquet.read_table(path, partitioning=None)


def as_text(column: str) -> Change:
    return lambda table: _set(table, column, pyarrow.compute.cast(table[column], pyarrow.string()))


def as_int(column: str) -> Change:
    def change(table: Any) -> Any:
        return _set(table, column, pyarrow.compute.cast(pyarrow.compute.round(table[column]), pyarrow.int32()))

    return change


def without(column: str) -> Change:
    return lambda table: table.drop_columns([column])


def with_first(column: str, value: Any) -> Change:
    """The first row gets another value."""

    def change(table: Any) -> Any:
        values = table[column].to_pylist()
        values[0] = value
        return _set(table, column, pyarrow.array(values, table.schema.field(column).type))

    return change


def first_twice(table: Any) -> Any:
    return pyarrow.concat_tables([table, table.slice(0, 1)])


def _set(table: Any, column: str, values: Any) -> Any:
    return table.set_column(table.column_names.index(column), column, values)
