"""Lakes with the cases that engines disagree about, each poured by the product itself.

A lake is made of runs, one after the other. The dataset is iot, except that days may lie far back, and
that duplicates are looked for within one run only: what repeats an id in a later run stays in silver, as duplicates
beyond the horizon do.
"""

import base64
import json
import math
import random
import subprocess
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from functions import running

IOT = Path(__file__).parents[2] / "datasets/iot.toml"
_chance = random.Random(20260310)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Event:
    device_type: str
    event_duration: float | str | None
    event_time: datetime | str = NOON
    event_id: str = field(default_factory=lambda: str(uuid.UUID(int=_chance.getrandbits(128))))
    value: float | None = 1.5
    shard: int | None = None
    """Of Kinesis; none is Kafka's."""

    def json(self) -> str:
        time = self.event_time if isinstance(self.event_time, str) else self.event_time.isoformat()
        fields = {**vars(self), "event_time": time, "device_id": f"{self.device_type}-{int(self.event_id[:4], 16) % 5}"}
        del fields["shard"]
        # Python writes NaN as it is; no JSON has it, and the record is rejected.
        return json.dumps({name: value for name, value in fields.items() if value is not None})


Run = list[Event]
Make = Callable[[], list[Run]]


def group(kind: str, durations: Iterable[float | str | None], time: datetime | str = NOON) -> Run:
    return [Event(kind, duration, time) for duration in durations]


def spread(count: int) -> list[float]:
    """Values without order, many of them equal."""
    return [number * 37 % 101 + 0.25 for number in range(count)]


def log_normal(count: int) -> list[float]:
    return [round(_chance.lognormvariate(4.8, 0.6), 1) for _ in range(count)]


def thresholds() -> list[Run]:
    """Groups around 500 events, and duplicates that would lift one over it."""
    runs: list[Run] = [[], []]
    for count in (1, 2, 498, 499, 500, 501):
        runs[0] += group(f"just {count}", spread(count))
    for index in range(30):
        runs[0] += group(f"type {index:02}", log_normal(485 + index))
    lifted = group("lifted inside the horizon", spread(499))
    runs[0] += [*lifted, *lifted[:50]]
    beyond = group("lifted beyond the horizon", spread(499))
    runs[0] += beyond
    runs[1] += [replace(event) for event in beyond[:50]]
    return runs


def first_of_an_id() -> list[Run]:
    """Copies of an id with other values: the one with the least offset counts, in whichever run it came."""
    original = group("copied", spread(600))
    later = [replace(event, event_duration=1e6) for event in original[300:]]
    earlier = [replace(event, event_duration=-7.0) for event in original[-20:]]
    # The offsets of the second run begin at 0: after 50 others, `later` has greater ones than its originals only
    # from there on, and `earlier` lesser ones.
    return [original, [*earlier, *group("other", spread(580)), *later]]


def borders() -> list[Run]:
    """A value a millionth of the distance inside three deviations, and one as much outside; below, above, and both."""
    run: Run = []
    for name, sign in {"above": 1, "below": -1}.items():
        base = [sign * (1.0 if number % 2 else -1.0) for number in range(600)]
        far = sign * _on_the_border([sign * value for value in base])
        run += group(f"{name}, inside", [*base, far * (1 - 1e-6)])
        run += group(f"{name}, outside", [*base, far * (1 + 1e-6)])
    run += group("one-sided", [*log_normal(700), *[5e4] * 9])
    run += group("two-sided", [*spread(700), -9e3, -8e3, 8e3, 9e3])
    run += group("500 with an outlier", [*[1.0] * 499, 1e6])
    return [run]


def constants() -> list[Run]:
    run: Run = []
    for value in (0.1, 0.0, -7.7, 1e-300, 123_456_789.123, 1e150, 1 / 3):
        run += group(f"always {value!r}", [value] * 500)
    return [run, group("always 0.1", [0.1] * 700)]


