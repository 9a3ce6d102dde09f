"""For those who run Telegraf: StatsD through a real one into a real Prometheus, with an alert on the count."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline import BINARIES
from prometheus import DASHBOARDS, PATIENCE_SECS, Prometheus, free_port, running_prometheus

# What one run sends, and a count that two of them pass.
EVENTS = 10_000
TOO_MANY = 15_000

# The second is evaluated in the same moment as the first: when it fires, the first has been asked about the same count.
RULES = [
    {"alert": "TooManyEvents", "expr": f"sum by (dataset) (penstock_events_received_total) > {TOO_MANY}"},
    {"alert": "EventsCome", "expr": f"sum by (dataset) (penstock_events_received_total) >= {EVENTS}"},
]


@contextmanager
def running_telegraf(folder: Path) -> Iterator[tuple[str, int]]:
    """Where it listens to StatsD, and the port that Prometheus scrapes."""
    found = subprocess.run([DASHBOARDS / "telegraf.sh"], check=True, stdout=subprocess.PIPE, text=True)
    statsd, scraped = f"127.0.0.1:{free_udp_port()}", free_port()
    environment = {**os.environ, "STATSD_ADDRESS": statsd, "PROMETHEUS_ADDRESS": f"127.0.0.1:{scraped}"}
    # As committed, but for what would let the test wait.
    configuration = (DASHBOARDS / "telegraf.conf").read_text().replace('interval = "10s"', 'interval = "1s"')
    (folder / "telegraf.conf").write_text(configuration)
    with (
        (folder / "telegraf.log").open("w") as log,
        subprocess.Popen(
            [found.stdout.strip(), "--config", folder / "telegraf.conf"], env=environment, stdout=log, stderr=log
        ) as process,
    ):
        try:
            yield statsd, scraped
        finally:
            process.terminate()


def free_udp_port() -> int:
    with socket.socket(type=socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@pytest.fixture
def statsd_and_prometheus(tmp_path: Path) -> Iterator[tuple[str, Prometheus]]:
    rules = tmp_path / "rules.yaml"
    # JSON is YAML, too.
    rules.write_text(json.dumps({"groups": [{"name": "events", "rules": RULES}]}))
    with (
        running_telegraf(tmp_path) as (statsd, port),
        running_prometheus(tmp_path, {"telegraf": port}, rules) as prometheus,
    ):
        until_value(prometheus, "up", 1)
        yield statsd, prometheus


def test_the_count_of_events_arrives_and_an_alert_on_it_fires(
    statsd_and_prometheus: tuple[str, Prometheus], tmp_path: Path
) -> None:
    statsd, prometheus = statsd_and_prometheus
    assert prometheus.firing() == set()
    run(tmp_path / "lake-1", statsd)
    until_value(prometheus, "sum(penstock_events_received_total)", EVENTS)
    until_firing(prometheus, {"EventsCome"})
    run(tmp_path / "lake-2", statsd)
    until_value(prometheus, "sum(penstock_events_received_total)", 2 * EVENTS)
    until_firing(prometheus, {"EventsCome", "TooManyEvents"})
    check_each_kind(prometheus)


def run(lake: Path, statsd: str) -> None:
    events = ["--events", str(EVENTS), "--redeliver", "0"]
    command = [f"{BINARIES}/penstock", "run", "--lake", f"{lake}", "--statsd", statsd, *events]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def check_each_kind(prometheus: Prometheus) -> None:
    """Counters, gauges, ages and what Telegraf makes of the values of histograms, with their labels."""
    for series in (
        'penstock_events_poured_total{dataset="iot"}',
        'penstock_dedupe_ids{dataset="iot"}',
        'penstock_record_freshness_seconds{dataset="iot",topic="events",partition="0"}',
        'penstock_invocation_duration_seconds_count{dataset="iot",function="ingest"}',
        'penstock_invocation_duration_seconds_95_percentile{dataset="iot",function="refine"}',
    ):
        assert prometheus.query(f"{series} > 0"), f"{series}: {sorted(prometheus.names())}"


def until_value(prometheus: Prometheus, expression: str, expected: float) -> None:
    deadline = time.monotonic() + PATIENCE_SECS
    while (found := [value for _, value in prometheus.query(expression)]) != [expected]:
        assert time.monotonic() < deadline, f"{expression} is {found}, and should be {expected}"
        time.sleep(0.5)


def until_firing(prometheus: Prometheus, expected: set[str]) -> None:
    """None but these: one that is not expected would not go away, for the count only grows."""
    deadline = time.monotonic() + PATIENCE_SECS
    while (firing := prometheus.firing()) != expected:
        assert firing <= expected, f"{firing} fire, and only {expected} should"
        assert time.monotonic() < deadline, f"{firing} fire, and {expected} should"
        time.sleep(0.5)
