"""Sends events to both sources, and keeps what was sent."""

import json
from dataclasses import dataclass
from pathlib import Path

from cloud import BINARIES, Cloud


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
    # In order each key waits for its answer: of a device that is often seen that takes minutes here.
    return produce(cloud, reports, events, seed, "--stream", "events", "--unordered")


def produce(cloud: Cloud, reports: Path, events: int, seed: int, *sink: str) -> Sent:
    path = reports / f"{seed}.json"
    what = ["--events", str(events), "--seed", str(seed), "--duplicates", "0.01", "--malformed", "0.001"]
    cloud.run(BINARIES / "penstock-producer", *what, *sink, "--report", path)
    report = json.loads(path.read_text())
    return Sent(path, report["sent"], report["duplicates"], report["malformed"])
