"""The readers, each behind the same calls. See `adapters.reader`."""

from importlib import import_module

# Each is imported in the process that uses it: some of their libraries do not get on in one.
NAMES = ["pyarrow", "duckdb", "polars", "fastparquet", "datafusion", "spark", "hyparquet", "chdb"]


def start(name: str):
    """A new `adapters.reader.Reader`."""
    return import_module(f"adapters.{name}_reader").start()
