"""Dollars for a terabyte of events, from what was measured and what AWS takes."""

import tomllib
from pathlib import Path

PRICES = tomllib.loads((Path(__file__).parent / "prices.toml").read_text())
TERABYTE = 1e12
# Ingest lists where its chain ends when it is cold and every five minutes; one PUT is all that an invocation needs.
KINDS = ["Lambda requests", "compute of ingest", "compute of refine", "S3 requests of ingest", "S3 requests of refine"]


def of_terabyte(ingest, refine):
    """Dollars by kind, and per month for keeping everything. Each argument holds medians of one measurement."""
    events = TERABYTE / (ingest["value_bytes"] / ingest["events"])
    batches = TERABYTE / ingest["value_bytes"] * ingest["puts"]
    cuts = TERABYTE / 2**30 / PRICES["assumed"]["gib_a_day"] * 24 * 60
    ingest_gets = batches * ingest["gets"] / ingest["puts"]
    ingest_lists = batches * ingest["lists"] / ingest["puts"]
    # Two reads for each raw object, its footer and its rows; the rest is for each cut.
    refine_gets = batches * refine["gets"] / ingest["puts"]
    # In the measurement everything is one cut or a few; here each minute has one of its own.
    refine_puts = cuts * refine["puts"]
    refine_lists = cuts * refine["lists"]
    stored_gb = events * (ingest["bytes"] + refine["bytes"]) / ingest["events"] / 1e9
    return {
        "Lambda requests": (batches + cuts) / 1e6 * PRICES["lambda"]["million_requests"],
        "compute of ingest": compute("ingest", events * ingest["cpu_secs"] / ingest["events"], batches),
        "compute of refine": compute("refine", events * refine["cpu_secs"] / ingest["events"], refine_gets + refine_puts),
        "S3 requests of ingest": puts(batches + ingest_lists) + gets(ingest_gets),
        "S3 requests of refine": puts(refine_puts + refine_lists) + gets(refine_gets),
        "storage a month": stored_gb * PRICES["s3"]["gb_month"],
    }


def compute(function, cpu_secs, requests):
    """A function has a share of a core with its memory, and pays for it while it waits, too, here for one request at a time."""
    prices = PRICES["lambda"]
    memory_mb = prices[f"{function}_memory_mb"]
    working = cpu_secs / min(1, memory_mb / prices["mb_per_core"])
    waiting = requests * PRICES["assumed"]["request_wait_ms"] / 1000
    return (working + waiting) * memory_mb / 1024 * prices["gb_second"]


def puts(count):
    return count / 1000 * PRICES["s3"]["thousand_puts"]


def gets(count):
    return count / 1000 * PRICES["s3"]["thousand_gets"]
