"""What a run has used, from what Spark itself recorded: the documents of its REST interface, read inside the driver.

The web server of that interface may be off or behind a proxy, as it is on YARN; the store behind it is always there.
"""

import json
import time
from collections.abc import Sequence
from typing import Any

from pyspark.sql import SparkSession

from penstock_spark.session import Setting

_QUANTILES = (0.0, 0.5, 1.0)

_STAGE = {
    "tasks": "numTasks",
    "input_rows": "inputRecords",
    "input_bytes": "inputBytes",
    "shuffle_write_rows": "shuffleWriteRecords",
    "shuffle_write_bytes": "shuffleWriteBytes",
    "shuffle_read_bytes": "shuffleReadBytes",
    "spilled_memory_bytes": "memoryBytesSpilled",
    "spilled_disk_bytes": "diskBytesSpilled",
    "peak_execution_memory_bytes": "peakExecutionMemory",
    "run_millis": "executorRunTime",
    "gc_millis": "jvmGcTime",
    "failed_tasks": "numFailedTasks",
}
"""Our name, with its unit, and Spark's."""


class Meter:
    """Measures from where it is made."""

    def __init__(self, spark: SparkSession):
        self._spark = spark
        self._began = time.monotonic()
        self._first_stage = max((stage["stageId"] for stage in _stages(spark)), default=-1) + 1

    def read(self, settings: Sequence[Setting]) -> dict[str, Any]:
        """Totals, stages and settings so far."""
        stages = [_stage(stage) for stage in _stages(self._spark) if self._first_stage <= stage["stageId"]]
        context = self._spark.sparkContext
        return {
            "wall_secs": round(time.monotonic() - self._began, 3),
            "spark": context.version,
            "master": context.master,
            "cores": context.defaultParallelism,
            "total": _total(stages),
            "stages": stages,
            "executors": _executors(self._spark),
            "settings": [{"name": one.name, "value": one.value, "reason": one.reason} for one in settings],
        }


def as_json(resources: dict[str, Any]) -> bytes:
    return (json.dumps(resources, indent=2) + "\n").encode()


def markdown(resources: dict[str, Any], facts: Sequence[tuple[str, str]]) -> str:
    """The note for people."""
    total = resources["total"]
    lines = ["# What this run used", ""]
    lines += _table(["what", "value"], [*facts, *_totals(resources, total)])
    lines += ["", "## Stages", ""]
    header = [
        "stage",
        "tasks",
        "secs",
        "longest / median task",
        "input",
        "shuffled out",
        "shuffled in",
        "spilled",
        "peak execution memory",
    ]
    lines += _table(header, [_stage_cells(stage) for stage in resources["stages"]])
    lines += ["", "## Settings", ""]
    lines += _table(
        ["setting", "value", "why"], [(one["name"], one["value"], one["reason"]) for one in resources["settings"]]
    )
    return "\n".join(lines) + "\n"


def size(count: int) -> str:
    """Bytes for people."""
    number, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while 1024 <= number and 1 < len(units):
        number /= 1024
        units.pop(0)
    return f"{number:.1f} {units[0]}" if units[0] != "B" else f"{count} B"


def _total(stages: list[dict[str, Any]]) -> dict[str, int]:
    total = {name: sum(stage[name] for stage in stages) for name in (*_STAGE, "cpu_millis")}
    # Stages follow each other, more or less.
    total["peak_execution_memory_bytes"] = max((stage["peak_execution_memory_bytes"] for stage in stages), default=0)
    return total


def _stages(spark: SparkSession) -> list[dict[str, Any]]:
    context: Any = spark.sparkContext._jsc
    context.sc().listenerBus().waitUntilEmpty()
    quantiles = _doubles(spark, _QUANTILES)
    none: Any = _java(spark).java.util.ArrayList()
    stages = context.sc().statusStore().stageList(none, False, True, quantiles, none)
    complete = [stage for stage in _as_documents(spark, stages) if stage["status"] == "COMPLETE"]
    return sorted(complete, key=lambda stage: int(stage["stageId"]))


def _stage(stage: dict[str, Any]) -> dict[str, Any]:
    run_times = stage.get("taskMetricsDistributions", {}).get("executorRunTime", [0.0] * len(_QUANTILES))
    return {
        "stage": stage["stageId"],
        "name": stage["name"],
        **{name: stage[theirs] for name, theirs in _STAGE.items()},
        "cpu_millis": stage["executorCpuTime"] // 1_000_000,
        "task_millis": dict(zip(["shortest", "median", "longest"], map(round, run_times), strict=True)),
    }


def _executors(spark: SparkSession) -> list[dict[str, Any]]:
    context: Any = spark.sparkContext._jsc
    executors = _as_documents(spark, context.sc().statusStore().executorList(False))
    return [
        {
            "id": one["id"],
            "cores": one["totalCores"],
            "peak_heap_bytes": one.get("peakMemoryMetrics", {}).get("JVMHeapMemory"),
            "storage_memory_bytes": one["maxMemory"],
        }
        for one in executors
    ]


def _as_documents(spark: SparkSession, values: Any) -> list[dict[str, Any]]:
    writer = _java(spark).org.apache.spark.status.api.v1.JacksonMessageWriter()
    documents: list[dict[str, Any]] = json.loads(writer.mapper().writeValueAsString(values))
    return documents


def _doubles(spark: SparkSession, values: Sequence[float]) -> Any:
    gateway: Any = spark.sparkContext._gateway
    array = gateway.new_array(gateway.jvm.double, len(values))
    for index, value in enumerate(values):
        array[index] = value
    return array


def _java(spark: SparkSession) -> Any:
    return spark.sparkContext._jvm


def _totals(resources: dict[str, Any], total: dict[str, int]) -> list[tuple[str, str]]:
    heaps = [executor["peak_heap_bytes"] for executor in resources["executors"] if executor["peak_heap_bytes"]]
    where = f"Spark {resources['spark']} at {resources['master']}"
    cpu, gc = total["cpu_millis"] / 1000, total["gc_millis"] / 1000
    return [
        ("time", f"{resources['wall_secs']:.1f} s on {resources['cores']} cores, {where}"),
        ("processor time of tasks", f"{cpu:.1f} s; their garbage collection took {gc:.1f} s"),
        ("input, as Spark counts it", f"{total['input_rows']:,} rows, {size(total['input_bytes'])}"),
        ("shuffle", f"{size(total['shuffle_write_bytes'])} written, {size(total['shuffle_read_bytes'])} read"),
        ("spilled", f"{size(total['spilled_memory_bytes'])} of memory as {size(total['spilled_disk_bytes'])} on disk"),
        ("peak execution memory of a stage, its tasks together", size(total["peak_execution_memory_bytes"])),
        ("peak heap of an executor", size(max(heaps)) if heaps else "not sampled: the run was too short"),
    ]


def _stage_cells(stage: dict[str, Any]) -> tuple[str, ...]:
    tasks = stage["task_millis"]
    return (
        str(stage["stage"]),
        str(stage["tasks"]),
        f"{stage['run_millis'] / 1000:.1f}",
        f"{tasks['longest']} / {tasks['median']} ms",
        size(stage["input_bytes"]),
        size(stage["shuffle_write_bytes"]),
        size(stage["shuffle_read_bytes"]),
        size(stage["spilled_disk_bytes"]),
        size(stage["peak_execution_memory_bytes"]),
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]
