"""How the tools are called: ours, and the peers."""

import json
import subprocess
import sys
from pathlib import Path

PEERS = Path(__file__).parent / "peers"
WARM_UP_LINES = 10_000


class Tools:
    def __init__(self, target, plain_handler, scratch):
        self.ours = target / "examples" / "bench"
        self.ingest, self.refine = target / "ingest", target / "refine"
        self.plain_handler = plain_handler
        self.scratch = scratch

    def events(self, name, **options):
        """Makes events and says where they are and how many bytes they have."""
        folder = self.scratch / name
        settings = [f"{option}={value}" for option, value in options.items()]
        made = document([self.ours, "events", folder, *settings])
        return folder, made

    def path(self, folder, out):
        return document([self.ours, "path", folder, out])

    def stages(self, folder):
        return document([self.ours, "stages", folder])

    def plain(self, folder, out):
        return {"ingest": document([self.plain_handler, folder, out])}

    def peer(self, script, folder, out):
        return document([sys.executable, PEERS / f"{script}.py", folder, out])


def document(command):
    """The JSON document that a command prints last."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))} failed: its messages are above")
    return json.loads(done.stdout.splitlines()[-1])


def sizes(made):
    """What a row says of the events that it was measured with."""
    return {name: made[name] for name in ("value_bytes", "payloads", "payload_bytes")}


def warm_up_lines(folder):
    """The first events in a file of their own, with which the peers warm up."""
    with (folder / "events.ndjson").open() as lines, (folder / "warm-up.ndjson").open("w") as out:
        for line, _ in zip(lines, range(WARM_UP_LINES)):
            out.write(line)
