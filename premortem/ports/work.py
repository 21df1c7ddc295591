"""What the workers need: source code, pull requests, language models, traces, and somebody to tell."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, Protocol

from msgspec import Struct

from premortem.domain.evidence import Edit
from premortem.domain.ids import IncidentId, ProjectId, TenantId
from premortem.domain.tasks import Occasion

# ---------------------------------------------------------------------------------------------------- repositories
DeployedBy = Literal["nothing", "deployment", "release", "push"]


class Repository(Struct, frozen=True, kw_only=True):
    """A repository that a project's code is in, as administrators mapped it."""

    tenant_id: TenantId
    project_id: ProjectId
    name: str
    """`owner/name`."""
    clone_url: str
    branch: str = "main"
    """Where pull requests go."""
    path_prefix: str = ""
    """What stands before a frame's file name in the repository; empty = nothing."""
    deployed_by: DeployedBy = "nothing"
    """What the code host tells that counts as a deploy: a deployment that succeeded, a release that was published, a
    push to the branch; nothing = deploys are reported in another way.
    """
    environment: str = "production"
    """Which one a published release or a push reaches."""
    release_prefix: str = ""
    """What stands before a tag or a commit in the releases that events name, like `shop@`."""

    def shown_url(self) -> str:
        """Return the clone URL without what it may hold of a password."""
        scheme, separator, rest = self.clone_url.partition("://")
        host, slash, path = rest.partition("/")
        return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}" if separator else self.clone_url


class Commit(Struct, frozen=True, kw_only=True):
    """A commit, without whose it is. Times in milliseconds since 1970 UTC."""

    id: str
    committed_at: int
    subject: str
    paths: tuple[str, ...]
    """Files that it touched, in order of name."""
    parents: tuple[str, ...] = ()


class BlamedLine(Struct, frozen=True, kw_only=True):
    """A line of a file and the commit that wrote it last."""

    line: int
    text: str
    commit: str
    committed_at: int


class Ran(Struct, frozen=True, kw_only=True):
    """How a command in a worktree ended. `code` None = it was ended for its time or memory."""

    code: int | None
    output: str
    """The end of what it said on both streams, at most 8 KiB."""
    duration_ms: int
    isolated: bool
    """False = this machine could not take the network from it; then nothing was run, and `code` is None."""


class Worktree(Protocol):
    """A throw-away checkout at one commit; gone when its context ends, with everything that was written into it."""

    path: Path

    def apply(self, edits: Sequence[Edit]) -> None:
        """Write the edits. Raises Malformed when an `old` does not occur exactly once, or a path leaves the tree."""

    def diff(self) -> str:
        """Return what differs from the commit, as a unified diff."""

    def run(self, words: Sequence[str], *, seconds: float, memory_mb: int) -> Ran:
        """Run a command in it, without network, without our environment, with limits."""


class SourceCode(Protocol):
    """Repositories, read at commits. Nothing here ever changes one.

    Raises Unavailable when a repository cannot be fetched, Malformed for a commit or path that is not there.
    """

    def fetch(self, repository: Repository) -> None:
        """Bring what is known of the repository up to date."""

    def head(self, repository: Repository) -> str:
        """Return the newest commit of the repository's branch."""

    def resolve(self, repository: Repository, release: str) -> str | None:
        """Return the commit that a release names (a commit inside it, a tag like it), or None."""

    def commits(
        self, repository: Repository, since: str | None, until: str, paths: Sequence[str] = (), limit: int = 50
    ) -> Sequence[Commit]:
        """Return the commits of `until` that are not in `since`, newest first; only those that touch `paths`."""

    def contains(self, repository: Repository, commit: str, ancestor: str) -> bool:
        """Tell whether `ancestor` is in the history of `commit`."""

    def file(self, repository: Repository, commit: str, path: str) -> str | None:
        """Return a text file, or None when there is none of that path, or it is no text or above 1 MiB."""

    def files(self, repository: Repository, commit: str) -> Sequence[str]:
        """Return the paths of all files, in order."""

    def blame(self, repository: Repository, commit: str, path: str, first: int, last: int) -> Sequence[BlamedLine]:
        """Return lines `first` to `last` (from 1, both included, cut to the file) with who wrote them last."""

    def patch(self, repository: Repository, commit: str, paths: Sequence[str] = ()) -> str:
        """Return what a commit changed against its first parent, as a unified diff, at most 256 KiB."""

    def worktree(self, repository: Repository, commit: str) -> AbstractContextManager[Worktree]:
        """Lend a throw-away checkout."""


# --------------------------------------------------------------------------------------------------- pull requests
class Draft(Struct, frozen=True, kw_only=True):
    """A pull request to open. The branch's name makes it one: asked for twice, it is there once."""

    branch: str
    base_branch: str
    base_commit: str
    title: str
    body: str
    message: str
    """Of the commit."""
    files: Mapping[str, str | None]
    """Whole new content by path; None = the file is removed."""
    labels: tuple[str, ...] = ()


class PullRequestState(Struct, frozen=True, kw_only=True):
    """A pull request as the host shows it."""

    number: int
    url: str
    branch: str
    state: Literal["draft", "open", "merged", "closed"]
    head_commit: str
    merge_commit: str = ""


