"""Effects: what a dataflow's step wants done, as values, and the one place that does it, in a safe order.

The order makes a crash at any point harmless: what is sent comes first, the position that covers it last, so whatever
was in flight is done again; ids derived from content and guarded writes make doing it again change nothing.
"""

import base64
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from premortem.domain.tasks import Task
from premortem.exceptions import Unavailable
from premortem.ports import (
    Append,
    ArchivedRow,
    CheckpointStore,
    EventLog,
    EvidenceStore,
    Flow,
    IncidentStore,
    LogRecord,
    Saved,
    StoredFact,
    TaskQueue,
    Topic,
)


@dataclass(slots=True)
class Effects:
    """What is to be done about one batch of one partition; `checkpoint` = the state parts that changed, or None."""

    partition: int
    next_offset: int
    appends: list[Append] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    rows: list[ArchivedRow] = field(default_factory=list)
    incidents: list[Saved] = field(default_factory=list)
    facts: list[StoredFact] = field(default_factory=list)
    checkpoint: Mapping[str, bytes | None] | None = None


@dataclass(frozen=True)
class Targets:
    """Where effects go; a dataflow that has no effect of a kind may leave its target out."""

    checkpoints: CheckpointStore
    log: EventLog
    tasks: TaskQueue | None = None
    evidence: EvidenceStore | None = None
    incidents: IncidentStore | None = None


def perform(flow: Flow, effects: Effects, targets: Targets, crash: Callable[[str], None]) -> None:
    """Do the effects, then save the checkpoint that covers them. Raises Unavailable, having done a part or none."""
    if effects.rows and targets.evidence:
        targets.evidence.insert(effects.rows)
        crash(f"{flow}.after_insert")
    if (effects.incidents or effects.facts) and targets.incidents:
        targets.incidents.save(effects.incidents, effects.facts)
        crash(f"{flow}.after_save")
    if effects.tasks and targets.tasks:
        targets.tasks.send(effects.tasks)
        crash(f"{flow}.after_send")
    if effects.appends:
        targets.log.append(effects.appends)
        crash(f"{flow}.after_append")
    if effects.checkpoint is not None:
        crash(f"{flow}.before_checkpoint")
        targets.checkpoints.save(flow, effects.partition, effects.next_offset, effects.checkpoint)
        crash(f"{flow}.after_checkpoint")


T = TypeVar("T")


class Stopped(Exception):
    """The dataflow was told to end while it waited for a dependency."""


def patiently(call: Callable[[], T], stopping: threading.Event, seconds: float) -> T:
    """Return what `call` returns, repeating it with back-off while it raises Unavailable, up to about `seconds`.

    Raises Stopped when told to stop meanwhile, and the last Unavailable when time is up.
    """
    waited, pause = 0.0, 0.05
    while True:
        try:
            return call()
        except Unavailable:
            if waited >= seconds:
                raise
            if stopping.wait(pause):
                raise Stopped from None
            waited += pause
            pause = min(2.0, pause * 2)


def dead_letter(flow: Flow, topic: Topic, record: LogRecord, reason: str) -> Append:
    """Return the record that keeps what could not be read, with where it stood and why."""
    letter = {
        "flow": flow,
        "topic": topic,
        "partition": record.partition,
        "offset": record.offset,
        "reason": reason[:500],
        "raw": base64.b64encode(record.value).decode(),
    }
    return Append("dead-letters", record.key, msgspec.json.encode(letter))
