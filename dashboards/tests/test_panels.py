"""No panel is empty: every query of every dashboard has an answer while a pipeline runs in which everything happens.

The tests build on each other and run in the order of this file.
"""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline import Pipeline, running_pipeline, started_again
from prometheus import DASHBOARDS, PATIENCE_SECS, Prometheus, free_port, running_prometheus
from s3 import running_s3

# Metrics whose panels show a zero here, and why nothing of them happens in one process.
UNPROVEN = {
    "penstock_gaps_declared_total": "the log in memory has no holes",
    "penstock_trigger_events_dropped_total": "the trigger of `penstock run` tries for ever",
}
# What the traffic is far too much of: malformed, repeated and late events.
BY_THE_TRAFFIC = {"PenstockRejects", "PenstockDuplicates", "PenstockLate"}
# Metrics of Prometheus itself.
OF_PROMETHEUS = {"up"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dashboards")


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def pipeline(folder: Path, port: int) -> Iterator[Pipeline]:
    with running_s3() as s3, running_pipeline(folder, port, s3) as pipeline:
        yield pipeline


@pytest.fixture(scope="module")
def prometheus(folder: Path, port: int, pipeline: Pipeline) -> Iterator[Prometheus]:
    assert pipeline.process.poll() is None
    with running_prometheus(folder, {"penstock": port}) as prometheus:
        yield prometheus


def panels() -> list[tuple[str, dict[str, Any]]]:
    found = []
    for path in sorted((DASHBOARDS / "grafana").glob("*.json")):
        document = json.loads(path.read_text())
        found += [(f"{document['title']}: {panel['title']}", panel) for panel in document["panels"]]
    assert found
    return found


def queries(panel: dict[str, Any]) -> list[str]:
    """As Grafana sends them when everything is chosen."""
    known = {"$__rate_interval": "1m", "$environment": ".*", "$dataset": ".*", "$topic": ".*", "$partition": ".*"}
    expressions = [str(target["expr"]) for target in panel["targets"]]
    for name, value in known.items():
        expressions = [expression.replace(name, value) for expression in expressions]
    assert not any("$" in expression for expression in expressions), expressions
    return expressions


def metrics(expression: str) -> set[str]:
    return {re.sub("_(bucket|sum|count)$", "", name) for name in re.findall("penstock_[a-z_]+", expression)}


def empty(prometheus: Prometheus) -> list[str]:
    return [
        f"{name}: {expression}"
        for name, panel in panels()
        for expression in queries(panel)
        if all(value != value for _, value in prometheus.query(expression))  # NaN: nothing divided by nothing
    ]


def missing(prometheus: Prometheus) -> set[str]:
    """Metrics of panels of which there is no series."""
    there = {re.sub("_(bucket|sum|count)$", "", name) for name in prometheus.names()}
    wanted = {metric for _, panel in panels() for expression in queries(panel) for metric in metrics(expression)}
    return wanted - there - set(UNPROVEN)


def test_no_panel_is_empty(prometheus: Prometheus, pipeline: Pipeline) -> None:
    deadline = time.monotonic() + PATIENCE_SECS
    while found := empty(prometheus) + sorted(missing(prometheus)):
        assert pipeline.process.poll() is None, pipeline.log.read_text()
        assert time.monotonic() < deadline, "\n".join(found)
        time.sleep(1)


def test_what_is_unproven_really_does_not_happen(prometheus: Prometheus) -> None:
    happened = {name: sum(value for _, value in prometheus.query(name)) for name in UNPROVEN}
    assert not any(happened.values()), happened


def test_what_is_wrong_with_the_traffic_is_noticed(prometheus: Prometheus) -> None:
    """The alerts wait for ten minutes until they fire; here it is enough that they would."""
    deadline = time.monotonic() + PATIENCE_SECS
    while missed := BY_THE_TRAFFIC - prometheus.pending_or_firing():
        assert time.monotonic() < deadline, missed
        time.sleep(1)


def test_a_program_that_ended_fires_until_it_is_started_again(
    folder: Path, port: int, prometheus: Prometheus, pipeline: Pipeline
) -> None:
    """As its section of the runbook says: with the same command line."""
    pipeline.kill()
    until_firing(prometheus, "PenstockDown", fires=True)
    with started_again(folder, port, pipeline):
        until_firing(prometheus, "PenstockDown", fires=False)


def until_firing(prometheus: Prometheus, alert: str, *, fires: bool) -> None:
    deadline = time.monotonic() + PATIENCE_SECS
    while (alert in prometheus.firing()) != fires:
        assert time.monotonic() < deadline, f"{alert} should {'fire' if fires else 'be over'}: {prometheus.firing()}"
        time.sleep(1)
