"""The real binaries, as they are deployed: peak memory, and the time from exec to the first request for work."""

import shutil
from contextlib import contextmanager

from lambda_api import Function, start_secs
from object_store import ObjectStore

# Makes 10,000 records just reach the 6 MB that Lambda delivers at most.
FULL_PAYLOAD_PADDING = 140
STARTS = 51
CUT_ROWS = [125_000, 250_000, 500_000, 1_000_000, 2_000_000]


class Functions:
    def __init__(self, tools, quick):
        self.tools = tools
        self.starts = 5 if quick else STARTS
        self.payload_events = 30_000 if quick else 200_000
        self.cut_rows = CUT_ROWS[:2] if quick else CUT_ROWS

    def run(self):
        yield from self.start_times()
        yield from self.ingest_memory("usual payloads", 0)
        yield from self.ingest_memory("full payloads", FULL_PAYLOAD_PADDING)
        yield from self.refine_memory()

    def start_times(self):
        for step, binary in (("ingest", self.tools.ingest), ("refine", self.tools.refine)):
            for name, lake in self.lakes():
                print(f"functions: start of {step}, {name}", flush=True)
                with lake as variables:
                    times = [start_secs(binary, variables) for _ in range(self.starts)]
                row = {"experiment": "start", "tool": "penstock", "step": step, "parameter": name}
                for number, (wall, cpu) in enumerate(times):
                    yield {**row, "round": number, "wall_secs": wall, "cpu_secs": cpu}

    def ingest_memory(self, payloads, padding):
        folder, made = self.tools.events("memory", events=self.payload_events, padding=padding)
        paths = sorted((folder / "payloads").iterdir())
        for name, lake in self.lakes():
            print(f"functions: memory of ingest, {payloads}, {name}", flush=True)
            with lake as variables, Function(self.tools.ingest, variables) as ingest:
                landed = sum(ingest.invoke(path.read_bytes())["landed"] for path in paths)
                assert landed == made["events"], f"{landed} of {made['events']} events landed"
                largest = max(path.stat().st_size for path in paths)
                row = {"experiment": "memory", "tool": "penstock", "step": "ingest", "parameter": f"{payloads}, {name}"}
                yield {**row, "events": landed, "round": 1, "peak_mib": ingest.peak_mib(), "payload_bytes": largest}
        shutil.rmtree(folder)

    def lakes(self):
        """Where a lake may be; in S3 is where it is deployed."""
        return ("lake in S3", object_store()), ("lake in a directory", directory(self.tools.scratch / "lake"))

    def refine_memory(self):
        """Cuts of different sizes from one lake: each refine sees a copy on which nothing is poured yet."""
        most = self.cut_rows[-1]
        folder, _ = self.tools.events("memory", events=most)
        (folder / "events.ndjson").unlink()
        landed = folder / "landed"
        landed.mkdir()
        with Function(self.tools.ingest, in_directory(landed)) as ingest:
            for path in sorted((folder / "payloads").iterdir()):
                ingest.invoke(path.read_bytes())
                path.unlink()
        for rows in self.cut_rows:
            print(f"functions: memory of refine, cuts of {rows} rows", flush=True)
            lake = folder / "lake"
            shutil.copytree(landed, lake)
            variables = {**in_directory(lake), "PENSTOCK_CUT_MAX_ROWS": str(rows)}
            with Function(self.tools.refine, variables) as refine:
                cuts = refine.invoke(b"{}")["cuts"]
                assert len(cuts) * rows >= most, f"{len(cuts)} cuts of {rows} rows do not make {most}"
                row = {"experiment": "memory", "tool": "penstock", "step": "refine", "parameter": rows, "events": most}
                yield {**row, "round": 1, "peak_mib": refine.peak_mib(), "cpu_secs": refine.cpu_secs()}
            shutil.rmtree(lake)
        shutil.rmtree(folder)


@contextmanager
def object_store():
    """The settings of a lake in an object store of our own."""
    with ObjectStore() as store:
        yield store.variables


@contextmanager
def directory(path):
    """The settings of a lake in a directory that is gone afterwards."""
    path.mkdir()
    yield in_directory(path)
    shutil.rmtree(path)


def in_directory(path):
    return {"PENSTOCK_LAKE": f"file://{path}"}
