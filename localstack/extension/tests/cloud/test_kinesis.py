"""A stream from end to end: the producer, the emulator's own Kinesis mapping, the real functions, and the audit."""

import io
import json
import os
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cloud.conftest import Cloud, until

# Where `penstock`, `penstock-producer`, `ingest` and `refine` are.
BINARIES = Path(os.environ["BINARIES"])
# After a reshard the emulator reads closed shards again and again, each time from the start, and gets no further than
# one batch: so a batch must hold a whole shard.
BATCH_SIZE = 10_000
EVENTS = 3_000
# Each key waits for its answer, and the emulator is slow to give one.
EVENTS_IN_ORDER = 500


class Pipeline:
    """A stream, a mapping, ingest and refine, and a bucket for the lake, of one test."""

    def __init__(self, cloud: Cloud, name: str, home: Path, partial: bool) -> None:
        self._cloud, self.stream, self._home, self._partial = cloud, name, home, partial
        self.kinesis, self._lambda = cloud.client("kinesis"), cloud.client("lambda")
        self._bucket = name.replace("_", "-")
        self._mapping: str | None = None

    def start(self) -> None:
        self.kinesis.create_stream(StreamName=self.stream, ShardCount=2)
        until(self._is_active)
        self._deploy("ingest")
        self._deploy("refine")
        arn = self.kinesis.describe_stream_summary(StreamName=self.stream)["StreamDescriptionSummary"]["StreamARN"]
        mapping = self._lambda.create_event_source_mapping(
            FunctionName=self._function("ingest"),
            EventSourceArn=arn,
            StartingPosition="TRIM_HORIZON",
            BatchSize=BATCH_SIZE,
            FunctionResponseTypes=["ReportBatchItemFailures"] if self._partial else [],
        )
        self._mapping = mapping["UUID"]

    def stop(self) -> None:
        if self._mapping:
            self._lambda.delete_event_source_mapping(UUID=self._mapping)
        for function in ("ingest", "refine"):
            self._lambda.delete_function(FunctionName=self._function(function))
        self.kinesis.delete_stream(StreamName=self.stream)

    def make_bucket(self) -> None:
        self._cloud.client("s3").create_bucket(Bucket=self._bucket)

    def send(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """The producer, as it runs."""
        report = ["--report", str(self._report)]
        command = [binary("penstock-producer"), "--sink", "kinesis", "--stream", self.stream, *report, *arguments]
        return subprocess.Popen(command, env=self._environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE)

    def sent(self) -> Any:
        return json.loads(self._report.read_text())

    def split(self) -> None:
        """Splits the first open shard in its middle, and waits until the stream takes the next change."""
        shards = self.kinesis.list_shards(StreamName=self.stream)["Shards"]
        shard = next(shard for shard in shards if "EndingSequenceNumber" not in shard["SequenceNumberRange"])
        low, high = (int(shard["HashKeyRange"][name]) for name in ("StartingHashKey", "EndingHashKey"))
        middle = str((low + high) // 2)
        self.kinesis.split_shard(StreamName=self.stream, ShardToSplit=shard["ShardId"], NewStartingHashKey=middle)
        until(self._is_active)

    def audit(self) -> Any:
        """What the audit says of the lake and the report, once it has nothing to find."""
        return until(lambda: self._audit("--sent", str(self._report)))

    def wait_until_landed(self, records: int) -> None:
        until(lambda: (audit := self._audit()) and audit["landed"] == records)

    def refine(self) -> None:
        answer = self._lambda.invoke(FunctionName=self._function("refine"), Payload=b"{}")
        assert "FunctionError" not in answer, answer["Payload"].read()

    def log(self, function: str) -> str:
        logs = self._cloud.client("logs")
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{self._function(function)}")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return ""
        return "\n".join(event["message"] for event in events)

    def _audit(self, *arguments: str) -> Any:
        command = [binary("penstock"), "audit", "--lake", self._lake, "--json", *arguments]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def _deploy(self, function: str) -> None:
        settings = {
            "PENSTOCK_LAKE": self._lake,
            "PENSTOCK_DATASET": "iot",
            "PENSTOCK_SOURCE": "kinesis",
            "PENSTOCK_FAILURES": "partial" if self._partial else "batch",
        }
        self._lambda.create_function(
            FunctionName=self._function(function),
            Runtime="provided.al2023",
            Handler="bootstrap",
            Role="arn:aws:iam::000000000000:role/r",
            Code={"ZipFile": archive(function, self._home)},
            Environment={"Variables": settings},
            MemorySize=512,
            Timeout=60,
        )
        waiter = self._lambda.get_waiter("function_active_v2")
        waiter.wait(FunctionName=self._function(function), WaiterConfig={"Delay": 1})

    def _is_active(self) -> bool:
        stream = self.kinesis.describe_stream_summary(StreamName=self.stream)["StreamDescriptionSummary"]
        return bool(stream["StreamStatus"] == "ACTIVE")

    def _function(self, name: str) -> str:
        return f"{self.stream}-{name}"

    @property
    def _lake(self) -> str:
        return f"s3://{self._bucket}/lake"

    @property
    def _report(self) -> Path:
        return self._home / "sent.json"

    @property
    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "AWS_ENDPOINT_URL": self._cloud.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }


def binary(name: str) -> str:
    return str(BINARIES / name)


def archive(function: str, home: Path) -> bytes:
    """The zip of a function, without the symbols that make a binary ten times as large."""
    stripped = home / function
    subprocess.run(["strip", "-o", stripped, binary(function)], check=True)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr, entry.compress_type = 0o755 << 16, zipfile.ZIP_DEFLATED
        zipped.writestr(entry, stripped.read_bytes())
    return buffer.getvalue()


@pytest.fixture
def pipeline(cloud: Cloud, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pipeline]:
    pipeline = Pipeline(cloud, request.param["name"], tmp_path, request.param["partial"])
    pipeline.start()
    yield pipeline
    pipeline.stop()


def stream(name: str, partial: bool = False) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("pipeline", [{"name": name, "partial": partial}], indirect=True, ids=[name])


def events(count: int) -> list[bytes]:
    made_up = [binary("penstock-producer"), "--events", str(count), "--malformed", "0"]
    return subprocess.run(made_up, check=True, capture_output=True).stdout.splitlines(keepends=True)


def finish(producer: "subprocess.Popen[bytes]", rest: bytes = b"") -> None:
    _, said = producer.communicate(rest)
    assert producer.returncode == 0, said.decode()


def check_shards(sent: Any, audit: Any) -> None:
    """The lake has the shards of the report, and of each at least what was acknowledged, up to its last record."""
    chains = {chain["partition"]["shard"]: chain for chain in audit["chains"]}
    assert set(chains) == {shard["shard"] for shard in sent["shards"]}
    for shard in sent["shards"]:
        chain = chains[shard["shard"]]
        assert chain["landed"] == shard["acknowledged"]
        assert int(chain["tail"]) == int(shard["last_sequence_number"]) + 1


def test_records_of_the_emulator_remember_their_hashes(cloud: Cloud) -> None:
    """Its version is one that `local_cloud.kinesis` knows; another one would only be slow."""
    cloud.client("kinesis").list_streams()
    [program] = cloud.home.rglob("kinesis.js")
    assert "this.rememberedHash" in program.read_text()


@stream("whole")
def test_what_the_producer_sent_is_what_landed(pipeline: Pipeline) -> None:
    pipeline.make_bucket()
    finish(pipeline.send("--events", str(EVENTS_IN_ORDER)))
    sent, audit = pipeline.sent(), pipeline.audit()
    assert sent["acknowledged"] == audit["landed"] == EVENTS_IN_ORDER
    assert sent["may_be_doubled"] == 0
    check_shards(sent, audit)
    pipeline.refine()
    poured = pipeline.audit()
    assert poured["silver"] + poured["duplicates"] + poured["rejected"] == EVENTS_IN_ORDER
    assert poured["rejected"] == sent["malformed"]


@stream("partial", partial=True)
def test_a_batch_that_failed_in_part_comes_again_from_its_sequence_number(pipeline: Pipeline) -> None:
    finish(pipeline.send("--events", str(EVENTS), "--unordered"))
    # Without a bucket ingest can land nothing, and says so of the first record of each batch.
    until(lambda: "NoSuchBucket" in pipeline.log("ingest"))
    pipeline.make_bucket()
    sent, audit = pipeline.sent(), pipeline.audit()
    assert audit["landed"] == sent["acknowledged"] == EVENTS
    check_shards(sent, audit)


@stream("resharded")
def test_a_reshard_in_the_middle_loses_and_doubles_nothing(pipeline: Pipeline) -> None:
    pipeline.make_bucket()
    lines, half = events(EVENTS), EVENTS // 2
    producer = pipeline.send("--input", "-", "--unordered")
    assert producer.stdin
    producer.stdin.write(b"".join(lines[:half]))
    producer.stdin.flush()
    pipeline.wait_until_landed(half)
    pipeline.split()
    pipeline.split()
    finish(producer, b"".join(lines[half:]))
    sent, audit = pipeline.sent(), pipeline.audit()
    # Two that are closed, and the four that took their place.
    assert len(sent["shards"]) == 6
    assert audit["landed"] == sent["acknowledged"] == EVENTS
    check_shards(sent, audit)
