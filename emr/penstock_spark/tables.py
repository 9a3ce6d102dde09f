"""The tables of a lake after its newest poured cut, as plain Spark reads them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pyspark.sql import DataFrame, DataFrameReader, SparkSession
from pyspark.sql import functions as f

from penstock_spark import contract
from penstock_spark.lake import Lake

_POSITION_DIGITS = 76
"""Positions of Kinesis have no type that is wide enough: as text of one length they sort like numbers."""

CHAIN = ("source", "epoch", "topic", "partition", "shard")
"""What tells one chain of raw objects from another."""


@dataclass(frozen=True)
class Tables:
    spark: SparkSession
    lake: Lake
    audit: Mapping[str, Any] | None
    """What `penstock audit --json` said of the lake, if somebody asked it."""

    @cached_property
    def state(self) -> dict[str, Any]:
        return self.lake.state()

    @cached_property
    def silver(self) -> DataFrame:
        return self._by_cut("silver", contract.silver(self.lake.dataset))

    @cached_property
    def windows(self) -> DataFrame:
        return self._by_cut("windows", contract.windows(self.lake.dataset))

    @cached_property
    def rejects(self) -> DataFrame:
        return self._by_cut("rejects", contract.rejects())

    @cached_property
    def open_windows(self) -> DataFrame:
        """What the state still holds back."""
        return self.spark.read.parquet(self.lake.files.url(self.lake.state_file()))

    @cached_property
    def raw_as_it_is(self) -> DataFrame:
        """All raw objects, with the columns that their sources have."""
        folder = self.lake.folder("raw")
        if not self.lake.files.exists(folder):
            return self._empty(contract.raw(self.lake.dataset, contract.COORDINATES))
        return self._reader().option("recursiveFileLookup", True).parquet(self.lake.files.url(folder))

    @cached_property
    def poured_raw(self) -> DataFrame:
        """The raw rows that cuts took, with all coordinates; their source, epoch and folder come from the path."""
        path = f.col("_metadata.file_path")
        parts = f.split(path, "/")
        rows = self.raw_as_it_is.select(
            "*",
            f.element_at(parts, -4).alias("source"),
            f.regexp_extract(f.element_at(parts, -3), r"@(\d+)$", 1).cast("int").alias("epoch"),
            f.regexp_extract(path, r"([^/]+/[^/]+/[^/]+)/[^/]+$", 1).alias("folder"),
        )
        for name, kind in contract.COORDINATES.items():
            if name not in rows.columns:
                rows = rows.withColumn(name, f.lit(None).cast(kind))
        chains = f.broadcast(self.chains())
        same = [rows[name].eqNullSafe(chains[name]) for name in CHAIN]
        position = f.lpad(f.coalesce(rows["offset"].cast("string"), rows["sequence_number"]), _POSITION_DIGITS, "0")
        return rows.join(chains, [*same, position < chains["next"]], "left_semi")

    def chains(self) -> DataFrame:
        """The chains of raw objects, with the position up to which cuts took them."""
        rows = [(*self.chain_key(chain), chain["next"].rjust(_POSITION_DIGITS, "0")) for chain in self.state["chains"]]
        return self.spark.createDataFrame(
            rows, "source string, epoch int, topic string, partition int, shard string, next string"
        )

    def chain_key(self, chain: Mapping[str, Any]) -> tuple[Any, ...]:
        """The columns `CHAIN` of a chain of the state."""
        partition = chain["partition"]
        return chain["source"], chain["epoch"], chain["topic"], partition.get("kafka"), partition.get("shard")

    def has_first_object(self, folder: str) -> bool:
        """Whether retention has left a chain whole."""
        entries = self.lake.files.list(f"{self.lake.folder('raw')}/{folder}")
        return bool(entries) and not entries[0].name.removesuffix(".parquet").strip("0")

    def total(self, name: str) -> int:
        """How many rows of all chains landed, or became silver, duplicates or rejected."""
        return sum(int(chain["totals"][name]["rows"]) for chain in self.state["chains"])

    def _by_cut(self, table: str, columns: Mapping[str, str]) -> DataFrame:
        """With the cut of each row, from the name of its file."""
        folder = self.lake.folder(table)
        if not self.lake.files.exists(folder):
            return self._empty({**columns, "cut": "string"})
        rows = self._reader().parquet(self.lake.files.url(folder))
        return rows.select("*", f.col("_metadata.file_name").alias("cut")).where(f.col("cut") <= self.lake.last_file)

    def _reader(self) -> DataFrameReader:
        return self.spark.read.option("mergeSchema", True)

    def _empty(self, columns: Mapping[str, str]) -> DataFrame:
        fields = ", ".join(f"`{name}` {kind}" for name, kind in columns.items())
        return self.spark.createDataFrame([], fields)
