"""Ours beside the peers on the same events, interleaved, each output verified before its time counts."""

import json
import shutil

from tools import sizes, warm_up_lines
from verify import Expected

ROUNDS = 9
# Part of the stage before it, measured by itself.
BASE64 = "of this, the base64 of the values"
EVENTS = 500_000


class Comparison:
    def __init__(self, tools, quick):
        self.tools = tools
        self.rounds = 2 if quick else ROUNDS
        self.events = 50_000 if quick else EVENTS
        self.with_spark = not quick

    def run(self):
        self.folder, self.made = self.tools.events("compare", events=self.events)
        warm_up_lines(self.folder)
        self.expected = Expected(self.folder / "events.ndjson")
        yield from self.stages()
        contenders = [self.penstock, self.plain_rust, self.python, self.duckdb_ingest, self.polars, self.duckdb_path]
        # The first round warms the machine up: it is verified like the others and does not count.
        for number in range(self.rounds + 1):
            print(f"comparison, round {number} of {self.rounds}", flush=True)
            # Nobody always follows the same neighbour.
            turn = number % len(contenders)
            for contender in contenders[turn:] + contenders[:turn]:
                rows = list(self.verified(contender, number))
                if 0 < number:
                    yield from rows
        if self.with_spark:
            print("comparison, Spark", flush=True)
            yield from self.verified(self.spark, 1)
        shutil.rmtree(self.folder)

    def verified(self, contender, number):
        out = self.folder / "out"
        out.mkdir()
        tool, steps = contender(out)
        shutil.rmtree(out)
        for step, measured in steps.items():
            row = {"experiment": "compare", "tool": tool, "step": step, "round": number, "events": self.events}
            yield {**row, **sizes(self.made), **measured}

    def stages(self):
        about = self.tools.stages(self.folder)
        row = {"experiment": "stages", "tool": "penstock", "round": about["rounds"], "events": about["events"]}
        about["stages"].insert(2, [BASE64, about["base64"]])
        for name, secs in about["stages"]:
            yield {
                **row,
                "step": name,
                "wall_secs": secs,
                "payload_bytes": about["payload_bytes"],
                "bytes": about["bytes"],
            }

    def penstock(self, out):
        steps = self.tools.path(self.folder, out)
        self.expected.check_landed(out.glob("raw/**/*.parquet"))
        self.expected.check_silver(out.glob("silver/**/*.parquet"))
        self.expected.check_windows(out.glob("windows/**/*.parquet"))
        rows = json.loads((out / "p95.json").read_text())
        self.expected.check_answers(rows)
        ingest, refine = steps["ingest"], steps["refine"]
        path = {name: ingest[name] + refine[name] for name in ("cpu_secs", "wall_secs", "bytes")}
        return "penstock", {**steps, "path": path}

    def plain_rust(self, out):
        steps = self.tools.plain(self.folder, out)
        self.expected.check_landed(out.glob("*.parquet"))
        return "plain Rust handler", steps

    def python(self, out):
        steps = self.tools.peer("python_handler", self.folder, out)
        self.expected.check_landed(out.glob("*.parquet"))
        return "Python handler", steps

    def duckdb_ingest(self, out):
        steps = self.tools.peer("duckdb_ingest", self.folder, out)
        self.expected.check_landed(out.glob("*.parquet"))
        return "DuckDB", steps

    def polars(self, out):
        steps = self.tools.peer("polars_ingest", self.folder, out)
        self.expected.check_landed(out.glob("*.parquet"))
        return "Polars", steps

    def duckdb_path(self, out):
        return "DuckDB", self.path_of("duckdb_path", out)

    def spark(self, out):
        return "Spark", self.path_of("spark_path", out)

    def path_of(self, script, out):
        steps = self.tools.peer(script, self.folder, out)
        # DuckDB writes a file each, Spark a folder.
        self.expected.check_silver([*out.glob("silver.parquet"), *out.glob("silver/*.parquet")])
        self.expected.check_windows([*out.glob("windows.parquet"), *out.glob("windows/*.parquet")])
        self.expected.check_answers(json.loads((out / "p95.json").read_text()))
        return steps
