"""What a job must know of a dataset, from the text of the dataset file that every cut carries.

The file was checked when the cut was declared, so that nothing is checked here.
"""

import tomllib
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    name: str
    kind: str
    """One of uuid, string, int, double, bool, timestamp."""


@dataclass(frozen=True)
class Windows:
    length_secs: int
    keys: tuple[str, ...]
    measure: str | None


@dataclass(frozen=True)
class Question:
    """The section [p95]."""

    group: str
    value: str
    min_events: int
    deviations: float


@dataclass(frozen=True)
class Dataset:
    name: str
    columns: tuple[Column, ...]
    id: str | None
    """Without it every row is an event of its own."""
    event_time: str
    windows: Windows
    question: Question | None


def parse(text: str) -> Dataset:
    file = tomllib.loads(text)
    roles, windows, question = file["roles"], file["windows"], file.get("p95")
    return Dataset(
        name=file["name"],
        columns=tuple(Column(column["name"], column["type"]) for column in file["columns"]),
        id=roles.get("id"),
        event_time=roles["event_time"],
        windows=Windows(windows.get("length_secs", 60), tuple(windows["keys"]), windows.get("measure")),
        question=question and _question(question),
    )


def _question(section: dict[str, str | int | float]) -> Question:
    return Question(
        group=str(section["group"]),
        value=str(section["value"]),
        min_events=int(section.get("min_events", 500)),
        deviations=float(section.get("deviations", 3.0)),
    )
