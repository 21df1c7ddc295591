"""A code host in memory: for tests."""

import hashlib
from collections.abc import Mapping
from threading import Lock

from msgspec import Struct
from msgspec.structs import replace

from premortem.exceptions import Malformed
from premortem.ports import Draft, PullRequestState, Repository


class _Opened(Struct, frozen=True):
    draft: Draft
    at: int
    shown: PullRequestState


class MemoryCodeHost:
    """Pull requests in lists under one lock. `repositories` = the files of each at its only commit, `at` = its clock in
    milliseconds.
    """

    BASE = "b" * 40
    """The commit that every repository stands at."""

    def __init__(self, repositories: Mapping[str, Mapping[str, str]]) -> None:
        self.at = 0
        self._lock, self._files = Lock(), repositories
        self._opened: dict[str, list[_Opened]] = {name: [] for name in repositories}

    def open_pull_request(self, repository: Repository, draft: Draft) -> PullRequestState:
        """Open a draft, once for each branch."""
        with self._lock:
            opened = self._of(repository)
            for one in reversed(opened):
                if one.shown.branch == draft.branch:
                    return one.shown
            if draft.base_commit != self.BASE:
                raise Malformed(f"{repository.name} has no commit {draft.base_commit}.")
            before = self._files[repository.name]
            if all(before.get(path) == text for path, text in draft.files.items()):
                raise Malformed(f"the draft changes nothing in {repository.name}.")
            shown = PullRequestState(
                number=len(opened) + 1,
                url=f"https://memory/{repository.name}/pull/{len(opened) + 1}",
                branch=draft.branch,
                state="draft",
                head_commit=_hash(draft.branch, draft.base_commit, *sorted(map(str, draft.files.items()))),
            )
            opened.append(_Opened(draft, self.at, shown))
            return shown

    def find(self, repository: Repository, branch: str) -> PullRequestState | None:
        """Return the newest pull request of a branch, or None."""
        return next((one.shown for one in reversed(self._of(repository)) if one.shown.branch == branch), None)

    def pull_request(self, repository: Repository, number: int) -> PullRequestState:
        """Return a pull request."""
        for one in self._of(repository):
            if one.shown.number == number:
                return one.shown
        raise Malformed(f"{repository.name} has no pull request {number}.")

    def open_count(self, repository: Repository, branch_prefix: str) -> int:
        """Return how many are open."""
        shown = [one.shown for one in self._of(repository)]
        return sum(pull.state in ("draft", "open") and pull.branch.startswith(branch_prefix) for pull in shown)

    def opened_since(self, repository: Repository, branch_prefix: str, since: int) -> int:
        """Return how many were opened since then."""
        return sum(one.at >= since and one.shown.branch.startswith(branch_prefix) for one in self._of(repository))

    def drafts(self, repository: Repository) -> list[Draft]:
        """Return what was opened, oldest first."""
        return [one.draft for one in self._of(repository)]

    def merge(self, repository: Repository, number: int) -> None:
        """Merge a pull request, as a person would."""
        merge_commit = _hash("merge", repository.name, str(number))
        self._become(
            repository, replace(self.pull_request(repository, number), state="merged", merge_commit=merge_commit)
        )

    def close(self, repository: Repository, number: int) -> None:
        """Close a pull request without merging it, as a person would."""
        self._become(repository, replace(self.pull_request(repository, number), state="closed"))

    def _become(self, repository: Repository, shown: PullRequestState) -> None:
        with self._lock:
            opened = self._of(repository)
            opened[:] = [replace(one, shown=shown) if one.shown.number == shown.number else one for one in opened]

    def _of(self, repository: Repository) -> list[_Opened]:
        if repository.name not in self._opened:
            raise Malformed(f"there is no repository {repository.name}, or it may not be seen.")
        return self._opened[repository.name]


def _hash(*parts: str) -> str:
    return hashlib.sha1("\0".join(parts).encode(), usedforsecurity=False).hexdigest()
