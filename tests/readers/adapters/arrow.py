"""An Arrow table as a table of plain values: several readers hand Arrow over."""

import pyarrow as pa
import pyarrow.types as is_type

from table import Table


def from_arrow(arrow: pa.Table) -> Table:
    table = Table()
    for field, column in zip(arrow.schema, arrow.columns, strict=True):
        kind = logical(field)
        table.add(field.name, kind, values(kind, column))
    return table


def logical(field: pa.Field) -> str:
    kind = field.type
    if is_type.is_dictionary(kind):
        kind = kind.value_type
    # A day from the path is text or a date, as the reader likes.
    if field.name == "event_date" and (is_text(kind) or is_type.is_date32(kind)):
        return "date"
    if is_text(kind):
        return "text"
    if is_type.is_binary(kind) or is_type.is_large_binary(kind) or is_type.is_binary_view(kind):
        return "bytes"
    if is_type.is_fixed_size_binary(kind):
        return "bytes"
    if is_type.is_timestamp(kind) and kind.unit == "us" and kind.tz is not None:
        return "time"
    return {pa.int32(): "int32", pa.int64(): "int64", pa.float64(): "double", pa.bool_(): "bool"}.get(kind, str(kind))


def is_text(kind: pa.DataType) -> bool:
    return is_type.is_string(kind) or is_type.is_large_string(kind) or is_type.is_string_view(kind)


def values(kind: str, column: pa.ChunkedArray) -> list:
    match kind:
        # Python's own times do not reach as far as 64 bits.
        case "time":
            return column.cast(pa.int64()).to_pylist()
        case "date":
            return [None if value is None else str(value) for value in column.to_pylist()]
        case _:
            return column.to_pylist()
