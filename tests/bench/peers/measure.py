"""What a peer has had of a processor, all of its threads, user and system: the clock of every comparison."""

import json
import sys
import time
from contextlib import contextmanager


class Measured(dict):
    """The steps measured so far, by name; printed as one JSON document at the end."""

    @contextmanager
    def step(self, name):
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        self[name] = {"cpu_secs": time.process_time() - cpu, "wall_secs": time.perf_counter() - wall}

    def print(self):
        json.dump(self, sys.stdout)
        print()


def folders():
    """The folder with the events and the one for what comes of them, as the driver gives them."""
    from pathlib import Path

    data, out = map(Path, sys.argv[1:])
    out.mkdir(parents=True, exist_ok=True)
    return data, out