def magnitudes() -> list[Run]:
    run: Run = []
    for scale in (1e-140, 1e-9, 1e9, 1e75, 1e150):
        run += group(f"times {scale:g}", [value * scale for value in spread(613)])
        run += group(f"around zero, times {scale:g}", [(value - 50.0) * scale for value in spread(557)])
    run += group("mixed", [*(value * 1e-12 for value in spread(300)), *(value * 1e12 for value in spread(300))])
    run += group("a large mean", [1e9 + value * 1e-3 for value in spread(600)])
    run += group("least and greatest step", [5e-324, -5e-324, 2.2250738585072014e-308, *spread(500)])
    return [run]


def squares_that_are_no_doubles() -> list[Run]:
    """Beyond 1e154, and between values that differ by less than 1e-162."""
    run = group("ordinary", spread(500))
    for scale in (1e200, 1e-200):
        run += group(f"times {scale:g}", [value * scale for value in spread(500)])
    return [run]


def days() -> list[Run]:
    """Both sides of midnight UTC, in several zones; an empty day between; and events that come in later runs."""
    midnight = NOON.replace(hour=0)
    run = group("before midnight", spread(500), midnight - timedelta(microseconds=1))
    run += group("before midnight", spread(499), midnight)
    run += group("after midnight", spread(501), midnight)
    run += group("after midnight", spread(300), "2026-03-10T01:59:59.999999+02:00")
    run += group("zones", spread(250), "2026-03-09T23:30:00-01:00")
    run += group("zones", spread(250), "2026-03-10T05:45:00+05:45")
    run += group("zones", spread(499), "2026-03-10T05:44:59.999+05:45")
    run += group("after an empty day", spread(555), NOON + timedelta(days=2))
    late = group("before midnight", log_normal(77), midnight)
    late += group("after midnight", log_normal(350), midnight - timedelta(hours=3))
    return [run, late]


def nulls() -> list[Run]:
    """Rows from before the duration was required: they do not count. And what JSON cannot say, which is rejected."""
    before = [*group("499 and nulls", [None] * 300), *group("500 and nulls", [None] * 300)]
    run = [*group("499 and nulls", spread(499)), *group("500 and nulls", spread(500))]
    run += group("499 and NaN", [*spread(499), float("nan"), float("inf"), "NaN"])
    with_value = [replace(event, event_duration=3.5) for event in before[:10]]
    return [before, run, with_value]


def at_random() -> list[Run]:
    """Several days, types and runs, with copies of ids in the same and in later runs."""
    kinds = [f"kind {index}" for index in range(8)]
    runs: list[Run] = []
    for _ in range(3):
        run = [
            Event(_chance.choice(kinds), duration, NOON + timedelta(hours=_chance.uniform(-40, 40)))
            for duration in log_normal(8000)
        ]
        run += _chance.sample(run, 200)
        if runs:
            run += _chance.sample(runs[0], 300)
        _chance.shuffle(run)
        runs.append(run)
    return runs


def shards() -> list[Run]:
    """Copies of an id with other values: Kafka's count before Kinesis', then the first by shard and sequence number."""
    original = group("copied", spread(600))
    # The copies' numbers are longer: as text they would come first.
    behind = [replace(event, event_duration=1e6) for event in original[:300]]
    other = group("copied to others", spread(600))
    other_shards = [replace(event, event_duration=-7.0, shard=0) for event in other[:20]]
    other_shards += [replace(event, event_duration=1e6, shard=2) for event in other[20:40]]
    kafka = [replace(event, event_duration=-9.0) for event in other[10:30]]
    in_shard = [replace(event, shard=1) for event in [*original, *other]]
    return [in_shard, [*other_shards, *(replace(event, shard=1) for event in behind)], kafka]


LAKES: tuple[Make, ...] = (
    thresholds,
    first_of_an_id,
    borders,
    constants,
    magnitudes,
    days,
    nulls,
    at_random,
    shards,
)


