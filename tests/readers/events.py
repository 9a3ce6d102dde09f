"""Records with every kind of value, the payloads that deliver them, and the tables that must come of them.

Everything follows from one seed and the time at which the test begins.
The tables are computed from what was sent, with nothing of Penstock's.
"""

import base64
import json
import random
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from table import Table

MINUTE = 60_000_000
DAY = 24 * 60 * MINUTE

# Records of one partition in one payload.
BATCH = 400

COLUMNS = {
    "event_id": "text",
    "device_id": "text",
    "device_type": "text",
    "event_time": "time",
    "event_duration": "double",
    "value": "double",
    "battery": "int64",
    "charging": "bool",
    "seen_at": "time",
    "session_id": "text",
    "note": "text",
    "absent": "text",
}
COORDINATES = {"topic": "text", "partition": "int32", "offset": "int64", "shard": "text", "sequence_number": "text"}
KAFKA = {name: COORDINATES[name] for name in ["topic", "partition", "offset"]}
KINESIS = {name: COORDINATES[name] for name in ["topic", "shard", "sequence_number"]}
RECORD = {"timestamp": "time", "timestamp_type": "text", "key": "bytes", "ingested_at": "time"}
REJECT = {"reject_reason": "text", "reject_detail": "text", "reject_bytes": "bytes"}
RAW_COLUMNS = COLUMNS | {"event_id": "bytes", "session_id": "bytes"}

SCHEMAS = {
    "raw of Kafka": KAFKA | RECORD | RAW_COLUMNS | {"extra": "text"} | REJECT,
    "raw of Kinesis": KINESIS | RECORD | RAW_COLUMNS | {"extra": "text"} | REJECT,
    "silver": COLUMNS | COORDINATES | {"event_date": "date"},
    "windows": {
        "window_start": "time",
        "window_end": "time",
        "device_id": "text",
        "device_type": "text",
        "count": "int64",
        "measure_count": "int64",
        "sum": "double",
        "min": "double",
        "max": "double",
        "avg": "double",
        "first_event_time": "time",
        "last_event_time": "time",
        "kind": "text",
        "event_date": "date",
    },
    "rejects": COORDINATES
    | {"timestamp": "time", "key": "bytes", "ingested_at": "time"}
    | REJECT,
}
# What the functions decide, and no sender can know: readers must agree on it with each other.
UNKNOWN = {"ingested_at", "reject_detail"}

TEXTS = ["", " ", "plain", "tab\tand\nline", 'quote " and \\', "Größe 📏", "日本語", "a\u0000b", "\u202eright", "x" * 5000, "null"]
DOUBLES = [0.0, -0.0, 5e-324, -5e-324, 2.2250738585072014e-308, 1e-9, 0.1, 1 / 3, 123456789.125, -1e300, 1.7976931348623157e308]
INTEGERS = [0, -1, 1, 100, 2**31, -(2**31) - 1, 2**63 - 1, -(2**63)]
KEYS = [None, b"", b"device", bytes(range(256)), "ключ".encode()]
EXTRAS = [None, {"extra": 1}, {"tags": ["a", None, {"b": 2.5}]}, {"Größe": "📏"}]


@dataclass(frozen=True)
class Event:
    """An event as its device sent it; `fields` are the dataset's columns."""

    fields: dict
    extra: dict | None

    def json(self, chance: random.Random) -> bytes:
        fields = dict(self.fields)
        note = fields.pop("note")
        fields["event_time"] = spelled_time(fields["event_time"], chance)
        if fields["seen_at"] is not None:
            fields["seen_at"] = rfc3339(fields["seen_at"], UTC)
        if note is not None:
            fields["details"] = {"note": note}
        members = [(name, value) for name, value in fields.items() if value is not None or chance.random() < 0.2]
        chance.shuffle(members)
        return compact(dict(members) | (self.extra or {})).encode()


@dataclass
class Record:
    """A record as it stands in its source: with an event, or with the reason to reject it."""

    chain: "Chain"
    position: int
    timestamp: int | None
    key: bytes | None
    value: bytes | None
    event: Event | None = None
    reason: str | None = None
    not_base64: str | None = None

    def payload_value(self) -> str | None:
        if self.not_base64 is not None:
            return self.not_base64
        return None if self.value is None else base64.b64encode(self.value).decode()


