"""Sends events to both sources, and keeps what was sent."""

import json
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from cloud import BINARIES, Cloud

# The most that one PutRecords takes.
RECORDS_AT_ONCE = 500


@dataclass(frozen=True)
class Sent:
    """What a producer's report says."""

    path: Path
    sent: int
    duplicates: int
    malformed: int

    @property
    def distinct(self) -> int:
        return self.sent - self.duplicates - self.malformed

    @property
    def as_argument(self) -> list[str]:
        """For the audit, if the report is of a topic."""
        return ["--sent", str(self.path)] if json.loads(self.path.read_text())["topic"] else []


def send_to_kafka(cloud: Cloud, reports: Path, events: int, seed: int) -> Sent:
    return produce(cloud, reports, events, seed, "--brokers", cloud.brokers, "--topic", "events")


def send_to_kinesis(cloud: Cloud, reports: Path, events: int, seed: int) -> Sent:
    file = reports / f"{seed}.ndjson"
    sent = produce(cloud, reports, events, seed, "--file", str(file))
    with file.open("rb") as lines:
        while batch := list(islice(lines, RECORDS_AT_ONCE)):
            put(cloud.client("kinesis"), [{"Data": line.rstrip(b"\n"), "PartitionKey": key(line)} for line in batch])
    return sent


def produce(cloud: Cloud, reports: Path, events: int, seed: int, *sink: str) -> Sent:
    path = reports / f"{seed}.json"
    what = ["--events", str(events), "--seed", str(seed), "--duplicates", "0.01", "--malformed", "0.001"]
    cloud.run(BINARIES / "penstock-producer", *what, *sink, "--report", path)
    report = json.loads(path.read_text())
    return Sent(path, report["sent"], report["duplicates"], report["malformed"])


def key(line: bytes) -> str:
    """Events of a device go to one shard, as far as it can be read."""
    try:
        return str(json.loads(line)["device_id"])[:256] or "none"
    except (ValueError, KeyError, TypeError):
        return "none"


def put(kinesis: Any, records: list[dict[str, Any]]) -> None:  # noqa: ANN401 - boto3's clients have no types
    answer = kinesis.put_records(StreamName="events", Records=records)
    assert answer["FailedRecordCount"] == 0, answer
