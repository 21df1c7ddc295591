"""Work: a task with everything that is known of its incident, and the answer that a handler gives."""

from collections.abc import Sequence
from typing import Generic, TypedDict, TypeVar

from msgspec import Struct

from premortem.domain.ids import FactId, IncidentId, ProjectId, TenantId
from premortem.domain.incident import Incident
from premortem.domain.project_stream import ProjectRecord
from premortem.domain.tasks import Task, answer_id
from premortem.domain.timeline import IncidentFact

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