@dataclass
class Chain:
    """A partition of a topic, or a shard of a stream."""

    topic: str
    partition: int | None
    shard: str | None
    next: int

    @property
    def is_kafka(self) -> bool:
        return self.shard is None

    @property
    def order(self) -> tuple:
        return (self.topic.encode(), not self.is_kafka, self.partition or 0, self.shard or "")

    def take_position(self) -> int:
        position = self.next
        # Sequence numbers have holes.
        self.next += 1 if self.is_kafka else 1_000_003
        return position


def compact(value: dict) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def rfc3339(micros: int, zone: timezone) -> str:
    time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    return time.astimezone(zone).isoformat(timespec="microseconds")


def spelled_time(micros: int, chance: random.Random) -> str | int:
    if micros % 1000 == 0 and chance.random() < 0.5:
        return micros // 1000
    return rfc3339(micros, timezone(timedelta(minutes=chance.choice([0, 120, -570, 345]))))


class Plan:
    """Three rounds of records; refine runs after each of them."""

    def __init__(self, now: int, seed: int = 7):
        self.chance = random.Random(seed)
        self.now = now
        self.chains = [
            Chain("Events", 0, None, 0),
            Chain("Events", 1, None, 0),
            # Does not begin at 0: the first object of its chain is a declared gap, without rows.
            Chain("Events", 2, None, 1000),
            Chain("clicks", None, "shardId-000000000003", 49590338271490256608559692538361571095921575989136588898),
        ]
        events = self._events()
        # Only of a group that the question leaves out anyway: the others have exactly as many events as they should.
        late = [self._late_twin(event) for event in events if event.fields["device_type"] == "thermostat"][:60]
        copies = [self.chance.choice(events) for _ in range(80)]
        third = len(events) // 3
        self.rounds: list[list[Record]] = [
            self._records(events[: 2 * third] + copies[:40] + self._clock(), reject_first=True),
            self._records(events[2 * third :] + late + copies[40:] + self._clock()),
            self._records([self._event(device_type="last") for _ in range(20)] + self._clock()),
        ]

    def payloads(self, records: list[Record]) -> tuple[list[dict], list[dict]]:
        """What the event source mappings of Kafka and of Kinesis deliver."""
        chunks: dict[int, list[list[Record]]] = {}
        for index, chain in enumerate(self.chains):
            mine = [record for record in records if record.chain is chain]
            chunks[index] = [mine[start : start + BATCH] for start in range(0, len(mine), BATCH)]
        kafka = [chunks[index] for index, chain in enumerate(self.chains) if chain.is_kafka]
        kinesis = [chunks[index] for index, chain in enumerate(self.chains) if not chain.is_kafka]
        batches = max(map(len, kafka), default=0)
        return (
            [kafka_payload([chunk[batch] for chunk in kafka if batch < len(chunk)]) for batch in range(batches)],
            [kinesis_payload(chunk) for chain in kinesis for chunk in chain],
        )

    def _events(self) -> list[Event]:
        """Groups around the 500 of the question, and others with odd values."""
        groups = [
            ("camera", 3, 700, lambda n: 5000.0 if n % 90 == 0 else 100 + self.chance.gauss(0, 15)),
            ("camera", 9, 501, lambda n: round(self.chance.lognormvariate(4, 0.6), 1)),
            ("light", 3, 500, lambda n: round(self.chance.lognormvariate(3, 1.2), 3)),
            ("plug", 3, 499, lambda n: float(n)),
            ("equal", 3, 520, lambda n: 0.1),
            ('Größe 📏, "x"', 3, 510, lambda n: -float(n) / 7),
        ]
        events = [
            self._event(device_type=kind, day=day, duration=duration(number))
            for kind, day, count, duration in groups
            for number in range(count)
        ]
        events += [self._event(day=self.chance.randrange(1, 29)) for _ in range(400)]
        self.chance.shuffle(events)
        return events

    def _event(self, device_type="thermostat", day=1, duration=1.5, **changes) -> Event:
        pick = lambda values, share: self.chance.choice(values) if self.chance.random() < share else None
        # Never across midnight, so that the groups of a day stay as large as they are meant to be.
        time = (self.now - day * DAY) // DAY * DAY + self.chance.randrange(1, 24 * 60 - 1) * MINUTE
        fields = {
            "event_id": str(uuid.UUID(int=self.chance.getrandbits(128))),
            "device_id": self.chance.choice(["d-1", "d-2", "../d", "a=b/", "Ä", ""]),
            "device_type": device_type,
            "event_time": time + self.chance.choice([0, 1, 999_999, 30_000_000]),
            "event_duration": duration,
            "value": pick(DOUBLES, 0.8),
            "battery": pick(INTEGERS, 0.6),
            "charging": pick([True, False], 0.7),
            "seen_at": pick([0, 1, -1, micros_of(1901), micros_of(2262), self.now], 0.6),
            "session_id": str(uuid.UUID(int=self.chance.getrandbits(128))) if self.chance.random() < 0.5 else None,
            "note": pick(TEXTS, 0.7),
            "absent": None,
        }
        return Event(fields | changes, self.chance.choice(EXTRAS))

    def _late_twin(self, event: Event) -> Event:
        """Falls into the window of an event that went before it."""
        return self._event(**{name: event.fields[name] for name in ["device_id", "device_type", "event_time"]})

    def _clock(self) -> list[Event]:
        """Events of just now, so that the watermark passes the windows of all the others."""
        return [self._event(device_type="clock", event_time=self.now, value=0.5) for _ in range(40)]

    def _records(self, events: list[Event], reject_first: bool = False) -> list[Record]:
        records = []
        for number, event in enumerate(events):
            # The clock's events come last and go to all chains.
            chain = self.chains[number % 4] if event.fields["device_type"] == "clock" else self.chance.choice(self.chains)
            records.append(self._record(chain, event.json(self.chance), event=event))
        if reject_first:
            for reason, value in self._broken():
                records.insert(self.chance.randrange(len(records)), self._broken_record(reason, value))
        # Positions follow from the final order.
        for record in records:
            record.position = record.chain.take_position()
        return records

    def _record(self, chain: Chain, value: bytes | None, **fields) -> Record:
        # Milliseconds, and a quarter of the Kafka records without a timestamp. Kinesis has seconds as a double.
        timestamp = self.now // 1000 * 1000 - self.chance.randrange(1000) * 1000
        if chain.is_kafka and self.chance.random() < 0.25:
            timestamp = None
        # Kinesis has a partition key of text in every record.
        key = self.chance.choice(KEYS) if chain.is_kafka else self.chance.choice([b"device", "ключ".encode()])
        return Record(chain, 0, timestamp, key, value, **fields)

    def _broken_record(self, reason: str, value: bytes | None) -> Record:
        kafka, kinesis = self.chains[self.chance.randrange(3)], self.chains[3]
        if reason == "not_base64":
            return self._record(kafka, b"%%%", reason=reason, not_base64="%%%")
        return self._record(kinesis if reason == "aggregated" else kafka, value, reason=reason)

    def _broken(self) -> list[tuple[str, bytes | None]]:
        """Every reason to reject a record."""
        good = self._event().fields | {"details": {}}
        good.pop("note")
        at = lambda days: good | {"event_time": (self.now + days * DAY) // 1000, "seen_at": None}
        change = lambda **changes: json.dumps(at(-1) | changes).encode()
        without = at(-1)
        del without["device_id"]
        return [
            ("tombstone", None),
            ("not_base64", None),
            ("aggregated", b"\xf3\x89\x9a\xc2 and more"),
            ("too_large", json.dumps(at(-1) | {"note": "x" * 70_000}).encode()),
            ("not_utf8", b'{"event_id": "\xff"}'),
            ("schema_encoded", b"\0\0\0\0\7binary"),
            ("not_json", b'{"event_id": '),
            ("not_json", b""),
            ("too_deep", b"[" * 100 + b"]" * 100),
            ("duplicate_key", json.dumps(at(-1)).encode()[:-1] + b', "device_id": "twice"}'),
            ("wrong_type", change(event_duration="fast")),
            ("number_out_of_range", change(battery=2**63)),
            ("required_absent", json.dumps(without).encode()),
            ("timestamp_unreadable", change(event_time="yesterday")),
            ("too_old", json.dumps(at(-31)).encode()),
            ("in_future", json.dumps(at(1)).encode()),
        ]

    # The tables.

    def tables(self) -> dict[str, Table]:
        """What the lake must hold, but for the windows: see `window_totals`."""
        records = [record for records in self.rounds for record in records]
        kafka = [record for record in records if record.chain.is_kafka]
        kinesis = [record for record in records if not record.chain.is_kafka]
        return {
            "raw of Kafka": raw_table("raw of Kafka", kafka),
            "raw of Kinesis": raw_table("raw of Kinesis", kinesis),
            "silver": table("silver", [coordinates(record) | silver_row(record.event) for record in self.silver()]),
            "rejects": table("rejects", [reject_row(record) for record in records if record.reason]),
        }

    def silver(self) -> list[Record]:
        """The first record of each id: by round, then by topic, partition and offset."""
        first: dict[str, Record] = {}
        for records in self.rounds:
            for record in sorted(records, key=lambda record: (record.chain.order, record.position)):
                if record.event:
                    first.setdefault(record.event.fields["event_id"], record)
        return list(first.values())

    def window_totals(self) -> dict[tuple, dict]:
        """What all rows of a window add up to: by its start and keys."""
        windows: dict[tuple, list[dict]] = {}
        for record in self.silver():
            fields = record.event.fields
            start = fields["event_time"] // MINUTE * MINUTE
            windows.setdefault((start, fields["device_id"], fields["device_type"]), []).append(fields)
        return {key: window_total(events) for key, events in windows.items()}


def micros_of(year: int) -> int:
    return (datetime(year, 1, 1, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def kafka_payload(batches: list[list[Record]]) -> dict:
    record = lambda record: {
        "topic": record.chain.topic,
        "partition": record.chain.partition,
        "offset": record.position,
        "timestamp": -1 if record.timestamp is None else record.timestamp // 1000,
        "timestampType": "CREATE_TIME",
        "key": None if record.key is None else base64.b64encode(record.key).decode(),
        "value": record.payload_value(),
        "headers": [],
    }
    name = lambda batch: f"{batch[0].chain.topic}-{batch[0].chain.partition}"
    return {
        "eventSource": "aws:kafka",
        "eventSourceArn": "arn:aws:kafka:us-east-1:000000000000:cluster/c/1",
        "bootstrapServers": "broker:9092",
        "records": {name(batch): [record(one) for one in batch] for batch in batches if batch},
    }


def kinesis_payload(batch: list[Record]) -> dict:
    record = lambda record: {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": record.key.decode(),
            "sequenceNumber": str(record.position),
            "data": record.payload_value(),
            "approximateArrivalTimestamp": record.timestamp / 1e6,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{record.chain.shard}:{record.position}",
        "eventName": "aws:kinesis:record",
        "awsRegion": "us-east-1",
        "eventSourceARN": f"arn:aws:kinesis:us-east-1:000000000000:stream/{record.chain.topic}",
    }
    return {"Records": [record(one) for one in batch]}


def table(name: str, rows: list[dict]) -> Table:
    """The rows in the columns of the schema; what is not known is left out."""
    made = Table()
    for column, kind in SCHEMAS[name].items():
        if column not in UNKNOWN:
            made.add(column, kind, [row.get(column) for row in rows])
    return made


def coordinates(record: Record) -> dict:
    chain = record.chain
    if chain.is_kafka:
        return {"topic": chain.topic, "partition": chain.partition, "offset": record.position}
    return {"topic": chain.topic, "shard": chain.shard, "sequence_number": str(record.position)}


def raw_table(name: str, records: list[Record]) -> Table:
    def row(record: Record) -> dict:
        fields = dict(record.event.fields) if record.event else {}
        for column in ["event_id", "session_id"]:
            fields[column] = uuid.UUID(fields[column]).bytes if fields.get(column) else None
        extra = record.event.extra if record.event else None
        return coordinates(record) | reject_row(record) | fields | {
            "timestamp_type": "create_time" if record.chain.is_kafka else "arrival_time",
            # As it was sent, to the letter.
            "extra": None if extra is None else compact(extra),
        }

    return table(name, [row(record) for record in records])


def reject_row(record: Record) -> dict:
    return coordinates(record) | {
        "timestamp": record.timestamp,
        "key": record.key,
        "reject_reason": record.reason,
        "reject_bytes": record.value if record.reason else None,
    }


def silver_row(event: Event) -> dict:
    return event.fields | {"event_date": rfc3339(event.fields["event_time"], UTC)[:10]}


def window_total(events: list[dict]) -> dict:
    values = [event["value"] for event in events if event["value"] is not None]
    times = [event["event_time"] for event in events]
    return {
        "count": len(events),
        "measure_count": len(values),
        "sum": sum(values) if values else None,
        "min": min(values, default=None),
        "max": max(values, default=None),
        "first_event_time": min(times),
        "last_event_time": max(times),
    }
