"""OpenPullRequest: a patch that passed its checks becomes a draft on the code host, once, within what the repository
allows.

The edits are applied anew to the newest commit of the branch: a patch that no longer fits there is stale, and says so.
"""

import shlex
import time
from collections.abc import Callable, Sequence

from premortem.agents.checks.additions import no_secrets
from premortem.agents.checks.paths import allowed_paths, size
from premortem.agents.checks.texts import Changed, applied
from premortem.domain.evidence import Made
from premortem.domain.incident import PullRequest
from premortem.domain.participation import OPT_IN, Participation, parse, protecting
from premortem.domain.tasks import OpenPullRequest
from premortem.domain.timeline import (
    ContextBuilt,
    FixProposed,
    IncidentFact,
    InstrumentationProposed,
    PullRequestOpened,
    RootCauseProposed,
)
from premortem.domain.work import Answer, Work
from premortem.exceptions import Malformed, Permanent
from premortem.ports import Administration, CodeHost, Draft, PullRequestState, Repository, SourceCode
from premortem.workers import code_owners
from premortem.workers.pull_request_body import Proposal, Told, body, message, title

AGENT, VERSION = "pull-requests", 1
BRANCHES = "premortem/"
"""How every branch of ours begins."""
_DAY_MS = 24 * 3_600_000


