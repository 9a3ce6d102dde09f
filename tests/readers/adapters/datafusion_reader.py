"""DataFusion, through its Python wheel: newer than the one in penstock-sql."""

from pathlib import Path

import datafusion
import pyarrow as pa

from adapters.arrow import from_arrow
from adapters.reader import Reader, is_partitioned, utc
from p95 import SQL, Answer
from table import Table


class DataFusion(Reader):
    name = "DataFusion"

    def version(self) -> str:
        return datafusion.__version__

    def read(self, folder: Path) -> Table:
        return from_arrow(ask(folder, "SELECT * FROM silver"))

    def count_since(self, folder: Path, column: str, micros: int) -> int:
        condition = f"{column} >= TIMESTAMP '{utc(micros).isoformat()}'"
        return ask(folder, f"SELECT count(*) AS rows FROM silver WHERE {condition}")["rows"][0].as_py()

    def p95(self, silver: Path) -> list[Answer]:
        return [Answer(str(date), *row) for date, *row in rows(ask(silver, SQL))]


def ask(folder: Path, query: str) -> pa.Table:
    """The table of the folder is called silver, as emr/p95.sql wants it."""
    config = datafusion.SessionConfig().set("datafusion.execution.listing_table_ignore_subdirectory", "false")
    context = datafusion.SessionContext(config)
    partitions = [("event_date", pa.date32())] if is_partitioned(folder) else []
    context.register_parquet("silver", f"{folder}/", table_partition_cols=partitions, file_extension=".parquet")
    return context.sql(query).to_arrow_table()


def rows(table: pa.Table) -> list[tuple]:
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


start = DataFusion
