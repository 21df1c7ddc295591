"""ProposeFix: a patch that removes the cause, tried in a throw-away checkout before anybody is shown it.

Rules propose to take the suspect change out again; a model proposes edits. Both pass the same checks, and a red one
ends it at proposed. What a patch may touch comes from code that resolved the stack and the suspect change, never from
text.
"""

import time
from collections.abc import Callable
from typing import Literal, Protocol

from msgspec import Struct

from premortem.agents import rules
from premortem.agents.checks.paths import MOST_CHARACTERS
from premortem.agents.checks.pipeline import Tried, try_patch
from premortem.agents.editing import NotRevertible, Versions, reverted
from premortem.agents.signature import signed
from premortem.agents.suspects import found, revert_summary
from premortem.domain.evidence import Edit, Made
from premortem.domain.observations import Code
from premortem.domain.tasks import ProposeFix, Task
from premortem.domain.timeline import ContextBuilt, FixProposed, RootCauseProposed
from premortem.domain.work import Answer, Work
from premortem.exceptions import Permanent
from premortem.ports import Administration, Repository, SourceCode, Tracer

_STEP = "fix"


class Proposal(Struct, frozen=True, kw_only=True):
    """Edits and what is said about them. No edits = there is nothing to propose, and `explanation` says why."""

    edits: tuple[Edit, ...]
    form: Literal["fix", "revert", "mitigation"]
    summary: str
    explanation: str
    risk: str
    rollback: str
    success: str


class FixModel(Protocol):
    """A model that proposes edits of the files it is shown."""

    def propose(
        self, work: Work[ProposeFix], cause: RootCauseProposed, context: ContextBuilt, files: dict[str, str]
    ) -> tuple[Proposal, Made]:
        """Return a proposal, without edits when the budget is spent, and who made it. Raises Retryable."""


class Fixes:
    """The handler. `model` None = the suspect change is reverted."""

    def __init__(
        self,
        source: SourceCode,
        administration: Administration,
        model: FixModel | None,
        tracer: Tracer,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source, self._administration, self._model = source, administration, model
        self._tracer, self._seconds = tracer, seconds

    def __call__(self, work: Work[ProposeFix]) -> Answer:
        """Return the fix with its checks. Raises Permanent when no cause asked for it, or its repository is unknown."""
        started = self._seconds()
        cause, context = cause_and_context(work)
        repository = repository_of(self._administration, work, cause)
        self._source.fetch(repository)
        base = self._source.head(repository)
        resolved = _resolved(cause, context)
        proposal, made = self._propose(work, cause, context, repository, base)
        tried = try_patch(
            self._source,
            repository,
            base,
            proposal.edits,
            resolved,
            context,
            proposal.explanation,
            by_rules=made.by == "rules",
        )
        made = signed(made, work.task, self._tracer, _STEP, round((self._seconds() - started) * 1000))
        fact = _proposed(work, repository, base, proposal, tried, made)
        self._tracer.record(made.trace_id, _STEP, {"cause": cause.id}, {"summary": fact.summary, "ready": fact.ready})
        return Answer(facts=(fact,))

    def _propose(
        self,
        work: Work[ProposeFix],
        cause: RootCauseProposed,
        context: ContextBuilt,
        repository: Repository,
        base: str,
    ) -> tuple[Proposal, Made]:
        if self._model is None:
            return revert_of(self._source, repository, base, cause), Made(
                by="rules", agent=rules.AGENT, agent_version=rules.VERSION
            )
        texts = {path: self._source.file(repository, base, path) for path in sorted(_resolved(cause, context))}
        return self._model.propose(
            work, cause, context, {path: text for path, text in texts.items() if text is not None}
        )


def cause_and_context(work: Work[Task]) -> tuple[RootCauseProposed, ContextBuilt]:
    """Return the cause that asked for the work and the newest context before it. Raises Permanent."""
    context: ContextBuilt | None = None
    for fact in work.facts:
        if isinstance(fact, ContextBuilt):
            context = fact
        if fact.id == work.task.caused_by and isinstance(fact, RootCauseProposed) and context is not None:
            return fact, context
    raise Permanent("no root cause stands behind this task. Was it sent by hand?")


def repository_of(administration: Administration, work: Work[Task], cause: RootCauseProposed) -> Repository:
    """Return the repository that the cause names, if it is one of the project's. Raises Permanent with the mend."""
    named = cause.suspect.repository if cause.suspect else cause.location.repository if cause.location else ""
    known = administration.repositories(work.task.tenant_id, work.task.project_id)
    for repository in known:
        if repository.name == named or (not named and len(known) == 1):
            return repository
    raise Permanent(f"project {work.task.project_id} has no repository {named!r}. Add it: premortem repository add.")


def revert_of(source: SourceCode, repository: Repository, base: str, cause: RootCauseProposed) -> Proposal:
    """Return the proposal to take the suspect change out again, without edits where that cannot be done."""
    suspect = cause.suspect
    if suspect is None:
        return nothing("No change is suspected, so there is none to take out again.")
    short = suspect.commit[:12]
    parents = source.commits(repository, None, suspect.commit, limit=1)
    parent = parents[0].parents[0] if parents and parents[0].parents else None
    if parent is None:
        return nothing(f"Commit {short} is the repository's first one.")
    files = [
        Versions(path, *(source.file(repository, commit, path) for commit in (parent, suspect.commit, base)))
        for path in suspect.paths
    ]
    try:
        edits = reverted(files)
    except NotRevertible as problem:
        return nothing(f"Commit {short} cannot be taken out by itself: {problem}.")
    if not edits:
        return nothing(f"Commit {short} changed no text that can be put back.")
    return Proposal(
        edits=edits,
        form="revert",
        summary=revert_summary(suspect.commit),
        explanation=f"{cause.summary} The patch takes out what that commit changed in {len(suspect.paths)} file(s).",
        risk="Whatever else the commit brought goes with it, and code written since may rely on it.",
        rollback=f"Revert this change: commit {short} is then as it was.",
        success="The error no longer occurs in releases that carry the revert, at the traffic of before.",
    )


def nothing(why: str) -> Proposal:
    """Return what stands for a fix where none is proposed, with the reason."""
    return Proposal(
        edits=(), form="fix", summary="No fix is proposed", explanation=why, risk="", rollback="", success=""
    )


def _resolved(cause: RootCauseProposed, context: ContextBuilt) -> set[str]:
    """Return the files that code led to: those of the stack, and those that the suspect change touched."""
    paths = {code.path for _, code in found(context.evidence, "code", Code)}
    return paths | set(cause.suspect.paths if cause.suspect else ())


def _proposed(
    work: Work[ProposeFix], repository: Repository, base: str, proposal: Proposal, tried: Tried, made: Made
) -> FixProposed:
    form = "mitigation" if tried.silences and proposal.form == "fix" else proposal.form
    return FixProposed(
        **work.heading(made.duration_ms),
        v=3,
        summary=proposal.summary,
        patch=tried.patch,
        form=form,
        repository=repository.name,
        base_commit=base,
        edits=proposal.edits if tried.ready or len(tried.patch) < MOST_CHARACTERS else (),
        explanation=proposal.explanation,
        risk=proposal.risk,
        rollback=proposal.rollback,
        success=proposal.success,
        checks=tried.checks,
        ready=tried.ready,
        made=made,
    )
