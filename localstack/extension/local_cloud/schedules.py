"""EventBridge Scheduler: LocalStack core keeps schedules and never fires them. Fires rate() and at(), not cron()."""

import json
import logging
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local_cloud import emulator

LOG = logging.getLogger(__name__)

UNIT_SECS = {"minute": 60, "hour": 3_600, "day": 86_400}
# Firings that are later than this are not made up for: the emulator, or the machine, was asleep.
MAX_DELAY_SECS = 60


@dataclass(frozen=True)
class Firing:
    is_due: bool
    # The time that it is, or will be, due.
    at: float


def firing(expression: str, since: float, now: float) -> Firing | None:
    """The next firing after `since`, which is the last one or the creation; `None` for cron() and for the past."""
    if rate := re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression.strip()):
        at = since + int(rate[1]) * UNIT_SECS[rate[2]]
        return Firing(at <= now, at)
    if once := re.fullmatch(r"at\((.+)\)", expression.strip()):
        at = datetime.fromisoformat(once[1]).replace(tzinfo=UTC).timestamp()
        return Firing(at <= now, at) if since < at else None
    return None


def start() -> None:
    """Looks at all schedules once a second, for as long as the emulator runs."""
    threading.Thread(target=_watch, daemon=True, name="schedules").start()


def _watch() -> None:
    last: dict[str, float] = {}
    while True:
        time.sleep(1)
        try:
            fire_what_is_due(last, time.time())
        except Exception:  # a schedule that cannot be read must not stop the others
            LOG.warning("the schedules could not be read", exc_info=True)


def fire_what_is_due(last: dict[str, float], now: float) -> None:
    """`last` holds when each schedule was last due."""
    for schedule in _schedules():
        # A schedule that was deleted and made anew has the same ARN.
        since = max(schedule.creation_date, last.get(schedule.arn, 0))
        next_firing = firing(schedule.schedule_expression, since, now)
        if schedule.state == "ENABLED" and next_firing and next_firing.is_due:
            last[schedule.arn] = next_firing.at if now - next_firing.at < MAX_DELAY_SECS else now
            _send(schedule)


def _schedules() -> Iterator[Any]:
    from moto.scheduler.models import scheduler_backends

    for regions in list(scheduler_backends.values()):
        for backend in list(regions.values()):
            for group in list(backend.schedule_groups.values()):
                yield from list(group.schedules.values())


def _send(schedule: Any) -> None:
    target = schedule.target
    send = emulator.module("utils.aws.message_forwarding").send_event_to_target
    try:
        send(target["Arn"], _input(target), target=target, source_arn=schedule.arn, source_service="scheduler")
    except Exception as error:  # whatever the target's client raises
        LOG.warning("schedule %s: %s", schedule.arn, error)


def _input(target: dict[str, Any]) -> Any:
    text = target.get("Input") or "{}"
    try:
        return json.loads(text)
    except ValueError:
        return text
