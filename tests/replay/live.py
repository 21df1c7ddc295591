"""A stream of several projects, and what `detect` makes of it on a log: through the dataflow's own handler."""

import random
from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from premortem.adapters.event_log.memory import MemoryEventLog
from premortem.adapters.streams.dead_letter import dead_letter
from premortem.adapters.streams.detecting import Detecting
from premortem.domain import project_stream, timeline
from premortem.domain.detection import Detector
from premortem.domain.ids import Fingerprint, ProjectId, TenantId
from premortem.domain.project_stream import DetectorConfigured, ProjectRecord, SuppressionChanged, tick
from premortem.domain.timeline import TimelineEvent
from premortem.ports import Append, Checkpoint, EventLog
from tests.builders import NOW, error_seen
from tests.domain.detection.stream import DAY, HOUR, MINUTE, deployed, mute, resolved, rule, sessions

PROJECTS = 5


def stream(count: int = 1_200, seed: int = 5) -> list[ProjectRecord]:
    """Return what the projects send in some hours: errors, and everything that steers how they are judged."""
    chance = random.Random(seed)
    now = NOW - NOW % HOUR
    found: list[ProjectRecord] = []
    for n in range(count):
        now += chance.choice([0, 1, 30, 2_000, 20_000, 40_000])
        name = f"{chance.randrange(25):032x}"
        record = _steering(n, now, name, chance) if n % 25 == 3 else _error(n, now, name, chance)
        found.append(replace(record, project_id=ProjectId(chance.randrange(PROJECTS) + 1)))
        if n % 50 == 0:
            found.append(tick(now))
    return [*found, tick(now + DAY)]


def _error(n: int, now: int, name: str, chance: random.Random) -> ProjectRecord:
    return error_seen(
        n,
        hashes=(Fingerprint(name),),
        received_at=now,
        occurred_at=now - chance.choice([0, 100, 3_000]),
        handled=chance.random() < 0.7,
        title=f"KeyError: {name[-2:]}",
        root_type=chance.choice(["KeyError", "TimeoutError", "OSError"]),
        release=f"shop@{now // (30 * MINUTE)}",
        user_hash=f"{chance.randrange(9)}",
        trace_id=f"{chance.randrange(400):032x}",
    )


def _steering(n: int, now: int, name: str, chance: random.Random) -> ProjectRecord:
    who = {"tenant_id": TenantId("acme"), "project_id": ProjectId(1), "received_at": now}
    until = now + chance.choice([MINUTE, HOUR])
    rules = SuppressionChanged(
        **who, v=2, name="bots", until=now + HOUR, owner="ann", reason="bots", title="KeyError: 0*"
    )
    return chance.choice(
        [
            mute(now, until, name),
            resolved(now, name),
            rule(now, "minimum_users", chance.choice([None, 2.0])),
            sessions(now, n),
            deployed(now, f"shop@{now // (30 * MINUTE)}"),
            DetectorConfigured(**who, values={"score_opens": chance.choice([4.0, 5.0, 6.0])}),
            rules,
        ]
    )


def log_of(records: Iterable[ProjectRecord], partitions: int = 4) -> MemoryEventLog:
    """Return a log of which the project stream holds the records; ticks stand in every partition."""
    log = MemoryEventLog(partitions)
    fill(log, records)
    return log


def fill(log: EventLog, records: Iterable[ProjectRecord]) -> None:
    """Append the records to the project stream."""
    appended: list[Append] = []
    for record in records:
        value = project_stream.encode(record)
        ticks = isinstance(record, project_stream.Ticked)
        places: Sequence[int | None] = [*range(log.partitions("sentry.events"))] if ticks else [None]
        appended += [Append("sentry.events", str(record.project_id), value, place) for place in places]
    log.append(appended)


def detect(log: EventLog, until: int | None = None) -> dict[int, int]:
    """Run `detect` over the log, a partition's first `until` records (None = all); return how far it came in each."""
    reached: dict[int, int] = {}
    for partition, head in enumerate(log.heads("sentry.events")):
        handler = Detecting(Checkpoint(0, {}), lambda state: Detector.restore(state))
        reached[partition] = head if until is None else min(until, head)
        told: list[Append] = []
        for record in log.read("sentry.events", partition, 0, reached[partition]):
            try:
                handler.take(record, told)
            except ValueError as exception:
                told.append(dead_letter("detect", "sentry.events", record, repr(exception)))
        if told:
            log.append(told)
    return reached


def edited(log: MemoryEventLog, edit: Callable[[TimelineEvent, bytes], Sequence[bytes]]) -> MemoryEventLog:
    """Return a log with another timeline: `edit` is given each fact, and returns the records in its place."""
    other = MemoryEventLog(log.partitions("sentry.events"))
    for topic in ("sentry.events", "debugging.timeline", "dead-letters"):
        for partition, head in enumerate(log.heads(topic)):  # type: ignore[arg-type]
            for record in log.read(topic, partition, 0, head):  # type: ignore[arg-type]
                values = [record.value]
                if topic == "debugging.timeline":
                    values = [*edit(timeline.decode_as_written(record.value), record.value)]
                other.append([Append(topic, record.key, value, partition) for value in values])  # type: ignore[arg-type]
    return other
