"""What a reader saw: columns of plain values, and their types in eight words.

text and bytes, int32 and int64, double, bool, time (microseconds since 1970 in UTC) and date (`YYYY-MM-DD`).
"""

import hashlib
import struct
from dataclasses import dataclass, field


@dataclass
class Table:
    types: dict[str, str] = field(default_factory=dict)
    columns: dict[str, list] = field(default_factory=dict)

    def add(self, name: str, kind: str, values: list) -> None:
        self.types[name] = kind
        self.columns[name] = values

    @property
    def rows(self) -> int:
        return len(next(iter(self.columns.values()), []))

    def sorted_by(self, keys: list[str]) -> "Table":
        """Readers give rows in any order; null comes first."""
        keys = [key for key in keys if key in self.columns]
        rank = lambda row: tuple((self.columns[key][row] is not None, self.columns[key][row]) for key in keys)
        # A table without rows still has its columns.
        order = sorted(range(self.rows), key=rank)
        return Table(self.types, {name: [values[row] for row in order] for name, values in self.columns.items()})


def summary(kind: str, values: list) -> dict:
    """Count, nulls, sum, least, greatest, distinct, and a hash of all values in their order."""
    present = [value for value in values if value is not None]
    is_number = kind in ("int32", "int64", "double")
    return {
        "count": len(present),
        "nulls": len(values) - len(present),
        "sum": total(present) if is_number else None,
        "min": min(present, default=None),
        "max": max(present, default=None),
        "distinct": len(set(map(canonical, present))),
        "hash": hashlib.sha256(b"".join(map(canonical, values))).hexdigest()[:16],
    }


def total(numbers: list) -> int | float:
    # A plain sum in the order of the rows: the same additions for every reader, and no overflow to stumble over.
    return sum(numbers)


def canonical(value) -> bytes:
    """Equal bytes for equal values of one type: doubles by their bits, so that -0.0 is not 0.0."""
    match value:
        case None:
            return b"\0"
        case bool():
            return b"b1" if value else b"b0"
        case float():
            return b"d" + struct.pack(">d", value)
        case int():
            return b"i" + str(value).encode() + b";"
        case str():
            text = value.encode()
            return b"s" + len(text).to_bytes(8) + text
        case bytes():
            return b"x" + len(value).to_bytes(8) + value
    raise TypeError(f"{value!r} is no value of a table")