class PullRequests:
    """The handler. `url` = where this installation is reached, without a final slash; `now` = the time (ms) by which
    days are counted, which enters nothing that is stored.
    """

    def __init__(
        self,
        host: CodeHost,
        source: SourceCode,
        administration: Administration,
        url: str,
        now: Callable[[], int],
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host, self._source, self._administration = host, source, administration
        self._url, self._now, self._seconds = url, now, seconds

    def __call__(self, work: Work[OpenPullRequest]) -> Answer:
        """Return that the pull request is open. Raises Permanent, with the reason, when there is to be none."""
        started = self._seconds()
        proposal = _proposal(work)
        repository = self._repository(work, proposal)
        branch = branch_of(work.facts, proposal)
        found = self._host.find(repository, branch)
        base = ""
        owners: tuple[str, ...] = ()
        if found is None:
            self._require_no_other(work, repository, branch)
            found, base, owners = self._open(work, proposal, repository, branch)
        spent = round((self._seconds() - started) * 1000)
        return Answer(facts=(_opened(work, proposal, repository, found, base, owners, spent),))

    def _open(
        self, work: Work[OpenPullRequest], proposal: Proposal, repository: Repository, branch: str
    ) -> tuple[PullRequestState, str, tuple[str, ...]]:
        """Return the draft, the commit that it begins at, and the owners of the files."""
        self._source.fetch(repository)
        base = self._source.head(repository)
        participation = _participation(self._source.file(repository, base, OPT_IN), repository)
        self._require_room(repository, participation)
        changes = self._changes(repository, base, proposal)
        _require_allowed(changes, participation)
        owners = self._owners(repository, base, changes)
        told = _told(work, proposal, self._url, branch, base, changes, owners, participation)
        draft = Draft(
            branch=branch,
            base_branch=repository.branch,
            base_commit=base,
            title=title(proposal),
            body=body(told),
            message=message(told),
            files={change.path: change.after for change in changes},
            labels=(participation.pull_requests.label,),
        )
        return self._host.open_pull_request(repository, draft), base, owners

    def _repository(self, work: Work[OpenPullRequest], proposal: Proposal) -> Repository:
        known = self._administration.repositories(work.task.tenant_id, work.task.project_id)
        for repository in known:
            if repository.name == proposal.repository:
                return repository
        said = f"project {work.task.project_id} has no repository {proposal.repository!r} any more"
        raise Permanent(f"{said}. Add it: premortem repository add.")

    def _require_no_other(self, work: Work[OpenPullRequest], repository: Repository, branch: str) -> None:
        """Raise Permanent while another pull request of the incident waits to be looked at."""
        for pull in work.incident.pull_requests:
            if pull.branch != branch and pull.state == "draft" and self._is_open(pull, repository):
                raise Permanent(f"{pull.url} is open for this incident. Merge or close it first.")

    def _is_open(self, pull: PullRequest, repository: Repository) -> bool:
        """Ask the host, where it can be asked: a webhook that told of the end may be lost."""
        if pull.repository != repository.name:
            return True
        return self._host.pull_request(repository, pull.number).state in ("draft", "open")

    def _require_room(self, repository: Repository, participation: Participation) -> None:
        limits = participation.pull_requests
        if self._host.open_count(repository, BRANCHES) >= limits.open_at_most:
            said = (
                f"{limits.open_at_most} pull requests of ours are open in {repository.name}, as many as {OPT_IN} allows"
            )
            raise Permanent(f"{said}. Merge or close one, then send this task again.")
        if self._host.opened_since(repository, BRANCHES, self._now() - _DAY_MS) >= limits.per_day:
            said = f"{limits.per_day} pull requests were opened in {repository.name} within a day"
            raise Permanent(f"{said}, as many as {OPT_IN} allows. Send this task again tomorrow.")

    def _changes(self, repository: Repository, base: str, proposal: Proposal) -> list[Changed]:
        if not proposal.edits:
            raise Permanent("the proposal has no edits.")
        files = {edit.path: self._source.file(repository, base, edit.path) for edit in proposal.edits}
        try:
            return applied(proposal.edits, files)
        except Malformed as problem:
            moved = f"{repository.branch} has moved on to {base[:12]} since {proposal.base_commit[:12]}"
            said = f"stale: {moved}, and {problem}"
            raise Permanent(f"{said}. A new proposal is needed.") from problem

    def _owners(self, repository: Repository, base: str, changes: Sequence[Changed]) -> tuple[str, ...]:
        for place in code_owners.PLACES:
            text = self._source.file(repository, base, place)
            if text is not None:
                names = [name for change in changes for name in code_owners.owners(text, change.path)]
                return tuple(dict.fromkeys(names))
        return ()


# ---------------------------------------------------------------------------------------------------- what was asked
def branch_of(facts: Sequence[IncidentFact], proposal: Proposal) -> str:
    """Return the branch of a proposal: named by its incident, and counted among the proposals of its kind."""
    kind = "fix" if isinstance(proposal, FixProposed) else "instrumentation"
    before = [fact.id for fact in facts if isinstance(fact, type(proposal))]
    return f"{BRANCHES}{proposal.incident_id}/{kind}-{before.index(proposal.id) + 1}"


def _proposal(work: Work[OpenPullRequest]) -> Proposal:
    for fact in work.facts:
        if fact.id == work.task.caused_by and isinstance(fact, FixProposed | InstrumentationProposed):
            if not fact.ready:
                raise Permanent("the proposal did not pass its checks.")
            return fact
    raise Permanent("no proposal stands behind this task. Was it sent by hand?")


def _participation(text: str | None, repository: Repository) -> Participation:
    if text is None:
        said = f"{repository.name} does not take part: {OPT_IN} is missing at the head of {repository.branch}"
        raise Permanent(f"{said}. docs/github.md says what it holds.")
    try:
        return parse(text)
    except ValueError as problem:
        raise Permanent(f"{repository.name} does not take part. {problem}") from problem


def _require_allowed(changes: Sequence[Changed], participation: Participation) -> None:
    """Raise Permanent for what a look at the texts refuses; the file at the branch's head may say more than it did."""
    patch = participation.patch
    checks = (allowed_paths(changes, None), size(changes, patch.most_files, patch.most_lines), no_secrets(changes))
    refused = [f"{check.name}: {check.output}" for check in checks if check.state != "passed"]
    refused += [
        f"protected: {change.path} ({hit})" for change in changes if (hit := protecting(participation, change.path))
    ]
    if refused:
        raise Permanent(f"the patch may not be opened. {'; '.join(refused)}")


# ------------------------------------------------------------------------------------------------------ what is told
def _told(
    work: Work[OpenPullRequest],
    proposal: Proposal,
    url: str,
    branch: str,
    base: str,
    changes: Sequence[Changed],
    owners: tuple[str, ...],
    participation: Participation,
) -> Told:
    before = work.facts[: [fact.id for fact in work.facts].index(proposal.id)]
    return Told(
        incident=work.incident,
        proposal=proposal,
        cause=next((fact for fact in reversed(before) if isinstance(fact, RootCauseProposed)), None),
        context=next((fact for fact in reversed(before) if isinstance(fact, ContextBuilt)), None),
        url=url,
        branch=branch,
        base_commit=base,
        paths=tuple(change.path for change in changes),
        owners=owners,
        test_command=shlex.join(participation.tests.command),
    )


def _opened(
    work: Work[OpenPullRequest],
    proposal: Proposal,
    repository: Repository,
    shown: PullRequestState,
    base: str,
    owners: tuple[str, ...],
    duration_ms: int,
) -> PullRequestOpened:
    task = work.task
    made = Made(
        by="rules",
        agent=AGENT,
        agent_version=VERSION,
        task_id=task.id,
        attempt=task.attempt,
        duration_ms=duration_ms,
    )
    return PullRequestOpened(
        **work.heading(duration_ms),
        v=4,
        repository=repository.name,
        number=shown.number,
        url=shown.url,
        branch=shown.branch,
        purpose="fix" if isinstance(proposal, FixProposed) else "instrumentation",
        base_commit=base,
        head_commit=shown.head_commit,
        made=made,
        owners=owners,
    )
