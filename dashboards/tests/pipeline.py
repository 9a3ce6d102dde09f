"""A pipeline in which everything happens: bad, repeated, late and redelivered events, and a store that fails."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from s3 import BUCKET, S3, Fault

BINARIES = Path(os.environ["BINARIES"])

# The shares are large, so that every kind of event comes soon.
TRAFFIC = "--forever --rate 500 --partitions 3 --seed 7 --malformed 0.1 --duplicates 0.2 --late 0.2 --redeliver 0.3"


@dataclass
class Pipeline:
    process: subprocess.Popen[bytes]
    log: Path
    s3: S3

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def running_pipeline(folder: Path, port: int, s3: S3) -> Iterator[Pipeline]:
    s3.faults += [
        # More often than a call of the function tries: its batch fails, and is delivered again.
        Fault("PUT", "/00002/", 503, "SlowDown", 12),
        Fault("PUT", "/00001/", 409, "ConditionalRequestConflict", 2),
    ]
    with run(folder / "pipeline.log", port, s3) as pipeline:
        yield pipeline


@contextmanager
def started_again(folder: Path, port: int, pipeline: Pipeline) -> Iterator[Pipeline]:
    with run(folder / "pipeline-again.log", port, pipeline.s3) as again:
        yield again


@contextmanager
def run(log: Path, port: int, s3: S3) -> Iterator[Pipeline]:
    command = [f"{BINARIES}/penstock", "run", "--lake", f"s3://{BUCKET}/some", "--metrics", f"127.0.0.1:{port}"]
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{s3.port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
    }
    with (
        log.open("w") as output,
        subprocess.Popen([*command, *TRAFFIC.split()], env=environment, stdout=output, stderr=output) as process,
    ):
        try:
            yield Pipeline(process, log, s3)
        finally:
            process.kill()
