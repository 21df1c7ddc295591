"""What the double knows beside git: pull requests, tokens, an App, and what is to go wrong next."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.github.bare import Bare

EVERYTHING = {"contents": "write", "pull_requests": "write", "metadata": "read"}


@dataclass
class Pull:
    """A pull request of one repository. Times are seconds since 1970 UTC."""

    number: int
    title: str
    body: str | None
    head: str
    base: str
    draft: bool
    created_at: int
    head_repository: str
    state: str = "open"
    merge_commit: str | None = None
    merged_at: int | None = None
    closed_at: int | None = None
    labels: list[str] = field(default_factory=list)
    head_sha: str = ""
    """Of the branch when it was closed; while it is open, the branch tells."""


@dataclass
class Hosted:
    """A repository with its pull requests."""

    name: str
    bare: Bare
    pulls: list[Pull] = field(default_factory=list)
    drafts: bool = True
    """False = a private repository of a plan without draft pull requests."""


@dataclass
class Application:
    """A GitHub App: its public key, where it is installed, and what the installation lets it do."""

    id: int
    public_key: str
    installation: int
    repositories: tuple[str, ...]
    permissions: Mapping[str, str]


@dataclass
class Fault:
    """An answer that a request gets in place of its own.

    `skip` matching requests go through before it. `after` = the request is done all the same, and only its answer is
    lost. `status` 0 = the connection is dropped.
    """

    status: int
    message: str = "Server Error"
    headers: Mapping[str, str] = field(default_factory=dict)
    matching: str = ""
    skip: int = 0
    times: int = 1
    after: bool = False


class Refused(Exception):
    """GitHub's answer when it does not do what was asked."""

    def __init__(self, status: int, message: str, *errors: Mapping[str, object], **headers: str) -> None:
        super().__init__(message)
        self.status, self.message, self.errors = status, message, errors
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def body(self) -> dict[str, object]:
        """Return what is answered, in GitHub's shape."""
        said: dict[str, object] = {"message": self.message, "documentation_url": "https://docs.github.com/rest"}
        return said | ({"errors": list(self.errors)} if self.errors else {}) | {"status": str(self.status)}
