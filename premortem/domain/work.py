"""Work: a task with everything that is known of its incident, and the answer that a handler gives."""

from collections.abc import Sequence
from typing import Generic, Literal, TypedDict, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from premortem.domain.evidence import Made
from premortem.domain.ids import FactId, IncidentId, ProjectId, TenantId
from premortem.domain.incident import Incident
from premortem.domain.project_stream import ProjectRecord
from premortem.domain.tasks import Task, answer_id
from premortem.domain.timeline import (
    ContextBuilt,
    EvaluationCompleted,
    FixProposed,
    IncidentFact,
    InstrumentationProposed,
    PullRequestOpened,
    RootCauseProposed,
)

SIGNED = (
    ContextBuilt,
    RootCauseProposed,
    InstrumentationProposed,
    FixProposed,
    PullRequestOpened,
    EvaluationCompleted,
)
"""The facts that say who made them."""
AnyTask = TypeVar("AnyTask", bound=Task, covariant=True)


class Heading(TypedDict):
    """What the answer to a task says before anything else; `RootCauseProposed(**heading, ...)`."""

    id: FactId
    incident_id: IncidentId
    tenant_id: TenantId
    project_id: ProjectId
    occurred_at: int


class Work(Struct, Generic[AnyTask], frozen=True):
    """A task in the hands of a worker. `facts` are the incident's timeline as it is stored, in the log's order; the one
    that caused the task is among them, and `incident` is their fold.
    """

    task: AnyTask
    incident: Incident
    facts: Sequence[IncidentFact]
    receive_count: int = 1
    """How often the task was handed out, this time included: after some, a handler may do without what is away."""
    chain: str = ""
    """The head of the incident's chain after the last of `facts`; empty = the store keeps none."""

    def heading(self, duration_ms: int) -> Heading:
        """Return the heading of the answering fact: the same id for every attempt, and the log's time of the request
        plus how long the work took by a monotonic clock (milliseconds).
        """
        task = self.task
        return Heading(
            id=answer_id(task),
            incident_id=task.incident_id,
            tenant_id=task.tenant_id,
            project_id=task.project_id,
            occurred_at=task.at + duration_ms,
        )


class Answer(Struct, frozen=True):
    """What came of a task: facts for the timeline, records for the project stream. Empty = nothing to say yet: the
    task is done, and asked for again when its answer is due (`domain.due`).
    """

    facts: tuple[IncidentFact, ...] = ()
    records: tuple[ProjectRecord, ...] = ()

    def signed(self, upon: str, trace_id: str, trace_url: str) -> "Answer":
        """Return the answer with the head of the chain that it was made upon in each signature, and with the trace in
        those that name none.
        """
        return replace(self, facts=tuple(_signed(fact, upon, trace_id, trace_url) for fact in self.facts))

    @property
    def is_traced(self) -> bool:
        """Tell whether who made it has shown its step already."""
        return any(made.trace_id for made in map(made_of, self.facts) if made)


def made_of(fact: IncidentFact) -> Made | None:
    """Return who made the fact; None where nobody signed it."""
    return fact.made if isinstance(fact, SIGNED) else None


def _signed(fact: IncidentFact, upon: str, trace_id: str, trace_url: str) -> IncidentFact:
    if not isinstance(fact, SIGNED) or fact.made is None:
        return fact
    made = replace(fact.made, upon=upon)
    return replace(fact, made=made if made.trace_id else replace(made, trace_id=trace_id, trace_url=trace_url))


Ending = Literal["answered", "deleted", "retried", "buried"]
"""What became of a task in a worker's hands: answered, needless and so deleted, given back for later, given up."""


class WorkTally(Struct, frozen=True, kw_only=True):
    """Tasks of one queue: how often one was received, and how that ended. A task that is given back counts again."""

    received: int = 0
    answered: int = 0
    deleted: int = 0
    retried: int = 0
    buried: int = 0

    @property
    def unfinished(self) -> int:
        """Those in some worker's hands, and those that were when it died: they are received again."""
        return self.received - self.answered - self.deleted - self.retried - self.buried

    def __add__(self, other: "WorkTally") -> "WorkTally":
        return WorkTally(
            received=self.received + other.received,
            answered=self.answered + other.answered,
            deleted=self.deleted + other.deleted,
            retried=self.retried + other.retried,
            buried=self.buried + other.buried,
        )
