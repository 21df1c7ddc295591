"""Dispatch: which handler answers which task. A queue whose task has no handler is not read."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, assert_never

from premortem.domain.tasks import (
    QUEUES,
    BuildContext,
    EvaluateFix,
    FindDeploy,
    Notify,
    OpenPullRequest,
    ProposeFix,
    ProposeInstrumentation,
    ProposeRootCause,
    Task,
    WatchPullRequest,
)
from premortem.domain.work import Answer, Work
from premortem.exceptions import Permanent

T = TypeVar("T", bound=Task)

Handler = Callable[[Work[T]], Answer]
"""Does the work of a task and returns what came of it; its ports are bound to it by bootstrap.

It may be called again with the same task, also while an earlier call still runs elsewhere: its effects must stand that.
Raises Retryable to be asked again later, Permanent when asking again cannot help; any other exception is tried again
a few times, and then given up.
"""


@dataclass(frozen=True, kw_only=True)
class Handlers:
    """A handler per kind of task, named after it; None = not done by this worker."""

    build_context: Handler[BuildContext] | None = None
    propose_root_cause: Handler[ProposeRootCause] | None = None
    propose_fix: Handler[ProposeFix] | None = None
    propose_instrumentation: Handler[ProposeInstrumentation] | None = None
    open_pull_request: Handler[OpenPullRequest] | None = None
    watch_pull_request: Handler[WatchPullRequest] | None = None
    find_deploy: Handler[FindDeploy] | None = None
    evaluate_fix: Handler[EvaluateFix] | None = None
    notify: Handler[Notify] | None = None

    def queues(self) -> tuple[str, ...]:
        """Return the queues whose tasks have a handler, in order of name."""
        return tuple(sorted(queue for kind, queue in QUEUES.items() if getattr(self, _field(kind)) is not None))


def handler_of(handlers: Handlers, task: Task) -> Handler[Any] | None:
    """Return what answers the task, or None when this worker does not."""
    match task:
        case BuildContext():
            return handlers.build_context
        case ProposeRootCause():
            return handlers.propose_root_cause
        case ProposeFix():
            return handlers.propose_fix
        case ProposeInstrumentation():
            return handlers.propose_instrumentation
        case OpenPullRequest():
            return handlers.open_pull_request
        case WatchPullRequest():
            return handlers.watch_pull_request
        case FindDeploy():
            return handlers.find_deploy
        case EvaluateFix():
            return handlers.evaluate_fix
        case Notify():
            return handlers.notify
        case _:
            assert_never(task)


def undone(reason: str) -> Handler[Any]:
    """Return the handler of what this installation cannot do: each such task is given up at once, with the mend."""

    def refuse(_: Work[Any]) -> Answer:
        raise Permanent(reason)

    return refuse


def _field(kind: type[Task]) -> str:
    """Return the name of a task's handler: the task's own in snake case."""
    return re.sub(r"(?<=.)(?=[A-Z])", "_", kind.__name__).lower()
