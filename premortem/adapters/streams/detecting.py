"""detect: a record of the project stream through the detector, findings to the timeline."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from premortem.domain import project_stream, timeline
from premortem.domain.conservation import STATE_KEY, Outcome
from premortem.domain.project_stream import ProjectRecord
from premortem.domain.timeline import IncidentFact
from premortem.ports import Append, Checkpoint, LogRecord


class Observer(Protocol):
    """The detector of one log partition, which holds whole projects. Skips offsets that it has seen."""

    def observe(self, offset: int, record: ProjectRecord) -> Sequence[IncidentFact]:
        """Return the findings that `record` makes certain."""

    def changed(self) -> Mapping[str, bytes | None]:
        """Return the parts of the state that changed since the last call (None = removed)."""


RestoreObserver = Callable[[Mapping[str, bytes]], Observer]
"""Makes a detector from the state that a checkpoint holds; from none, a new one."""


class Detecting:
    """Handles the records of one partition."""

    def __init__(self, checkpoint: Checkpoint, restore: RestoreObserver) -> None:
        self._detector = restore({name: part for name, part in checkpoint.state.items() if name != STATE_KEY})
        self._observe = self._detector.observe

    def take(self, record: LogRecord, into: list[Append]) -> Outcome:
        """Observe the record; raises ValueError when it is none."""
        findings = self._observe(record.offset, project_stream.decode(record.value))
        if findings:
            into.extend(fact_record(fact) for fact in findings)
        return "out"

    def changed(self) -> Mapping[str, bytes | None]:
        """Return the detector's changed snapshots."""
        return self._detector.changed()


def fact_record(fact: IncidentFact) -> Append:
    """Return what appends a fact to the timeline."""
    return Append("debugging.timeline", fact.incident_id, timeline.encode(fact))