def pour(penstock: Path, root: Path, make: Make) -> Path:
    """Makes a lake below the folder; returns its dataset file, which stands beside it."""
    root.mkdir(parents=True)
    dataset, before = root / "iot.toml", root / "before.toml"
    dataset.write_text(_dataset())
    before.write_text(_dataset_before_the_question())
    partitions = "3" if make is at_random else "1"
    # A lake does not depend on which others were made before.
    _chance.seed(make.__name__)
    numbers = dict.fromkeys(range(3), FIRST_SEQUENCE_NUMBER)
    for number, run in enumerate(make()):
        file = before if make is nulls and number == 0 else dataset
        if run[0].shard is None:
            _run(penstock, root, file, run, partitions)
        else:
            _deliver(penstock.parent, root / "lake", file, run, numbers)
    return dataset


def _run(penstock: Path, root: Path, dataset: Path, run: Run, partitions: str) -> None:
    lines = root / "run.ndjson"
    lines.write_text("".join(f"{event.json()}\n" for event in run))
    given: list[str | Path] = [
        "--lake",
        root / "lake",
        "--dataset",
        dataset,
        "--input",
        lines,
        "--partitions",
        partitions,
    ]
    subprocess.run([penstock, "run", *given], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


FIRST_SEQUENCE_NUMBER = 10**56 - 350
"""After 350 records of a shard the numbers get a digit more."""


def _deliver(binaries: Path, lake: Path, dataset: Path, run: Run, numbers: dict[int, int]) -> None:
    """Calls the functions with what a stream holds, as Lambda does; `numbers` is the next one of each shard."""
    settings = {"PENSTOCK_LAKE": f"file://{lake}", "PENSTOCK_DATASET": str(dataset), "PENSTOCK_SOURCE": "kinesis"}
    with running(binaries / "ingest", settings) as ingest, running(binaries / "refine", settings) as refine:
        for shard, events in groupby(run, lambda event: event.shard or 0):
            values = list(events)
            ingest.call({"Records": [_record(event, shard, numbers[shard] + n) for n, event in enumerate(values)]})
            numbers[shard] += len(values)
        refine.call({})


def _record(event: Event, shard: int, sequence_number: int) -> dict[str, Any]:
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": event.device_type,
            "sequenceNumber": str(sequence_number),
            "data": base64.b64encode(event.json().encode()).decode(),
            "approximateArrivalTimestamp": NOON.timestamp(),
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-{shard:012}:{sequence_number}",
        "eventName": "aws:kinesis:record",
        "awsRegion": "us-east-1",
        # The name of the topic in `penstock run`.
        "eventSourceARN": "arn:aws:kinesis:us-east-1:000000000000:stream/events",
    }


def _dataset() -> str:
    return _replaced(
        IOT.read_text(), {"horizon_secs = 600": "horizon_secs = 0", "max_past_days = 30": "max_past_days = 3650"}
    )


def _dataset_before_the_question() -> str:
    """Without the section [p95] a duration may be absent."""
    required = 'type = "double"\nrequired = true\nunit = "ms"'
    text = _replaced(_dataset(), {required: required.replace("required = true\n", "")})
    return text[: text.index("[p95]")]


def _replaced(text: str, replacements: dict[str, str]) -> str:
    for old, new in replacements.items():
        assert text.count(old) == 1, f"datasets/iot.toml has no {old!r}"
        text = text.replace(old, new)
    return text


def _on_the_border(base: list[float]) -> float:
    """The value that, added to the others, lies three deviations above the mean of all."""
    inside, outside = max(base), 100.0
    for _ in range(200):
        middle = (inside + outside) / 2
        if _distance([*base, middle]) <= 0:
            inside = middle
        else:
            outside = middle
    return inside


def _distance(values: list[float]) -> float:
    """How far the last value lies beyond three deviations."""
    mean = sum(values) / len(values)
    squares = sum((value - mean) ** 2 for value in values)
    return values[-1] - mean - 3 * math.sqrt(squares / (len(values) - 1))
