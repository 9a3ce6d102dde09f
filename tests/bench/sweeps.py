"""What our own path costs as the events change: one parameter at a time, the others as in the comparison."""

import shutil

import pyarrow.compute as pc

from tools import sizes
from verify import Wrong, read

ROUNDS = 5
EVENTS = 200_000

SWEEPS = {
    "records a payload": ("batch", [100, 300, 1000, 3000, 10_000]),
    "devices": ("devices", [10, 100, 1000, 10_000, 100_000]),
    "share of duplicates": ("duplicates", [0, 0.01, 0.1, 0.3, 0.5]),
    "share of bad records": ("malformed", [0, 0.001, 0.01, 0.1, 0.5]),
    "share of late events": ("late", [0, 0.01, 0.1, 0.3, 0.5]),
    "bytes an event": ("padding", [0, 200, 800, 1800, 3800]),
}
# A factor of 16: the slope over it shows what grows faster than the data.
VOLUMES = [62_500, 125_000, 250_000, 500_000, 1_000_000]


class Sweeps:
    def __init__(self, tools, quick):
        self.tools = tools
        self.rounds = 1 if quick else ROUNDS
        self.events = 20_000 if quick else EVENTS
        self.volumes = VOLUMES[:3] if quick else VOLUMES

    def run(self):
        for name, (option, values) in SWEEPS.items():
            points = [(value, {"events": self.events, option: value}) for value in values]
            yield from self.sweep(name, points)
        yield from self.sweep("volume", [(volume, {"events": volume}) for volume in self.volumes])

    def sweep(self, name, points):
        """All points in each round, so that what the machine does meanwhile hits all of them."""
        print(f"{name}: {', '.join(str(value) for value, _ in points)}", flush=True)
        made = {value: self.payloads(f"point-{value}", options) for value, options in points}
        for number in range(1, self.rounds + 1):
            for value, (folder, about) in made.items():
                yield from self.point(name, value, folder, about, number)
        for folder, _ in made.values():
            shutil.rmtree(folder)

    def payloads(self, name, options):
        folder, about = self.tools.events(name, **options)
        # Nobody reads the lines here, and they take room.
        (folder / "events.ndjson").unlink()
        return folder, about

    def point(self, name, value, folder, about, number):
        out = folder / "out"
        out.mkdir()
        steps = self.tools.path(folder, out)
        check_totals(out, about["events"])
        shutil.rmtree(out)
        for step, measured in steps.items():
            row = {"experiment": name, "tool": "penstock", "step": step, "parameter": value, "round": number}
            yield {**row, "events": about["events"], **sizes(about), **measured}


def check_totals(out, events):
    """Everything landed, and what was not rejected is in silver and in the windows, each event once."""
    raw, silver = read(out.glob("raw/**/*.parquet")), read(out.glob("silver/**/*.parquet"))
    good = raw.filter(pc.is_null(raw["reject_reason"]))
    distinct = pc.count_distinct(good["event_id"]).as_py()
    counted = pc.sum(read(out.glob("windows/**/*.parquet"))["count"]).as_py()
    if not (raw.num_rows == events and distinct == silver.num_rows == counted):
        rows = f"{raw.num_rows} landed, {distinct} distinct, {silver.num_rows} in silver, {counted} in windows"
        raise Wrong(f"{events} events: {rows}")
