"""How EMR and EMR Serverless run `spark-submit`: where, with which environment, and what becomes of the logs."""

import gzip
import logging
import os
from pathlib import Path

from local_cloud import emulator
from local_cloud.jobs import LOGS, Job

LOG = logging.getLogger(__name__)


def command(arguments: list[str]) -> list[str]:
    """LOCAL_CLOUD_SPARK_SUBMIT may name a wrapper that adds jars and settings."""
    return [os.environ.get("LOCAL_CLOUD_SPARK_SUBMIT") or "spark-submit", *arguments]


def variables(region: str, **ids: str) -> dict[str, str]:
    """So that the job's clients reach the emulator."""
    return {
        "AWS_ENDPOINT_URL": os.environ.get("LOCAL_CLOUD_JOB_ENDPOINT") or emulator.endpoint(),
        "AWS_ACCESS_KEY_ID": os.environ.get("LOCAL_CLOUD_JOB_ACCESS_KEY_ID", "test"),
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        # The emulator's own packages are not the job's.
        "PYTHONPATH": "",
        **ids,
    }


def logs() -> Path:
    """The folder for the output of all jobs."""
    folder = os.environ.get("LOCAL_CLOUD_JOB_LOGS")
    return Path(folder) if folder else Path(emulator.module("config").dirs.tmp) / "jobs"


def ship_logs(job: Job, uri: str | None, account: str, region: str) -> None:
    """Puts the job's logs, compressed, below an `s3://` address, as EMR does when a step has ended."""
    if not uri:
        return
    bucket, _, prefix = uri.split("://", 1)[1].partition("/")
    s3 = emulator.client("s3", account, region)
    for name in LOGS:
        key = f"{prefix.rstrip('/')}/{name}.gz".lstrip("/")
        try:
            s3.put_object(Bucket=bucket, Key=key, Body=gzip.compress(job.log(name).read_bytes()))
        except Exception as error:  # whatever boto3 raises: the job's own end counts
            LOG.warning("the log %s is not stored at %s: %s", name, uri, error)
            return
