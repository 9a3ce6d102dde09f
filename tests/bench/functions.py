"""The real binaries, as they are deployed: peak memory, and the time from exec to the first request for work."""

import shutil

from lambda_api import Function, start_secs

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
        print("functions: start", flush=True)
        for name, binary in (("ingest", self.tools.ingest), ("refine", self.tools.refine)):
            lake = self.tools.scratch / "start"
            lake.mkdir()
            for number in range(self.starts):
                wall, cpu = start_secs(binary, lake)
                yield {"experiment": "start", "tool": "penstock", "step": name, "round": number, "wall_secs": wall, "cpu_secs": cpu}
            shutil.rmtree(lake)

    def ingest_memory(self, name, padding):
        print(f"functions: memory of ingest, {name}", flush=True)
        folder, made = self.tools.events("memory", events=self.payload_events, padding=padding)
        payloads = sorted((folder / "payloads").iterdir())
        lake = folder / "lake"
        lake.mkdir()
        with Function(self.tools.ingest, lake) as ingest:
            landed = sum(ingest.invoke(path.read_bytes())["landed"] for path in payloads)
            assert landed == made["events"], f"{landed} of {made['events']} events landed"
            largest = max(path.stat().st_size for path in payloads)
            row = {"experiment": "memory", "tool": "penstock", "step": "ingest", "parameter": name, "events": landed}
            yield {**row, "round": 1, "peak_mib": ingest.peak_mib(), "payload_bytes": largest}
        shutil.rmtree(folder)

    def refine_memory(self):
        """Cuts of different sizes from one lake: each refine sees a copy on which nothing is poured yet."""
        most = self.cut_rows[-1]
        folder, _ = self.tools.events("memory", events=most)
        (folder / "events.ndjson").unlink()
        landed = folder / "landed"
        landed.mkdir()
        with Function(self.tools.ingest, landed) as ingest:
            for path in sorted((folder / "payloads").iterdir()):
                ingest.invoke(path.read_bytes())
                path.unlink()
        for rows in self.cut_rows:
            print(f"functions: memory of refine, cuts of {rows} rows", flush=True)
            lake = folder / "lake"
            shutil.copytree(landed, lake)
            with Function(self.tools.refine, lake, PENSTOCK_CUT_MAX_ROWS=str(rows)) as refine:
                cuts = refine.invoke(b"{}")["cuts"]
                assert len(cuts) * rows >= most, f"{len(cuts)} cuts of {rows} rows do not make {most}"
                row = {"experiment": "memory", "tool": "penstock", "step": "refine", "parameter": rows, "events": most}
                yield {**row, "round": 1, "peak_mib": refine.peak_mib(), "cpu_secs": refine.cpu_secs()}
            shutil.rmtree(lake)
        shutil.rmtree(folder)
