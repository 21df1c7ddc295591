"""detect: a record of the project stream through the detector, findings to the timeline."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from msgspec.structs import replace

from premortem.adapters.streams.dead_letter import dead_letter
from premortem.adapters.streams.stopping import Abandoned
from premortem.domain import project_stream, timeline
from premortem.domain.conservation import STATE_KEY, Outcome
from premortem.domain.detection.ordering import Packed
from premortem.domain.timeline import IncidentFact
from premortem.domain.versions import Newer
from premortem.exceptions import PremortemException
from premortem.ports import Append, Checkpoint, LogRecord


class Observer(Protocol):
    """The detector of one log partition, which holds whole projects. Skips offsets that it has seen."""

    @property
    def late(self) -> int:
        """Return how many records came too late to be judged in their order."""

    def admit(self, offset: int, record: bytes) -> Sequence[tuple[int, int, Packed]]:
        """Take a record in and return those to be judged now, in order: (received_at, offset, record) of each.

        Raises ValueError for what is plainly no record.
        """

    def judge(self, packed: Packed) -> Sequence[IncidentFact]:
        """Return the findings that the record makes certain; raises ValueError when it is none."""

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
        """Let the record in, and observe those whose turn has come; raises ValueError when it is none."""
        for _, offset, due in self._admit(record.offset, record.value):
            try:
                findings = self._judge(due)
            except (PremortemException, Abandoned, Newer):
                raise
            except Exception as exception:
                if offset == record.offset:
                    raise
                into.append(_refused(offset, due, record, exception))
            else:
                into.extend(fact_record(fact) for fact in findings)
        if self._detector.late == self._late:
            return "out"
        self._late = self._detector.late
        return "late"

    def changed(self) -> Mapping[str, bytes | None]:
        """Return the detector's changed snapshots."""
        return self._detector.changed()


def _refused(offset: int, packed: Packed, by: LogRecord, exception: Exception) -> Append:
    """Return the dead letter of a record that waited, and that could not be judged when a later one released it."""
    value = packed if isinstance(packed, bytes) else project_stream.encode(packed)
    return dead_letter("detect", "sentry.events", replace(by, offset=offset, value=value), repr(exception))


def fact_record(fact: IncidentFact) -> Append:
    """Return what appends a fact to the timeline."""
    return Append("debugging.timeline", fact.incident_id, timeline.encode(fact))
