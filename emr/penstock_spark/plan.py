"""What the plan of a query that was carried out has counted.

A plan is in no public interface of Spark; the names here are those that `explain` prints.
"""

from collections.abc import Iterator
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as f


def rows_into_and_out_of_dedupe(answer: DataFrame) -> tuple[int, int]:
    """How many events a collected answer of p95.sql looked at, and how many of them were distinct."""
    for node in _nodes(answer):
        if node.nodeName() == "Filter" and [below.nodeName() for below in _children(node)] == ["Window"]:
            return _metric(_shuffle_below(node), "shuffleRecordsWritten"), _metric(node, "numOutputRows")
    raise AssertionError("the plan has no filter above a window: p95.sql removes duplicates in another way now")


def scanned(table: DataFrame) -> tuple[int, int]:
    """How many files and how many days a reader of the table opens. Reads it."""
    counted = table.agg(f.count("*"))
    counted.collect()
    [scan] = [node for node in _nodes(counted) if node.nodeName().startswith("Scan parquet")]
    return _metric(scan, "numFiles"), _metric(scan, "numPartitions")


def _nodes(carried_out: DataFrame) -> Iterator[Any]:
    frame: Any = carried_out._jdf
    waiting = [_unwrapped(frame.queryExecution().executedPlan())]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(_children(node))


def _shuffle_below(node: Any) -> Any:
    while node.nodeName() != "Exchange":
        [node] = _children(node)
    return node


def _children(node: Any) -> list[Any]:
    children = node.children()
    return [_unwrapped(children.apply(index)) for index in range(children.size())]


def _unwrapped(node: Any) -> Any:
    """The step that a stage, or a piece of generated code, carries out."""
    while True:
        name = node.nodeName()
        if name == "AdaptiveSparkPlan":
            node = node.executedPlan()
        elif name.endswith("QueryStage"):
            node = node.plan()
        elif name.startswith("WholeStageCodegen") or name in ("InputAdapter", "AQEShuffleRead", "ReusedExchange"):
            node = node.child()
        else:
            return node


def _metric(node: Any, name: str) -> int:
    return int(node.metrics().apply(name).value())
