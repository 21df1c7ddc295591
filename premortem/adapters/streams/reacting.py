"""route: what each fact sets in motion, by the policy in `domain.routing`, and what is asked for again in time."""

from collections.abc import Mapping, Sequence
from functools import partial

from msgspec.structs import replace

from premortem.adapters.streams.delivery import Deliver, Delivered
from premortem.adapters.streams.detecting import fact_record
from premortem.adapters.streams.incident_history import IncidentHistory
from premortem.adapters.streams.patience import Patience
from premortem.adapters.streams.timeline_facts import PlacedFact
from premortem.domain import project_stream, timeline
from premortem.domain.conservation import Outcome
from premortem.domain.due import Due
from premortem.domain.incident import evolve
from premortem.domain.project_stream import ProjectRecord
from premortem.domain.routing import NOTHING, Reaction, react
from premortem.domain.timeline import TimelineTicked
from premortem.ports import Append, EventLog, LogRecord, TaskQueue


class Reacting:
    """Handles the timeline of one partition. Its state is what the incidents wait for, saved behind the tasks that are
    sent: after a crash the same tasks are sent again, and each queue knows them by their ids.
    """

    def __init__(self, history: IncidentHistory, due: Due) -> None:
        self._history, self._due = history, due

    def take(self, record: LogRecord, into: list[Reaction]) -> Outcome:
        """React to the fact, upon the incident as the fact left it. A fact written twice is reacted to once. A tick
        makes what is scheduled or overdue be sent, and says what is given up.
        """
        fact = timeline.decode(record.value)
        if isinstance(fact, TimelineTicked):
            tasks, given_up = self._due.pass_time(fact.at)
            return _into(into, Reaction(tasks=tuple(tasks), facts=tuple(given_up)), "filtered")
        before = self._history.before(PlacedFact(fact, record))
        incident = evolve(before, fact)
        if incident is None:
            return "filtered"
        self._history.remember(incident)
        if before is not None and fact.id in before.facts:
            return "filtered"
        reaction = react(incident, fact)
        now = self._due.take(incident, fact, reaction.tasks)
        return _into(into, replace(reaction, tasks=tuple(now)), "out")

    def changed(self) -> Mapping[str, bytes | None]:
        """Return what changed of what is waited for. Incidents themselves are folded from the stored timeline, and
        looked up anew when that was rebuilt.
        """
        self._history.refresh()
        return self._due.changed()


def _into(into: list[Reaction], reaction: Reaction, otherwise: Outcome) -> Outcome:
    """Add the reaction when there is one, and return what became of the record."""
    if reaction == NOTHING:
        return otherwise
    into.append(reaction)
    return "out"


_TASKS_AT_ONCE = 100
"""So many tasks are one call to the queue: a slow one is given time without the dataflow's going silent."""


def sending(queue: TaskQueue, log: EventLog, patience: Patience) -> Deliver[Reaction]:
    """Return a delivery that sends tasks to their queues, and facts and records to the log."""

    def deliver(reactions: Sequence[Reaction]) -> Delivered:
        tasks = [task for reaction in reactions for task in reaction.tasks]
        facts = [fact_record(fact) for reaction in reactions for fact in reaction.facts]
        records = [_record(record) for reaction in reactions for record in reaction.records]
        for first in range(0, len(tasks), _TASKS_AT_ONCE):
            patience(partial(queue.send, tasks[first : first + _TASKS_AT_ONCE]))
        if facts or records:
            patience(lambda: log.append([*facts, *records]))
        return Delivered()

    return deliver


def _record(record: ProjectRecord) -> Append:
    return Append("sentry.events", str(record.project_id), project_stream.encode(record))
