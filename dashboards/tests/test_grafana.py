"""Grafana's own types read the dashboards and lose nothing of them: a key that Grafana does not know would be lost."""

import json
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from prometheus import DASHBOARDS

# Those of each kind of panel and of each source of data.
register_default_plugins()


@pytest.mark.parametrize("path", sorted((DASHBOARDS / "grafana").glob("*.json")), ids=lambda path: path.stem)
def test_grafana_knows_every_key(path: Path) -> None:
    committed = json.loads(path.read_text())
    read = json.loads(JSONEncoder().encode(Dashboard.from_json(committed)))
    assert lost(committed, read) == []


def lost(committed: Any, read: Any, place: str = "") -> list[str]:  # noqa: ANN401 - any JSON
    """What became of the committed document; defaults that come in addition are no loss."""
    if isinstance(committed, dict) and isinstance(read, dict):
        pairs = [(value, read.get(key), f"{place}.{key}") for key, value in committed.items()]
    elif isinstance(committed, list) and isinstance(read, list) and len(committed) == len(read):
        pairs = [(one, other, f"{place}[{at}]") for at, (one, other) in enumerate(zip(committed, read, strict=True))]
    else:
        return [] if committed == read else [f"{place}: {committed!r} became {read!r}"]
    return [found for pair in pairs for found in lost(*pair)]


def test_a_key_that_grafana_does_not_know_is_lost() -> None:
    read = json.loads(JSONEncoder().encode(Dashboard.from_json({"title": "t", "titel": "t"})))
    assert lost({"title": "t", "titel": "t"}, read) == [".titel: 't' became None"]
