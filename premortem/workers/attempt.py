"""An attempt at a task: from what the queue handed out to facts on the log, or to the reason why there are none."""

import logging
import time
from collections.abc import Callable, Sequence
from threading import Event
from typing import Protocol, TypeVar

from premortem.domain import project_stream, timeline
from premortem.domain.due import give_up
from premortem.domain.incident import fold
from premortem.domain.tasks import MOST_RECEIVES, Notify, Task, answer_id, stage
from premortem.domain.telling import tell
from premortem.domain.timeline import IncidentFact, TaskFailed, TimelineTicked
from premortem.domain.work import Answer, Ending, Work
from premortem.exceptions import Permanent, PremortemException, Retryable
from premortem.ports import Append, EventLog, IncidentStore, Received, Tracer
from premortem.workers.dispatch import Handlers, handler_of

T = TypeVar("T")
_LOGGER = logging.getLogger(__name__)
_PAGE = 1000
_REASON_LENGTH = 500
_LOOK_SECONDS = 0.3


class Patient(Protocol):
    """Calls again what raised Unavailable, for a while; raises what it gives up with."""

    def __call__(self, call: Callable[[], T]) -> T:
        """Return what `call` returns."""


class Attempt:
    """Works on tasks; thread-safe as far as the handlers are."""

    def __init__(
        self,
        handlers: Handlers,
        incidents: IncidentStore,
        log: EventLog,
        patient: Patient,
        stop: Event,
        tracer: Tracer,
        *,
        materialize_seconds: float = 30.0,
        crash: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._handlers, self._incidents, self._log = handlers, incidents, log
        self._patient, self._stop, self._materialize_seconds = patient, stop, materialize_seconds
        self._tracer, self._crash = tracer, crash

    def __call__(self, received: Received) -> Ending:
        """Return how the attempt ended; what there is to say about it stands on the log by then."""
        task = received.task
        begun = time.monotonic()
        try:
            if received.receive_count > MOST_RECEIVES:
                raise Permanent(f"it was handed out {MOST_RECEIVES} times and never finished. Does a worker die of it?")
            return self._work(received)
        except Exception as problem:
            words, unexpected = _words(problem), not isinstance(problem, PremortemException)
            again = received.receive_count < MOST_RECEIVES or self._stop.is_set()
            if again and not isinstance(problem, Permanent):
                _LOGGER.warning("%s %s is tried again: %s", _kind(task), task.id, words, exc_info=unexpected)
                return "retried"
            _LOGGER.error("%s %s is given up: %s", _kind(task), task.id, words, exc_info=unexpected)
            at = task.at + round((time.monotonic() - begun) * 1000)
            self._show(task, [f"given up: {words}"])
            return self._give_up(give_up(task, at, words, received.receive_count))

    def _work(self, received: Received) -> Ending:
        task = received.task
        work = self._needed(task, received.receive_count)
        if work is None:
            return "deleted"
        handler = handler_of(self._handlers, task)
        if handler is None:
            raise Retryable(f"this worker has no handler for {_kind(task)}")
        answer: Answer = handler(work)
        if not answer.is_traced:
            self._show(task, [tell(fact) for fact in answer.facts])
        trace_id = self._trace_id(task)
        answer = answer.signed(work.chain, trace_id, self._tracer.trace_url(trace_id))
        records = [*map(_fact_record, answer.facts), *map(_project_record, answer.records)]
        self._crash("worker.before_append")
        if records:
            self._patient(lambda: self._log.append(records))
        self._crash("worker.after_append")
        return "answered"

    def _trace_id(self, task: Task) -> str:
        return self._tracer.trace_id(task.incident_id, stage(task), task.attempt)

    def _show(self, task: Task, came: Sequence[str]) -> None:
        """Show the step of a handler that shows none itself. Never raises, and nothing waits for it."""
        self._tracer.record(self._trace_id(task), stage(task), {"caused by": task.caused_by}, {"came of it": came})

    def _needed(self, task: Task, receive_count: int) -> Work[Task] | None:
        """Return the work, or None when it is done already, or the incident is over and nobody asks any more."""
        facts, chain = self._stored(task)
        incident = fold(facts)
        if incident is None:
            raise Retryable(f"the stored timeline of {task.incident_id} does not begin with its detection")
        over = incident.status in ("resolved", "suppressed") and not isinstance(task, Notify)
        return None if over or answer_id(task) in incident.facts else Work(task, incident, facts, receive_count, chain)

    def _stored(self, task: Task) -> tuple[tuple[IncidentFact, ...], str]:
        """Return the incident's facts and the head of their chain, waiting a while until the one that caused the task
        is among them.
        """
        deadline = time.monotonic() + self._materialize_seconds
        while True:
            facts, chain = self._timeline(task)
            if any(fact.id == task.caused_by for fact in facts):
                return facts, chain
            if time.monotonic() >= deadline or self._stop.wait(_LOOK_SECONDS):
                raise Retryable(f"{task.caused_by} is not in the stored timeline yet. Does materialize run?")

    def _timeline(self, task: Task) -> tuple[tuple[IncidentFact, ...], str]:
        facts: list[IncidentFact] = []
        after, chain, full = -1, "", True
        while full:
            page = self._incidents.timeline(task.tenant_id, task.incident_id, after, _PAGE)
            decoded = [timeline.decode(row.value) for row in page]
            facts += [fact for fact in decoded if not isinstance(fact, TimelineTicked)]
            after, chain = (page[-1].offset, page[-1].chain) if page else (after, chain)
            full = len(page) == _PAGE
        return tuple(facts), chain

    def _give_up(self, failed: TaskFailed) -> Ending:
        """Say it on the log; where that cannot be done, the task comes back, to be given up then."""
        try:
            self._patient(lambda: self._log.append([_fact_record(failed)]))
        except Exception:
            _LOGGER.exception("that task %s is given up could not be written", failed.task_id)
            return "retried"
        self._crash("worker.after_append")
        return "buried"


def _kind(task: Task) -> str:
    return type(task).__name__


def _words(problem: Exception) -> str:
    known = isinstance(problem, PremortemException)
    text = str(problem) if known else f"{type(problem).__name__}: {problem}"
    return text.encode(errors="replace").decode()[:_REASON_LENGTH]


def _fact_record(fact: IncidentFact) -> Append:
    return Append("debugging.timeline", fact.incident_id, timeline.encode(fact))


def _project_record(record: project_stream.ProjectRecord) -> Append:
    return Append("sentry.events", str(record.project_id), project_stream.encode(record))
