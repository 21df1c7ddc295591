"""detect: a record of the project stream through the detector, findings to the timeline."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from premortem.adapters.streams.dead_letter import dead_letter
from premortem.adapters.streams.stopping import Abandoned
from premortem.domain import project_stream, timeline
from premortem.domain.conservation import STATE_KEY, Outcome
from premortem.domain.project_stream import ProjectRecord
from premortem.domain.timeline import IncidentFact
from premortem.exceptions import PremortemException
from premortem.ports import Append, Checkpoint, LogRecord


class Observer(Protocol):
    """The detector of one log partition, which holds whole projects. Skips offsets that it has seen."""

    @property
    def late(self) -> int:
        """Return how many records came too late to be judged in their order."""

    def admit(self, offset: int, record: ProjectRecord) -> Sequence[tuple[int, ProjectRecord]]:
        """Take `record` in and return those to be judged now, with their offsets: those whose turn it makes it."""

    def judge(self, record: ProjectRecord) -> Sequence[IncidentFact]:
        """Return the findings that `record` makes certain."""

    def changed(self) -> Mapping[str, bytes | None]:
        """Return the parts of the state that changed since the last call (None = removed)."""


RestoreObserver = Callable[[Mapping[str, bytes]], Observer]
"""Makes a detector from the state that a checkpoint holds; from none, a new one."""


class Detecting:
    """Handles the records of one partition."""

    def __init__(self, checkpoint: Checkpoint, restore: RestoreObserver) -> None:
        self._detector = restore({name: part for name, part in checkpoint.state.items() if name != STATE_KEY})
        self._admit, self._judge = self._detector.admit, self._detector.judge
        self._late = self._detector.late

    def take(self, record: LogRecord, into: list[Append]) -> Outcome:
        """Observe the record, or those that have waited for it; raises ValueError when it is none."""
        for offset, due in self._admit(record.offset, project_stream.decode(record.value)):
            try:
                findings = self._judge(due)
            except (PremortemException, Abandoned):
                raise
            except Exception as exception:
                if offset == record.offset:
                    raise
                into.append(_refused(offset, due, record, exception))
                continue
            if findings:
                into.extend(fact_record(fact) for fact in findings)
        if self._detector.late == self._late:
            return "out"
        self._late = self._detector.late
        return "late"

    def changed(self) -> Mapping[str, bytes | None]:
        """Return the detector's changed snapshots."""
        return self._detector.changed()


def _refused(offset: int, due: ProjectRecord, by: LogRecord, exception: Exception) -> Append:
    """Return the dead letter of a record that waited, and that could not be judged when a later one released it."""
    value = project_stream.encode(due)
    record = LogRecord(by.partition, offset, str(due.project_id), value, by.recorded_at)
    return dead_letter("detect", "sentry.events", record, repr(exception))


def fact_record(fact: IncidentFact) -> Append:
    """Return what appends a fact to the timeline."""
    return Append("debugging.timeline", fact.incident_id, timeline.encode(fact))
