"""Tasks: the closed union of requests to workers, imperatives with ids derived from the fact that caused them."""

import msgspec
from msgspec import Struct

from premortem.domain.ids import FactId, IncidentId, ProjectId, TaskId, TenantId, derive


class _Task(Struct, frozen=True, tag_field="kind", omit_defaults=True, kw_only=True):
    """What every task says. The same cause gives the same id, so work asked for twice is done once."""

    id: TaskId
    incident_id: IncidentId
    tenant_id: TenantId
    project_id: ProjectId
    caused_by: FactId
    attempt: int = 1
    v: int = 1


class BuildContext(_Task, frozen=True, tag="BuildContext", omit_defaults=True, kw_only=True):
    """Gather the evidence about an incident."""


class ProposeRootCause(_Task, frozen=True, tag="ProposeRootCause", omit_defaults=True, kw_only=True):
    """Name the cause from the evidence."""


class ProposeFix(_Task, frozen=True, tag="ProposeFix", omit_defaults=True, kw_only=True):
    """Write a patch that removes the cause."""


class ProposeInstrumentation(_Task, frozen=True, tag="ProposeInstrumentation", omit_defaults=True, kw_only=True):
    """Write a patch that records what was missing."""


class OpenPullRequest(_Task, frozen=True, tag="OpenPullRequest", omit_defaults=True, kw_only=True):
    """Open a draft pull request with a proposed patch."""


class EvaluateFix(_Task, frozen=True, tag="EvaluateFix", omit_defaults=True, kw_only=True):
    """Compare error rates before and after the deploy."""


Task = BuildContext | ProposeRootCause | ProposeFix | ProposeInstrumentation | OpenPullRequest | EvaluateFix

QUEUES: dict[type[Task], str] = {
    BuildContext: "context-builder-tasks",
    ProposeRootCause: "rca-tasks",
    ProposeFix: "fix-tasks",
    ProposeInstrumentation: "instrumentation-tasks",
    OpenPullRequest: "pull-request-tasks",
    EvaluateFix: "evaluation-tasks",
}
"""Which queue each task travels on; each queue has a dead-letter queue named after it with `-dlq`."""

encode = msgspec.json.Encoder(order="deterministic").encode
decode = msgspec.json.Decoder(Task).decode


def task_id(kind: type[Task], caused_by: FactId, attempt: int = 1) -> TaskId:
    """Return the id of the `attempt`-th request for this work: the same on every machine and every replay."""
    return TaskId(derive("task", kind.__name__, caused_by, attempt))
