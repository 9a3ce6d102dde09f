"""A real Prometheus on a free port of this machine, for as long as a test runs."""

import json
import os
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOOLS = Path(os.environ["TOOLS"])
DASHBOARDS = Path(__file__).parents[1]
RULES = DASHBOARDS / "prometheus" / "alerts.yaml"

# How long something that happens on its own may take to show. The machine may be busy with other things.
PATIENCE_SECS = 600
# Short, so that a rate has its points soon.
SCRAPE_SECS = 1

Series = dict[str, str]


@dataclass
class Prometheus:
    port: int

    def get(self, path: str, **arguments: str) -> Any:  # noqa: ANN401 - what is asked for decides
        address = f"http://127.0.0.1:{self.port}{path}?{urllib.parse.urlencode(arguments)}"
        with urllib.request.urlopen(address, timeout=60) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[tuple[Series, float]]:
        """The newest value of each series that the query finds."""
        found = self.get("/api/v1/query", query=expression)
        return [(series["metric"], float(series["value"][1])) for series in found["result"]]

    def names(self) -> set[str]:
        return set(self.get("/api/v1/label/__name__/values"))

    def firing(self) -> set[str]:
        return {alert["labels"]["alertname"] for alert in self.alerts() if alert["state"] == "firing"}

    def pending_or_firing(self) -> set[str]:
        """Those that hold now, some of them not for as long as they must before anybody is told."""
        return {alert["labels"]["alertname"] for alert in self.alerts()}

    def alerts(self) -> list[Any]:
        found: list[Any] = self.get("/api/v1/alerts")["alerts"]
        return found


@contextmanager
def running_prometheus(folder: Path, targets: dict[str, int], rules: Path = RULES) -> Iterator[Prometheus]:
    """Scrapes each job on its port of 127.0.0.1, and watches the rules: those that are committed, or others."""
    port = free_port()
    configuration = {
        "global": {"scrape_interval": f"{SCRAPE_SECS}s", "evaluation_interval": f"{SCRAPE_SECS}s"},
        "rule_files": [str(rules)],
        "scrape_configs": [
            {
                "job_name": job,
                "static_configs": [{"targets": [f"127.0.0.1:{target}"], "labels": {"environment": "test"}}],
            }
            for job, target in targets.items()
        ],
    }
    # JSON is YAML, too.
    (folder / "prometheus.yaml").write_text(json.dumps(configuration))
    command: list[str | Path] = [
        TOOLS / "prometheus",
        f"--config.file={folder}/prometheus.yaml",
        f"--storage.tsdb.path={folder}/prometheus",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    with (folder / "prometheus.log").open("w") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            until_it_answers(port, process)
            yield Prometheus(port)
        finally:
            process.terminate()


def until_it_answers(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECS
    while True:
        assert process.poll() is None, "Prometheus ended: its log is in the test's folder"
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=60).close()
        except OSError:
            assert time.monotonic() < deadline, f"Prometheus does not answer within {PATIENCE_SECS} s"
            time.sleep(0.2)
        else:
            return


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
        return port
