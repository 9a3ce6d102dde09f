"""ClickHouse, as chDB runs it in this process."""

from pathlib import Path

import chdb
import pyarrow as pa
from chdb.session import Session

from adapters.reader import Reader
from p95 import Answer
from table import Table

# It knows one type for text and bytes: String.
TYPES = {
    "String": "text",
    "FixedString(16)": "bytes",
    "Int32": "int32",
    "Int64": "int64",
    "Float64": "double",
    "Bool": "bool",
    "DateTime64(6, 'UTC')": "time",
    "Date": "date",
    "Date32": "date",
}

P95 = """
WITH
    events AS (
        SELECT event_date, device_type, event_duration
        FROM {silver}
        ORDER BY topic, partition NULLS LAST, offset NULLS LAST
        LIMIT 1 BY event_date, event_id
    ),
    days AS (
        SELECT event_date, device_type, avg(event_duration) AS mean, stddevSampStable(event_duration) AS stddev,
            mean - 3 * stddev - 1e-9 * (abs(mean) + 3 * stddev) AS lower,
            mean + 3 * stddev + 1e-9 * (abs(mean) + 3 * stddev) AS upper,
            count() AS distinct_events
        FROM events GROUP BY event_date, device_type HAVING distinct_events >= 500
    )
SELECT event_date, device_type, quantileExactInclusive(0.95)(event_duration),
    any(mean), any(stddev), any(lower), any(upper), any(distinct_events),
    any(distinct_events) - count(), count()
FROM events INNER JOIN days USING (event_date, device_type)
WHERE event_duration BETWEEN lower AND upper
GROUP BY event_date, device_type ORDER BY event_date, device_type
"""


class Chdb(Reader):
    name = "chDB"
    text_is_bytes = True

    def __init__(self):
        self._session = Session()

    def version(self) -> str:
        return chdb.__version__

    def read(self, folder: Path) -> Table:
        table = Table()
        described = self._ask(f"DESCRIBE {scan(folder)}")
        names, kinds = ([text.decode() for text in column.to_pylist()] for column in described.columns[:2])
        as_plain = {"time": "toUnixTimestamp64Micro({0})", "date": "toString({0})"}
        logical = {name: plain_type(kind) for name, kind in zip(names, kinds, strict=True)}
        wanted = ", ".join(as_plain.get(kind, "{0}").format(f'"{name}"') for name, kind in logical.items())
        read = self._ask(f"SELECT {wanted} FROM {scan(folder)}")
        for (name, kind), column in zip(logical.items(), read.columns, strict=True):
            table.add(name, kind, [plain(kind, value) for value in column.to_pylist()])
        return table

    def count_since(self, folder: Path, column: str, micros: int) -> int:
        least = f"fromUnixTimestamp64Micro({micros}, 'UTC')"
        return self._ask(f"SELECT count() FROM {scan(folder)} WHERE {column} >= {least}")[0][0].as_py()

    def p95(self, silver: Path) -> list[Answer]:
        read = self._ask(P95.format(silver=scan(silver)))
        rows = zip(*(column.to_pylist() for column in read.columns), strict=True)
        return [Answer(str(date), text.decode(), *numbers) for date, text, *numbers in rows]

    def close(self) -> None:
        self._session.close()

    def _ask(self, query: str) -> pa.Table:
        settings = "output_format_arrow_string_as_string = 0, output_format_arrow_fixed_string_as_fixed_byte_array = 1"
        answer = self._session.query(f"{query} SETTINGS {settings}", "Arrow")
        return pa.ipc.open_file(answer.bytes()).read_all()


def scan(folder: Path) -> str:
    return f"file('{folder}/**/*.parquet', Parquet)"


def plain_type(kind: str) -> str:
    for wrapper in ["LowCardinality(", "Nullable("]:
        kind = kind.removeprefix(wrapper).removesuffix(")") if kind.startswith(wrapper) else kind
    return TYPES.get(kind, kind)


def plain(kind: str, value):
    if isinstance(value, bytes) and kind == "date":
        return value.decode()
    return value


start = Chdb