class CodeHost(Protocol):
    """Where pull requests are opened. Never merges, never approves, never writes to a branch that is there already.

    Only branches of the repository itself count: one of a fork, whatever its name, is nobody's of ours.
    Raises Unavailable when the host does not answer or asks to wait, Malformed when it refuses what was asked.
    """

    def open_pull_request(self, repository: Repository, draft: Draft) -> PullRequestState:
        """Open a draft; returns the one that is there when its branch has one already, whatever became of it.

        Broken off anywhere and asked for again, there is one branch and one pull request. Raises Malformed when the
        branch is there and holds anything but this draft, when nothing would change, or for a commit that is not there.
        """

    def find(self, repository: Repository, branch: str) -> PullRequestState | None:
        """Return the newest pull request of a branch, whatever became of it, or None."""

    def pull_request(self, repository: Repository, number: int) -> PullRequestState:
        """Return a pull request as it is now; Malformed when there is none of that number."""

    def open_count(self, repository: Repository, branch_prefix: str) -> int:
        """Return how many pull requests are open whose branch begins so."""

    def opened_since(self, repository: Repository, branch_prefix: str, since: int) -> int:
        """Return how many were opened at `since` or later (by the host's clock), also those closed by now."""


# -------------------------------------------------------------------------------------------------- language model
class Prompt(Struct, frozen=True, kw_only=True):
    """What a model is asked: our instructions, and what was observed, kept apart."""

    instructions: str
    observed: str
    """JSON; its texts may be hostile."""
    schema_name: str
    schema: dict[str, Any]
    """JSON Schema that the answer has to keep."""
    max_output_tokens: int
    seconds: float


class ModelAnswer(Struct, frozen=True, kw_only=True):
    """What a model said and what it took."""

    text: str
    model: str
    prompt_hash: str
    input_tokens: int
    output_tokens: int
    cost_microdollars: int
    duration_ms: int
    refused: str = ""
    """Why the text is no whole answer: the model refused, or was cut off. It took what it took all the same."""


class LanguageModel(Protocol):
    """A model behind an OpenAI-compatible URL.

    Raises Unavailable when it does not answer or is overloaded, Malformed when its server does not take the question.
    """

    name: str

    def answer(self, prompt: Prompt) -> ModelAnswer:
        """Ask once; the text is whatever came, which the caller validates."""


class Allowance(Struct, frozen=True, kw_only=True):
    """What may still be spent."""

    tokens: int
    cost_microdollars: int


class Spending(Protocol):
    """What models cost, per incident and per tenant and day (UTC, of the log's time)."""

    def left(self, tenant: TenantId, incident: IncidentId, at: int) -> Allowance:
        """Return what is left of the tighter of both budgets; never below 0."""

    def spend(self, tenant: TenantId, incident: IncidentId, at: int, tokens: int, cost_microdollars: int) -> None:
        """Book what an answer took."""


# ------------------------------------------------------------------------------------------------------------ trace
class Tracer(Protocol):
    """Where steps of agents are shown. Never raises, never delays: a trace that is lost is lost."""

    def trace_id(self, incident: IncidentId, step: str, attempt: int) -> str:
        """Return the id (32 hexadecimal digits) that these three always have."""

    def trace_url(self, trace_id: str) -> str:
        """Return where a person sees it; empty when traces go nowhere."""

    def record(
        self,
        trace_id: str,
        step: str,
        given: object,
        answered: object,
        *,
        model: str = "",
        tokens: tuple[int, int] = (0, 0),
    ) -> None:
        """Show what a step was given and what it answered; both scrubbed already."""

    def flush(self) -> None:
        """Send what waits, for at most two seconds."""


# ------------------------------------------------------------------------------------------------------------ notice
class Notice(Struct, frozen=True, kw_only=True):
    """What somebody is told."""

    id: str
    """Of the task: the same notice sent twice has one id."""
    occasion: Occasion
    tenant_id: TenantId
    project_id: ProjectId
    incident_id: IncidentId
    at: int
    severity: str
    title: str
    text: str
    url: str
    origin_url: str | None = None
    owner: str | None = None
    acknowledged_by: str | None = None


class NotificationTarget(Struct, frozen=True, kw_only=True):
    """Where notices of a project go."""

    id: int
    tenant_id: TenantId
    project_id: ProjectId | None
    """None = of every project."""
    kind: Literal["webhook", "slack"]
    url: str
    secrets: tuple[str, ...] = ()
    """What signs a webhook: the first one signs, all are accepted by whoever verifies."""
    occasions: tuple[Occasion, ...] = ()
    """Empty = all."""


class Notifier(Protocol):
    """Brings a notice to a target. Raises Unavailable to be asked again, Malformed when the target refuses for good."""

    def notify(self, target: NotificationTarget, notice: Notice) -> None:
        """Deliver once; the receiver tells a repetition by the notice's id."""


class NoticeBook(Protocol):
    """Whom to tell, and who was told what."""

    def add_target(self, target: NotificationTarget) -> int:
        """Keep a target and return the id that it gets in place of its own; Malformed for no such project."""

    def targets(self, tenant: TenantId, project: ProjectId | None = None) -> Sequence[NotificationTarget]:
        """Return the tenant's targets in order of id; with `project` those that are told about it."""

    def remove_target(self, tenant: TenantId, target_id: int) -> None:
        """Forget a target; Malformed when the tenant has none of that id."""

    def note(self, notice_id: str, target_id: int, at: int) -> None:
        """Remember that the target was told at `at`."""

    def told(self, notice_id: str, target_id: int) -> bool:
        """Tell whether the target was told."""

    def told_since(self, target_id: int, since: int) -> int:
        """Return how many notices the target got at `since` or later."""
