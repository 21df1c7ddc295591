"""route: what each fact sets in motion, by the policy in `domain.routing`."""

from collections.abc import Mapping, Sequence
from functools import partial

from premortem.adapters.streams.delivery import Deliver, Delivered
from premortem.adapters.streams.detecting import fact_record
from premortem.adapters.streams.incident_history import IncidentHistory
from premortem.adapters.streams.patience import Patience
from premortem.adapters.streams.timeline_facts import PlacedFact
from premortem.domain import project_stream, timeline
from premortem.domain.conservation import Outcome
from premortem.domain.incident import evolve
from premortem.domain.project_stream import ProjectRecord
from premortem.domain.routing import NOTHING, Reaction, react
from premortem.domain.timeline import TimelineTicked
from premortem.ports import Append, EventLog, LogRecord, TaskQueue


class Reacting:
    """Handles the timeline of one partition."""

    def __init__(self, history: IncidentHistory) -> None:
        self._history = history

    def take(self, record: LogRecord, into: list[Reaction]) -> Outcome:
        """React to the fact, upon the incident as the fact left it. A fact written twice is reacted to once."""
        fact = timeline.decode(record.value)
        if isinstance(fact, TimelineTicked):
            return "filtered"
        before = self._history.before(PlacedFact(fact, record))
        incident = evolve(before, fact)
        if incident is None:
            return "filtered"
        self._history.remember(incident)
        if before is not None and fact.id in before.facts:
            return "filtered"
        reaction = react(incident, fact)
        if reaction != NOTHING:
            into.append(reaction)
        return "out"

    def changed(self) -> Mapping[str, bytes | None]:
        """Return nothing: what route knows of incidents is folded from the stored timeline."""
        return {}


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
