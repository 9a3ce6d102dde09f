"""Which columns the tables of a lake have, and of which types, as Spark names them."""

from collections.abc import Iterable, Mapping

from pyspark.sql.types import StructType

from penstock_spark.dataset import Dataset

COORDINATES = {
    "topic": "string",
    "partition": "int",
    "offset": "bigint",
    "shard": "string",
    "sequence_number": "string",
}
"""Where a record stood in its source: Kafka's first three, or Kinesis' topic (the stream) and the last two."""

_TYPES = {
    "uuid": "string",
    "string": "string",
    "int": "bigint",
    "double": "double",
    "bool": "boolean",
    "timestamp": "timestamp",
}

_REJECT = {"reject_reason": "string", "reject_detail": "string", "reject_bytes": "binary"}


def silver(dataset: Dataset) -> dict[str, str]:
    return _columns(dataset) | COORDINATES | {"event_date": "date"}


def windows(dataset: Dataset) -> dict[str, str]:
    times = {"window_start": "timestamp", "window_end": "timestamp"}
    counts = {"count": "bigint", "measure_count": "bigint"}
    measures = dict.fromkeys(["sum", "min", "max", "avg"], "double")
    events = {"first_event_time": "timestamp", "last_event_time": "timestamp", "kind": "string"}
    return times | dict.fromkeys(dataset.windows.keys, "string") | counts | measures | events | {"event_date": "date"}


def raw(dataset: Dataset, coordinates: Iterable[str]) -> dict[str, str]:
    """`coordinates` are those of the sources that the lake has."""
    # Ids are text in silver alone.
    columns = {column.name: "binary" for column in dataset.columns if column.kind == "uuid"}
    record = {"timestamp": "timestamp", "key": "binary", "ingested_at": "timestamp", "extra": "string"}
    return _columns(dataset) | columns | {name: COORDINATES[name] for name in coordinates} | record | _REJECT


def rejects() -> dict[str, str]:
    return COORDINATES | {"timestamp": "timestamp", "key": "binary", "ingested_at": "timestamp"} | _REJECT


def problems(expected: Mapping[str, str], schema: StructType) -> list[str]:
    """What is wrong with a schema, in words. Columns that a dataset once had do not matter."""
    seen = {field.name: field.dataType.simpleString() for field in schema}
    missing = [f"the column {name} is missing" for name in expected if name not in seen]
    wrong = [
        f"the column {name} is {seen[name]} and should be {kind}"
        for name, kind in expected.items()
        if name in seen and seen[name] != kind
    ]
    return missing + wrong


def _columns(dataset: Dataset) -> dict[str, str]:
    return {column.name: _TYPES[column.kind] for column in dataset.columns}
