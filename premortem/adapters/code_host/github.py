"""Pull requests on GitHub: a branch by git's objects, one commit on it, a draft, a label. No clone, no push."""

import logging
from collections.abc import Iterable, Iterator

from github import GithubException, InputGitTreeElement, UnknownObjectException
from github.GitCommit import GitCommit
from github.GitTree import GitTree
from github.PullRequest import PullRequest
from github.Repository import Repository as GithubRepository

from premortem.adapters.code_host.github_client import GithubClient, meaning
from premortem.exceptions import Malformed, Permanent
from premortem.ports import Draft, PullRequestState, Repository

_FILE, _PROGRAM, _FOLDER = "100644", "100755", "040000"
_LOGGER = logging.getLogger(__name__)


class GithubCodeHost:
    """The branch's name makes a draft one: what is there of it is looked for before anything is written."""

    def __init__(self, client: GithubClient) -> None:
        self._client = client

    def open_pull_request(self, repository: Repository, draft: Draft) -> PullRequestState:
        """Open a draft."""
        with self._client.repository(repository.name) as github:
            found = _newest(github, repository, draft.branch)
            if found is None:
                _make_branch(github, repository, draft)
                found = _create(github, repository, draft)
            _label(found, draft.labels, repository)
            return _shown(found)

    def find(self, repository: Repository, branch: str) -> PullRequestState | None:
        """Return the newest pull request of a branch, or None."""
        with self._client.repository(repository.name) as github:
            found = _newest(github, repository, branch)
            return _shown(found) if found else None

    def pull_request(self, repository: Repository, number: int) -> PullRequestState:
        """Return a pull request."""
        with self._client.repository(repository.name) as github:
            return _shown(github.get_pull(number))

    def open_count(self, repository: Repository, branch_prefix: str) -> int:
        """Return how many are open."""
        with self._client.repository(repository.name) as github:
            pulls = github.get_pulls(state="open")
            return sum(pull.head.ref.startswith(branch_prefix) for pull in _own(pulls, repository))

    def opened_since(self, repository: Repository, branch_prefix: str, since: int) -> int:
        """Return how many were opened since then."""
        with self._client.repository(repository.name) as github:
            count = 0
            for pull in github.get_pulls(state="all", sort="created", direction="desc"):
                if pull.created_at.timestamp() * 1000 < since:
                    break
                count += any(own.head.ref.startswith(branch_prefix) for own in _own((pull,), repository))
            return count


# ------------------------------------------------------------------------------------------------------- the branch
def _make_branch(github: GithubRepository, repository: Repository, draft: Draft) -> None:
    """Write the commit and the branch, or make sure that the branch that is there holds this draft and no more."""
    head = _head(github, draft.branch)
    if head is not None:
        _require_ours(github, draft, head)
        return
    try:
        base = github.get_git_commit(draft.base_commit)
    except UnknownObjectException as exception:
        raise Malformed(f"{repository.name} has no commit {draft.base_commit}.") from exception
    tree = _tree(github, base, draft)
    if tree.sha == base.tree.sha:
        raise Malformed(f"the draft changes nothing in {repository.name}.")
    commit = github.create_git_commit(draft.message, tree, [base])
    try:
        github.create_git_ref(f"refs/heads/{draft.branch}", commit.sha)
    except GithubException as exception:
        raced = _head(github, draft.branch) if exception.status == 422 else None
        if raced is None:
            raise
        _require_ours(github, draft, raced)


def _head(github: GithubRepository, branch: str) -> str | None:
    try:
        return github.get_git_ref(f"heads/{branch}").object.sha
    except UnknownObjectException:
        return None


def _require_ours(github: GithubRepository, draft: Draft, head: str) -> None:
    """Raise Malformed unless the branch is one commit on the base branch's history that makes just the draft's changes:
    that is what an attempt leaves that was broken off, also when the base has moved since.
    """
    commit = github.get_git_commit(head)
    if len(commit.parents) == 1 and github.compare(draft.base_branch, head).ahead_by == 1:
        parent = github.get_git_commit(commit.parents[0].sha)
        if _tree(github, parent, draft).sha == commit.tree.sha:
            return
    raise Malformed(f"branch {draft.branch} is there and holds something else. Delete it to have it written anew.")


