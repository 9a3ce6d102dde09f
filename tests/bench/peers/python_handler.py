"""A Python Lambda function for the same payloads: orjson for JSON, pyarrow for Parquet.

It keeps no promise of Penstock's: the first bad record fails the batch, and a batch that comes twice is written twice.
Settings: columns are collected as lists and become arrays at once; zstd, as the other peers; one thread.
"""

import base64

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from measure import Measured, folders

MICROS = pa.timestamp("us", "UTC")
COLUMNS = {
    "event_id": pa.string(),
    "device_id": pa.string(),
    "device_type": pa.string(),
    "event_duration": pa.float64(),
    "value": pa.float64(),
    "unit": pa.string(),
    "site": pa.string(),
    "firmware": pa.string(),
    "battery": pa.int64(),
    "status": pa.string(),
}


def handle(payload: bytes) -> bytes:
    """One invocation: the payload of an event source mapping in, a Parquet file out."""
    records = [record for batch in orjson.loads(payload)["records"].values() for record in batch]
    events = [orjson.loads(base64.b64decode(record["value"])) for record in records]
    columns = {
        "topic": pa.array([record["topic"] for record in records]),
        "partition": pa.array([record["partition"] for record in records], pa.int32()),
        "offset": pa.array([record["offset"] for record in records], pa.int64()),
        "timestamp": pa.array([record["timestamp"] * 1000 for record in records], MICROS),
        "key": pa.array([base64.b64decode(record["key"]) for record in records], pa.binary()),
        "event_time": times([event["event_time"] for event in events]),
    }
    for name, kind in COLUMNS.items():
        columns[name] = pa.array([event.get(name) for event in events], kind)
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink, compression="zstd")
    return sink.getvalue()


def times(values: list) -> pa.Array:
    """RFC 3339 with any offset, or epoch milliseconds."""
    texts = pa.array([value if isinstance(value, str) else None for value in values], pa.string()).cast(MICROS)
    millis = pa.array([None if isinstance(value, str) else value * 1000 for value in values], pa.int64()).cast(MICROS)
    return pc.coalesce(texts, millis)


def main():
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    data, out = folders()
    payloads = [path.read_bytes() for path in sorted((data / "payloads").iterdir())]
    handle(payloads[0])
    measured = Measured()
    with measured.step("ingest"):
        files = [handle(payload) for payload in payloads]
    for number, file in enumerate(files):
        (out / f"{number:06}.parquet").write_bytes(file)
    measured["ingest"]["bytes"] = sum(map(len, files))
    measured.print()


main()
