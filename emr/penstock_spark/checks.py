"""What a lake promises, each promise as a check by plain Spark that yields what is wrong, as sentences."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as f

from penstock_spark import contract
from penstock_spark.plan import scanned
from penstock_spark.tables import CHAIN, Tables

Check = Callable[[Tables], Iterator[str]]

_NEAR = 1e-9
"""How far sums may lie apart, relative to the sum of sizes: they are added up in another order."""

_SHOWN = 3
"""How many offenders a finding names."""


def columns_are_the_datasets(tables: Tables) -> Iterator[str]:
    dataset = tables.lake.dataset
    yield from _columns("silver", contract.silver(dataset), tables.silver)
    yield from _columns("windows", contract.windows(dataset), tables.windows)
    yield from _columns("rejects", contract.rejects(), tables.rejects)
    # Kafka's objects have an offset, Kinesis' a sequence number, and a lake may have both.
    raw = tables.raw_as_it_is
    kafka, kinesis = ["partition", "offset"], ["shard", "sequence_number"]
    of_sources = [name for pair in (kafka, kinesis) if set(pair) & set(raw.columns) for name in pair]
    yield from _columns("raw", contract.raw(dataset, ["topic", *(of_sources or kafka)]), raw)


def values_are_there_and_finite(tables: Tables) -> Iterator[str]:
    dataset = tables.lake.dataset
    for name in filter(None, [dataset.id, dataset.event_time]):
        yield from _none(tables.silver.where(f.col(name).isNull()), f"silver: {name} is null")
    for column in dataset.columns:
        if column.kind == "double":
            # Not by comparing with NaN: the statistics of a file do not have it, and the file would be left out.
            unreal = f.isnan(column.name) | (f.abs(column.name) == float("inf"))
            yield from _none(tables.silver.where(unreal), f"silver: {column.name} is no finite number")


def rows_add_up(tables: Tables) -> Iterator[str]:
    """By the state, and by the audit if somebody gave its answer."""
    for name, table in {"silver": tables.silver, "rejected": tables.rejects}.items():
        count, expected = table.count(), tables.total(name)
        if count != expected:
            yield f"{name}: {count:,} rows are there, and {expected:,} by the state of cut {tables.lake.cut}"
    parts = sum(tables.total(name) for name in ("silver", "duplicates", "rejected"))
    if parts != tables.total("landed"):
        yield f"the state of cut {tables.lake.cut} has {tables.total('landed'):,} landed, and {parts:,} in all parts"
    yield from _raw_adds_up(tables)
    if tables.audit is not None:
        yield from _audit_agrees(tables, tables.audit)


def each_record_stands_once(tables: Tables) -> Iterator[str]:
    """An id may come again after the dedupe horizon, but never in one cut."""
    # In another epoch, or in another source, another record has the same place.
    places = ["topic", "partition", "shard"]
    chains = f.broadcast(tables.chains().groupBy(*places).agg(f.count("*").alias("chains")))
    rows = tables.silver.groupBy(*contract.COORDINATES).agg(f.count("*").alias("rows"))
    known = rows.join(chains, [rows[name].eqNullSafe(chains[name]) for name in places], "left")
    more = known.where(f.col("rows") > f.coalesce("chains", f.lit(0)))
    yield from _none(more.select(rows["*"]), "silver: a record stands there more than once")
    key = tables.lake.dataset.id
    if key is not None:
        twice = tables.silver.groupBy("cut", key).agg(f.count("*").alias("rows")).where(f.col("rows") > 1)
        yield from _none(twice, f"silver: a cut has the same {key} more than once")


def days_are_those_of_the_events(tables: Tables) -> Iterator[str]:
    times = {"silver": (tables.silver, tables.lake.dataset.event_time), "windows": (tables.windows, "window_start")}
    for name, (table, time) in times.items():
        elsewhere = table.where(f.col("event_date") != f.to_date(time))
        yield from _none(elsewhere.select("event_date", time), f"{name}: a row lies in the folder of another day")


def one_day_is_read_from_its_folder_alone(tables: Tables) -> Iterator[str]:
    for name, table in {"silver": tables.silver, "windows": tables.windows}.items():
        days = tables.lake.days(name)
        if not days:
            continue
        folder = tables.lake.files.list(tables.lake.day_folder(name, days[-1]))
        there = sum(entry.name.endswith(".parquet") for entry in folder)
        files, partitions = scanned(table.where(f.col("event_date") == f.lit(days[-1])))
        if partitions != 1 or there < files:
            yield f"{name}: for {days[-1]} Spark opens {files} files of {partitions} days, and not {there} of one"


def windows_are_what_silver_says(tables: Tables) -> Iterator[str]:
    """All rows of a window, and what the state holds open, against a computation over all of silver."""
    settings = tables.lake.dataset.windows
    keys = ["window_start", *settings.keys]
    totals = ["sum", *_EXACT]
    rows = tables.windows.select(*keys, *totals).unionByName(tables.open_windows.select(*keys, *totals))
    written = rows.groupBy(*keys).agg(*_together(*totals))
    computed = _events_in_windows(tables).groupBy(*keys).agg(*_together(*totals, "size"))
    both = written.alias("written").join(computed.alias("computed"), keys, "full")
    differing = [~f.col(f"written.{name}").eqNullSafe(f.col(f"computed.{name}")) for name in _EXACT]
    distance = f.abs(f.coalesce("written.sum", f.lit(0.0)) - f.coalesce("computed.sum", f.lit(0.0)))
    differing.append(distance > _NEAR * f.coalesce("size", f.lit(0.0)))
    wrong = both.where(_any(differing)).select(*keys, "written.count", f.col("computed.count").alias("of_silver"))
    yield from _none(wrong, "windows: a window is not what silver says")


CHECKS: tuple[Check, ...] = (
    columns_are_the_datasets,
    values_are_there_and_finite,
    rows_add_up,
    each_record_stands_once,
    days_are_those_of_the_events,
    one_day_is_read_from_its_folder_alone,
    windows_are_what_silver_says,
)

_AGGREGATES: Mapping[str, Callable[[str], Column]] = {
    "count": f.sum,
    "measure_count": f.sum,
    "sum": f.sum,
    "size": f.sum,
    "min": f.min,
    "max": f.max,
    "first_event_time": f.min,
    "last_event_time": f.max,
}
"""How rows of one window become one."""

_EXACT = ("count", "measure_count", "min", "max", "first_event_time", "last_event_time")


def _events_in_windows(tables: Tables) -> DataFrame:
    """Each event as a window of its own."""
    dataset = tables.lake.dataset
    time, length = f.col(dataset.event_time), dataset.windows.length_secs * 1_000_000
    micros = f.unix_micros(time)
    measure = f.col(dataset.windows.measure) if dataset.windows.measure else f.lit(None).cast("double")
    return tables.silver.select(
        f.timestamp_micros(micros - f.pmod(micros, f.lit(length))).alias("window_start"),
        *dataset.windows.keys,
        f.lit(1).alias("count"),
        measure.isNotNull().cast("bigint").alias("measure_count"),
        *(measure.alias(name) for name in ("sum", "min", "max")),
        f.abs(measure).alias("size"),
        *(time.alias(name) for name in ("first_event_time", "last_event_time")),
    )


def _raw_adds_up(tables: Tables) -> Iterator[str]:
    rejected = f.count_if(f.col("reject_reason").isNotNull())
    by_chain = tables.poured_raw.groupBy(*CHAIN).agg(f.first("folder"), f.count("*"), rejected)
    seen = {tuple(row[: len(CHAIN)]): row[len(CHAIN) :] for row in by_chain.collect()}
    for chain in tables.state["chains"]:
        landed, expected = chain["totals"]["landed"]["rows"], chain["totals"]["rejected"]["rows"]
        name = f"{chain['source']}/{chain['topic']}@{chain['epoch']} partition {chain['partition']}"
        folder, rows, bad = seen.get(tables.chain_key(chain), (None, 0, 0))
        # Retention takes objects from the beginning of a chain, and leaves the last one, which may have no rows.
        whole = folder is not None and tables.has_first_object(folder)
        if landed < rows or (whole and rows < landed):
            yield f"raw: {name} has {rows:,} rows that cuts took, and {landed:,} by the state"
        if expected < bad or (whole and bad < expected):
            yield f"raw: {name} has {bad:,} rejected rows, and {expected:,} by the state"


def _audit_agrees(tables: Tables, audit: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"the audit found: {finding}" for finding in audit["findings"])
    if audit["cut"] != tables.lake.cut:
        yield f"the audit is of cut {audit['cut']}, and the lake is at cut {tables.lake.cut} now: audit it again"
        return
    for name in ("landed", "silver", "duplicates", "rejected"):
        if audit[name] != tables.total(name):
            yield f"{name}: {audit[name]:,} by the audit, and {tables.total(name):,} by the state"
    kinds = {row["kind"]: row["count"] for row in tables.windows.groupBy("kind").count().collect()}
    for name, kind in {"windows_on_time": "on_time", "windows_late": "late"}.items():
        if audit[name] != kinds.get(kind, 0):
            yield f"windows: {kinds.get(kind, 0):,} rows are {kind}, and {audit[name]:,} by the audit"


def _columns(table: str, expected: Mapping[str, str], rows: DataFrame) -> Iterator[str]:
    yield from (f"{table}: {problem}" for problem in contract.problems(expected, rows.schema))


def _none(offenders: DataFrame, what: str) -> Iterator[str]:
    count = offenders.count()
    if count:
        shown = ", ".join(str(tuple(row)) for row in offenders.limit(_SHOWN).collect())
        yield f"{what}: {count:,} times, such as {shown}"


def _together(*names: str) -> list[Column]:
    return [_AGGREGATES[name](name).alias(name) for name in names]


def _any(conditions: list[Column]) -> Column:
    result = f.lit(False)
    for condition in conditions:
        result = result | condition
    return result
