"""DuckDB."""

from pathlib import Path

import duckdb

from adapters.arrow import from_arrow
from adapters.reader import Reader, utc
from p95 import SQL, Answer
from table import Table


class DuckDb(Reader):
    name = "DuckDB"

    def __init__(self):
        self._connection = duckdb.connect()
        self._connection.sql("SET TimeZone = 'UTC'")

    def version(self) -> str:
        return duckdb.__version__

    def read(self, folder: Path) -> Table:
        return from_arrow(self._connection.sql(f"FROM {scan(folder)}").to_arrow_table())

    def count_since(self, folder: Path, column: str, micros: int) -> int:
        query = f"SELECT count(*) FROM {scan(folder)} WHERE {column} >= TIMESTAMPTZ '{utc(micros).isoformat()}'"
        return self._connection.sql(query).fetchall()[0][0]

    def p95(self, silver: Path) -> list[Answer]:
        self._connection.sql(f"CREATE OR REPLACE VIEW silver AS FROM {scan(silver)}")
        return [Answer(str(row[0]), *row[1:]) for row in self._connection.sql(SQL).fetchall()]

    def close(self) -> None:
        self._connection.close()


def scan(folder: Path) -> str:
    return f"read_parquet('{folder}/**/*.parquet')"


start = DuckDb
