"""Tasks: the closed union of requests to workers, imperatives with ids derived from the fact that caused them."""

from typing import Literal

import msgspec
from msgspec import Struct

from premortem.domain.ids import FactId, IncidentId, ProjectId, TaskId, TenantId, derive

Occasion = Literal["opened", "grown", "cause_found", "pull_request", "resolved", "reopened", "needs_you"]


class _Task(Struct, frozen=True, tag_field="kind", omit_defaults=True, kw_only=True):
    """What every task says. The same cause gives the same id, so work asked for twice is done once."""

    id: TaskId
    incident_id: IncidentId
    tenant_id: TenantId
    project_id: ProjectId
    caused_by: FactId
    attempt: int = 1
    at: int = 0
    """The log's time when it was asked for, in milliseconds since 1970 UTC: a worker's only notion of now."""
    due_at: int = 0
    """Not to be sent before the log's time has come this far; 0 = at once."""
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


class WatchPullRequest(_Task, frozen=True, tag="WatchPullRequest", omit_defaults=True, kw_only=True):
    """Look whether a pull request was merged or closed, in case no webhook tells; asked again until it was."""


class FindDeploy(_Task, frozen=True, tag="FindDeploy", omit_defaults=True, kw_only=True):
    """Find the release that carries a merged fix into the incident's environment; asked again until there is one."""


class EvaluateFix(_Task, frozen=True, tag="EvaluateFix", omit_defaults=True, kw_only=True):
    """Compare error rates before and after the deploy."""


class Notify(_Task, frozen=True, tag="Notify", omit_defaults=True, kw_only=True):
    """Tell somebody what happened; nothing waits for it."""

    occasion: Occasion


Task = (
    BuildContext
    | ProposeRootCause
    | ProposeFix
    | ProposeInstrumentation
    | OpenPullRequest
    | WatchPullRequest
    | FindDeploy
    | EvaluateFix
    | Notify
)

QUEUES: dict[type[Task], str] = {
    BuildContext: "context-builder-tasks",
    ProposeRootCause: "rca-tasks",
    ProposeFix: "fix-tasks",
    ProposeInstrumentation: "instrumentation-tasks",
    OpenPullRequest: "pull-request-tasks",
    WatchPullRequest: "review-tasks",
    FindDeploy: "deploy-tasks",
    EvaluateFix: "evaluation-tasks",
    Notify: "notification-tasks",
}
"""Which queue each task travels on; each queue has a dead-letter queue named after it with `-dlq`."""

MOST_RECEIVES = 5
"""So often a task is handed out before it is given up."""

VERSIONS: dict[type[Task], int] = dict.fromkeys(QUEUES, 2) | {WatchPullRequest: 1, FindDeploy: 1, Notify: 1}
"""The version of each task's shape that is written today."""

encode = msgspec.json.Encoder(order="deterministic").encode
decode = msgspec.json.Decoder(Task).decode


def task_id(kind: type[Task], caused_by: FactId, attempt: int = 1) -> TaskId:
    """Return the id of the `attempt`-th request for this work: the same on every machine and every replay."""
    return TaskId(derive("task", kind.__name__, caused_by, attempt))


def stage(task: Task) -> str:
    """Return the name of the work in a word: its queue's, without the ending."""
    return QUEUES[type(task)].removesuffix("-tasks")


def answer_id(task: Task) -> FactId:
    """Return the id of the fact that answers this work, whichever attempt made it: answered twice is answered once."""
    return FactId(derive("answer", type(task).__name__, task.caused_by))
