"""A bench for workers: memory adapters, an incident whose timeline is stored, and a clock for the queue."""

from collections.abc import Callable
from itertools import accumulate
from threading import Event
from typing import Any, TypeVar

from premortem.adapters.event_log.memory import MemoryEventLog
from premortem.adapters.incident_store.memory import MemoryIncidentStore
from premortem.adapters.streams.patience import Patience
from premortem.adapters.task_queue.memory import MemoryTaskQueue
from premortem.adapters.tracer.silent import SilentTracer
from premortem.domain import timeline
from premortem.domain.chain import link
from premortem.domain.ids import FactId
from premortem.domain.incident import fold
from premortem.domain.tasks import BuildContext, Task, task_id
from premortem.domain.timeline import ContextBuilt, IncidentFact, TaskFailed, TimelineTicked
from premortem.domain.work import Answer, Work
from premortem.ports import Received, Saved, StoredFact
from premortem.workers.attempt import Attempt
from premortem.workers.dispatch import Handlers
from tests.builders import NOW, detected

T = TypeVar("T", bound=Task)
QUEUE = "context-builder-tasks"
OPENED = detected()


def asked(kind: type[T], cause: FactId = OPENED.id, **said: Any) -> T:
    """Return a request for work about the incident, as `react` would ask for it."""
    whose = {"incident_id": OPENED.incident_id, "tenant_id": OPENED.tenant_id, "project_id": OPENED.project_id}
    return kind(**({"id": task_id(kind, cause), "caused_by": cause, "at": NOW} | whose | said))


def about(kind: Callable[..., IncidentFact], **said: Any) -> IncidentFact:
    """Return a fact about the incident."""
    whose = {"incident_id": OPENED.incident_id, "tenant_id": OPENED.tenant_id, "project_id": OPENED.project_id}
    return kind(**({"id": FactId("f"), "occurred_at": NOW} | whose | said))


def built(work: Work[BuildContext]) -> Answer:
    """Answer as a context builder that found one thing."""
    return Answer((ContextBuilt(**work.heading(250), evidence_ids=("ev-1",)),))


class Shown(SilentTracer):
    """A tracer that has an address, and keeps what it was shown: (trace, step, what came of it)."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, str, object]] = []

    def trace_url(self, trace_id: str) -> str:
        return f"https://traces.example/{trace_id}"

    def record(self, trace_id: str, step: str, given: object, answered: object, **_: Any) -> None:
        self.steps.append((trace_id, step, answered))


class Bench:
    """Everything that a worker touches, in memory; `seconds` is the queue's time."""

    def __init__(self, **handlers: Any) -> None:
        self.seconds = 0.0
        self.queue = MemoryTaskQueue(now=lambda: self.seconds)
        self.log = MemoryEventLog(2)
        self.incidents = MemoryIncidentStore()
        self.stop = Event()
        self.traces = Shown()
        self.handlers = Handlers(**({"build_context": built} | handlers))

    def attempt(self, **said: Any) -> Attempt:
        """Return what works on tasks here; it does not wait long for `materialize`."""
        arguments: dict[str, Any] = {"materialize_seconds": 0.0} | said
        patience = Patience(self.stop, 1)
        return Attempt(self.handlers, self.incidents, self.log, patience, self.stop, self.traces, **arguments)

    def store(self, *facts: IncidentFact) -> None:
        """Do what `materialize` does with the whole timeline of the incident."""
        incident = fold(facts)
        assert incident is not None
        records = [timeline.encode(fact) for fact in facts]
        heads = [*accumulate(records, link, initial="")][1:]
        rows = [
            StoredFact(f.incident_id, f.id, 0, n, type(f).__name__, f.occurred_at, records[n], heads[n])
            for n, f in enumerate(facts)
        ]
        self.incidents.save([Saved(incident, 0, len(facts), heads[-1])], rows)

    def facts(self) -> list[IncidentFact]:
        """Return what stands on the timeline, in order of partition and offset."""
        records = [r for p in range(2) for r in self.log.read("debugging.timeline", p, 0, 1000)]
        found = [timeline.decode(record.value) for record in records]
        return [fact for fact in found if not isinstance(fact, TimelineTicked)]

    def failed(self) -> TaskFailed:
        """Return the one fact that a task was given up."""
        (found,) = self.facts()
        assert isinstance(found, TaskFailed)
        return found


def received(task: Task, count: int = 1) -> Received:
    """Return the task as it is in a worker's hands for the `count`-th time."""
    return Received(task, f"{task.id}:{count}", count)
