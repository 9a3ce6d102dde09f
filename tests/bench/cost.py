"""Dollars for a terabyte of events, from what was measured and what AWS takes."""

import tomllib
from pathlib import Path

# The calculator of `penstock check` reads the same.
PRICES = tomllib.loads((Path(__file__).parents[2] / "crates/cli/prices.toml").read_text())
TERABYTE = 1e12
KINDS = ["Lambda requests", "compute of ingest", "compute of refine", "S3 requests of ingest", "S3 requests of refine"]


def of_terabyte(ingest, refine):
    """Dollars by kind, and per month for keeping everything. Each argument holds medians of one measurement."""
    share = TERABYTE / ingest["value_bytes"]
    batches = share * ingest["payloads"]
    # The first invocation is not counted: it is cold, and looks for the end of its chain.
    warm = ingest["payloads"] - 1
    ingest_puts, ingest_gets, ingest_lists = (batches * ingest[name] / warm for name in ("puts", "gets", "lists"))
    # Refine reads the footer and the rows of each raw object; what else it asks for, it asks for once a cut.
    refine_gets = share * refine["gets"]
    cuts = TERABYTE / 2**30 / PRICES["assumed"]["gib_a_day"] * 24 * 60
    refine_puts, refine_lists = cuts * refine["puts"], cuts * refine["lists"]
    stored_gb = share * (ingest["bytes"] + refine["bytes"]) / 1e9
    return {
        "Lambda requests": (batches + cuts) / 1e6 * PRICES["lambda"]["million_requests"],
        "compute of ingest": compute("ingest", share * ingest["cpu_secs"], ingest_puts + ingest_gets + ingest_lists),
        "compute of refine": compute("refine", share * refine["cpu_secs"], refine_gets + refine_puts + refine_lists),
        "S3 requests of ingest": puts(ingest_puts + ingest_lists) + gets(ingest_gets),
        "S3 requests of refine": puts(refine_puts + refine_lists) + gets(refine_gets),
        "storage a month": stored_gb * PRICES["s3"]["gb_month"],
    }


def compute(function, cpu_secs, requests):
    """A function has a share of a core with its memory, and pays while it waits, here for one request at a time."""
    prices = PRICES["lambda"]
    memory_mb = prices[f"{function}_memory_mb"]
    working = cpu_secs / min(1, memory_mb / prices["mb_per_core"])
    waiting = requests * PRICES["assumed"]["request_wait_ms"] / 1000
    return (working + waiting) * memory_mb / 1024 * prices["gb_second"]


def puts(count):
    return count / 1000 * PRICES["s3"]["thousand_puts"]


def gets(count):
    return count / 1000 * PRICES["s3"]["thousand_gets"]