def _tree(github: GithubRepository, base: GitCommit, draft: Draft) -> GitTree:
    """Return the tree that the draft makes of the commit's; a file keeps its mode."""
    modes = _modes(github, base.tree.sha, draft.files)
    elements = []
    for path in sorted(draft.files):
        text, mode = draft.files[path], modes.get(path)
        if mode not in (None, _FILE, _PROGRAM):
            raise Malformed(f"{path} is no plain file at {draft.base_commit}.")
        if text is not None:
            elements.append(InputGitTreeElement(path, mode or _FILE, "blob", content=text))
        elif mode is not None:
            elements.append(InputGitTreeElement(path, mode, "blob", sha=None))
    return github.create_git_tree(elements, base.tree) if elements else github.get_git_tree(base.tree.sha)


def _modes(github: GithubRepository, root: str, paths: Iterable[str]) -> dict[str, str]:
    """Return the mode of each path that is there, or of the file that is in its way. Folder by folder: a whole tree may
    be too large to be answered.
    """
    trees: dict[str, dict[str, tuple[str, str]]] = {}
    found: dict[str, str] = {}
    for path in sorted(paths):
        tree, folder, mode = root, "", _FOLDER
        for name in path.split("/"):
            if mode != _FOLDER:
                mode = _FOLDER  # no plain file can be here
                break
            if folder not in trees:
                trees[folder] = {each.path: (each.mode, each.sha) for each in github.get_git_tree(tree).tree}
            mode, tree = trees[folder].get(name, ("", ""))
            if not mode:
                break
            folder = f"{folder}{name}/"
        if mode:
            found[path] = mode
    return found


# ------------------------------------------------------------------------------------------------- the pull request
def _newest(github: GithubRepository, repository: Repository, branch: str) -> PullRequest | None:
    owner = repository.name.partition("/")[0]
    pulls = github.get_pulls(state="all", head=f"{owner}:{branch}", sort="created", direction="desc")
    return next((pull for pull in _own(pulls, repository) if pull.head.ref == branch), None)


def _own(pulls: Iterable[PullRequest], repository: Repository) -> Iterator[PullRequest]:
    """Leave out what comes from forks, where anybody may name a branch as ours are named."""
    name = repository.name.casefold()
    return (pull for pull in pulls if pull.head.repo and pull.head.repo.full_name.casefold() == name)


def _create(github: GithubRepository, repository: Repository, draft: Draft) -> PullRequest:
    try:
        return github.create_pull(
            base=draft.base_branch,
            head=draft.branch,
            title=draft.title,
            body=draft.body,
            draft=True,
        )
    except GithubException as exception:
        raced = _newest(github, repository, draft.branch) if exception.status == 422 else None
        if raced is None:
            raise
        return raced


def _label(pull: PullRequest, labels: tuple[str, ...], repository: Repository) -> None:
    """Add the labels that are missing. One that GitHub refuses is no reason to fail: the draft is what matters."""
    known = {label.name.casefold() for label in pull.labels}
    missing = [label for label in labels if label.casefold() not in known]
    if not missing or pull.state != "open":
        return
    try:
        pull.add_to_labels(*missing)
    except GithubException as exception:
        refused = meaning(exception, repository.name)
        if not isinstance(refused, Permanent):
            raise
        _LOGGER.warning("pull request %s has no label: %s", pull.number, refused)


def _shown(pull: PullRequest) -> PullRequestState:
    merged = pull.merged_at is not None
    return PullRequestState(
        number=pull.number,
        url=pull.html_url,
        branch=pull.head.ref,
        state="merged" if merged else "closed" if pull.state == "closed" else "draft" if pull.draft else "open",
        head_commit=pull.head.sha,
        merge_commit=pull.merge_commit_sha if merged else "",
    )
