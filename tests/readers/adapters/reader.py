"""What the test asks of every reader."""

from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta
from pathlib import Path

from p95 import Answer, answer
from table import Table


class Reader(ABC):
    name: str

    # It has one type for text and bytes.
    text_is_bytes = False

    @abstractmethod
    def version(self) -> str: ...

    @abstractmethod
    def read(self, folder: Path) -> Table:
        """Every `*.parquet` below the folder, as somebody reads them who knows nothing of Penstock.

        Where the paths say an `event_date`, that is a column too.
        """

    @abstractmethod
    def count_since(self, folder: Path, column: str, micros: int) -> int:
        """The rows whose time in the column is at least this, with the reader's own filter.

        Readers leave out what the statistics of a file exclude: wrong statistics lose rows here.
        """

    def p95(self, silver: Path) -> list[Answer]:
        """The answer to the question, by the reader's own means where it has them."""
        return answer(self.read(silver))

    def close(self) -> None:
        """Ends what the reader started."""


def is_partitioned(folder: Path) -> bool:
    return any(folder.glob("event_date=*"))


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.parquet"))


def utc(micros: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
