"""Due: the tasks that wait for their time, and those whose answer is missing; a fold of one partition's timeline.

A queue may be lost with everything in it. What an incident waits for is known here, from the log alone: a task whose
answering fact has not appeared in its time is asked for again, until it is given up, which is a fact too.
"""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from premortem.domain.ids import FactId, IncidentId, derive
from premortem.domain.incident import Incident
from premortem.domain.tasks import (
    BuildContext,
    EvaluateFix,
    FindDeploy,
    OpenPullRequest,
    ProposeFix,
    ProposeInstrumentation,
    ProposeRootCause,
    Task,
    WatchPullRequest,
    answer_id,
    stage,
    task_id,
)
from premortem.domain.timeline import FixApplied, HumanResponded, IncidentFact, TaskFailed

_MINUTE_MS = 60_000
_LONGEST_MS = 60 * _MINUTE_MS
_CLOCK, _PREFIX = "clock", "due/"


class Patience(Struct, frozen=True):
    """How long an answer may take, doubled with every attempt up to an hour, and how many attempts there are."""

    first_ms: int
    attempts: int | None
    """None = asked for ever: the worker itself says when it is over."""


PATIENCE: dict[type[Task], Patience] = {
    BuildContext: Patience(10 * _MINUTE_MS, 6),
    ProposeRootCause: Patience(15 * _MINUTE_MS, 6),
    ProposeFix: Patience(30 * _MINUTE_MS, 6),
    ProposeInstrumentation: Patience(30 * _MINUTE_MS, 6),
    OpenPullRequest: Patience(15 * _MINUTE_MS, 6),
    WatchPullRequest: Patience(10 * _MINUTE_MS, None),
    FindDeploy: Patience(2 * _MINUTE_MS, None),
    EvaluateFix: Patience(15 * _MINUTE_MS, 6),
}
"""Of every task that is answered by a fact; nothing waits for a notice."""


class Awaited(Struct, frozen=True):
    """A task and the time by which its answer is due; 0 = it waits to be sent."""

    task: Task
    deadline: int


class Due:
    """What the incidents of one partition wait for. Mutable, but pure: time is that of facts and ticks."""

    def __init__(self) -> None:
        self._clock = 0
        self._awaited: dict[IncidentId, tuple[Awaited, ...]] = {}
        self._touched: dict[IncidentId, None] = {}

    @classmethod
    def restore(cls, state: Mapping[str, bytes]) -> "Due":
        """Return what `changed` gave, going on as if it had never stopped. Raises ValueError for other bytes."""
        due = cls()
        for name in sorted(state):
            if name == _CLOCK:
                due._clock = msgspec.msgpack.decode(state[name], type=int)
            elif name.startswith(_PREFIX):
                due._awaited[IncidentId(name.removeprefix(_PREFIX))] = _DECODER.decode(state[name])
        return due

    def changed(self) -> dict[str, bytes | None]:
        """Return the parts of the state that changed since the last call, None = removed."""
        parts: dict[str, bytes | None] = {_CLOCK: msgspec.msgpack.encode(self._clock)}
        for incident_id in sorted(self._touched):
            found = self._awaited.get(incident_id)
            parts[_PREFIX + incident_id] = _ENCODER.encode(found) if found else None
        self._touched.clear()
        return parts

    def awaited(self) -> list[Awaited]:
        """Return all that is waited for, in order of incident."""
        return [awaited for incident_id in sorted(self._awaited) for awaited in self._awaited[incident_id]]

    def take(self, incident: Incident, fact: IncidentFact, asked: Sequence[Task]) -> list[Task]:
        """Settle what `fact` answers, note what it asked for, and return what of that is to be sent at once."""
        self._clock = max(self._clock, fact.occurred_at)
        kept = self._awaited.get(incident.id, ())
        if incident.status in ("resolved", "suppressed"):
            kept = ()
        kept = tuple(awaited for awaited in kept if not _settles(fact, awaited.task))
        now = [task for task in asked if task.due_at <= self._clock]
        waiting = [Awaited(task, 0) for task in asked if task.due_at > self._clock]
        answered = [Awaited(task, self._deadline(task)) for task in now if type(task) in PATIENCE]
        self._keep(incident.id, (*kept, *answered, *waiting))
        return now

    def pass_time(self, at: int) -> tuple[list[Task], list[IncidentFact]]:
        """Return the tasks whose time has come or whose answer is overdue at `at`, and what is given up."""
        self._clock = max(self._clock, at)
        send: list[Task] = []
        given_up: list[IncidentFact] = []
        for incident_id in sorted(self._awaited):
            kept: list[Awaited] = []
            for awaited in self._awaited[incident_id]:
                self._look(awaited, kept, send, given_up)
            self._keep(incident_id, tuple(kept))
        return send, given_up

    def _look(self, awaited: Awaited, kept: list[Awaited], send: list[Task], given_up: list[IncidentFact]) -> None:
        task = awaited.task
        if (awaited.deadline or task.due_at) > self._clock:
            kept.append(awaited)
            return
        most = PATIENCE[type(task)].attempts
        if awaited.deadline and most is not None and task.attempt >= most:
            reason = f"no worker answered in {task.attempt} attempts. Does one run? premortem doctor tells."
            given_up.append(give_up(task, self._clock, reason, task.attempt))
            return
        attempt = task.attempt + 1 if awaited.deadline else task.attempt
        again = replace(task, id=task_id(type(task), task.caused_by, attempt), attempt=attempt, at=self._clock)
        send.append(again)
        kept.append(Awaited(again, self._deadline(again)))

    def _deadline(self, task: Task) -> int:
        first = PATIENCE[type(task)].first_ms
        return self._clock + max(first, min(first << min(task.attempt - 1, 30), _LONGEST_MS))

    def _keep(self, incident_id: IncidentId, awaited: tuple[Awaited, ...]) -> None:
        if awaited == self._awaited.get(incident_id, ()):
            return
        self._touched[incident_id] = None
        if awaited:
            self._awaited[incident_id] = awaited
        else:
            self._awaited.pop(incident_id, None)


def _settles(fact: IncidentFact, task: Task) -> bool:
    """Tell whether the fact is the task's answer, or says that a worker gave up any attempt at it."""
    if isinstance(fact, TaskFailed):
        return fact.task_id in {task_id(type(task), task.caused_by, n) for n in range(1, task.attempt + 1)}
    if isinstance(task, WatchPullRequest):  # whoever told of it
        closed = isinstance(fact, HumanResponded) and fact.action == "reject_fix" and bool(fact.url)
        return closed or isinstance(fact, FixApplied)
    return fact.id == answer_id(task)


def give_up(task: Task, at: int, reason: str, attempts: int) -> TaskFailed:
    """Return the fact that nobody will try the task again; the same one however often it is said."""
    return TaskFailed(
        id=FactId(derive("gave up", task.id)),
        incident_id=task.incident_id,
        tenant_id=task.tenant_id,
        project_id=task.project_id,
        occurred_at=at,
        task_id=task.id,
        stage=stage(task),
        reason=reason,
        attempts=attempts,
        v=2,
    )


_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
_DECODER = msgspec.msgpack.Decoder(tuple[Awaited, ...])
