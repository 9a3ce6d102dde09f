"""Makes the lake that all readers read: three rounds of records through the functions' binaries."""

import json
import subprocess
from pathlib import Path

from events import Plan
from functions import Function, running

DATASET = Path(__file__).with_name("everything.toml")

# A second of silence ends the last windows; a machine under load may need longer.
REFINES_AT_MOST = 10_000


class Lake:
    """A directory, and what `penstock` says of it."""

    def __init__(self, root: Path, binaries: Path):
        self.root = root
        self._penstock = binaries / "penstock"

    def folder(self, table: str) -> Path:
        match table:
            case "raw of Kafka":
                return self.root / "raw/everything/kafka"
            case "raw of Kinesis":
                return self.root / "raw/everything/kinesis"
            case _:
                return self.root / table / "everything"

    def ask(self, *command: str) -> dict:
        """One JSON document from `penstock`."""
        line = [self._penstock, *command, "--json", "--lake", self.root, "--dataset", DATASET]
        return json.loads(subprocess.run(line, check=True, stdout=subprocess.PIPE).stdout)


def make(root: Path, binaries: Path, plan: Plan) -> Lake:
    lake = Lake(root, binaries)
    settings = {"PENSTOCK_LAKE": f"file://{root}", "PENSTOCK_DATASET": str(DATASET)}
    with (
        running(binaries / "ingest", settings | {"PENSTOCK_SOURCE": "kafka"}) as ingest_kafka,
        running(binaries / "ingest", settings | {"PENSTOCK_SOURCE": "kinesis"}) as ingest_kinesis,
        running(binaries / "refine", settings) as refine,
    ):
        for records in plan.rounds:
            kafka, kinesis = plan.payloads(records)
            for payload in kafka:
                ingest_kafka.call(payload)
            for payload in kinesis:
                ingest_kinesis.call(payload)
            refine.call({})
        close_all_windows(lake, refine)
    return lake


def close_all_windows(lake: Lake, refine: Function) -> None:
    for _ in range(REFINES_AT_MOST):
        if lake.ask("audit")["open_windows"] == 0:
            return
        refine.call({})
    raise RuntimeError("there are still open windows")
