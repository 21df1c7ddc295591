"""What incidents wait for, by the timeline alone: the tasks that were on the queues, should the queues be lost.

It is the fold that `route` keeps (`domain.due`), taken anew from the log's first record to its last.
"""

from collections.abc import Callable, Iterator

from msgspec import Struct

from premortem.domain.due import Due
from premortem.domain.ids import IncidentId
from premortem.domain.incident import NOTICE_STAGE, Incident, evolve
from premortem.domain.routing import react
from premortem.domain.tasks import Task
from premortem.domain.timeline import IncidentFact, TaskFailed, TimelineEvent, TimelineTicked, decode
from premortem.ports import LogReader
from replay.reading import batches

Progress = Callable[[int, int], None]
_AT_ONCE = 1000


class Waiting(Struct, frozen=True, kw_only=True):
    """What the queues of a log would hold if nobody had worked on anything since the last fact."""

    asked: tuple[Task, ...]
    """Sent and not answered: these were on the queues, or in a worker's hands."""
    scheduled: tuple[Task, ...]
    """Not due yet: these were on no queue, and `route` sends them in their time."""
    given_up: tuple[TaskFailed, ...]
    """Why incidents wait for a person: these tasks were in the dead-letter queues."""


def waiting(log: LogReader, progress: Progress = lambda _done, _all: None) -> Waiting:
    """Return what is awaited at the end of the timeline. Raises versions.Newer for facts that a newer version wrote."""
    heads = log.heads("debugging.timeline")
    asked: list[Task] = []
    scheduled: list[Task] = []
    given_up: list[TaskFailed] = []
    done = 0
    for partition, head in enumerate(heads):
        fold = _Fold()
        for offset, event in _events(log, partition, head):
            fold.take(event)
            progress(done + offset + 1, sum(heads))
        done += head
        awaited = fold.due.awaited()
        asked += [each.task for each in awaited if each.deadline]
        scheduled += [each.task for each in awaited if not each.deadline]
        given_up += [failed for incident_id in sorted(fold.given_up) for failed in fold.given_up[incident_id]]
    return Waiting(asked=tuple(asked), scheduled=tuple(scheduled), given_up=tuple(given_up))


class _Fold:
    """What `route` knows of one partition."""

    def __init__(self) -> None:
        self.due = Due()
        self.given_up: dict[IncidentId, list[TaskFailed]] = {}
        self._incidents: dict[IncidentId, Incident] = {}

    def take(self, event: TimelineEvent) -> None:
        """Take the next fact or tick."""
        if isinstance(event, TimelineTicked):
            self.due.pass_time(event.at)
            return
        before = self._incidents.get(event.incident_id)
        incident = evolve(before, event)
        if incident is None or incident is before:  # of no incident, or written twice
            return
        self._incidents[incident.id] = incident
        self.due.take(incident, event, react(incident, event).tasks)
        self._note_failure(incident, event)

    def _note_failure(self, incident: Incident, fact: IncidentFact) -> None:
        if incident.status != "needs_human":
            self.given_up.pop(incident.id, None)
        elif isinstance(fact, TaskFailed) and fact.task_id and fact.stage != NOTICE_STAGE:
            self.given_up.setdefault(incident.id, []).append(fact)


def _events(log: LogReader, partition: int, head: int) -> Iterator[tuple[int, TimelineEvent]]:
    """Yield offset and event of what can be read; what cannot be changed nothing for `route` either."""
    for found in batches(log, "debugging.timeline", partition, 0, head, _AT_ONCE):
        for record in found:
            try:
                yield record.offset, decode(record.value)
            except ValueError:
                continue
