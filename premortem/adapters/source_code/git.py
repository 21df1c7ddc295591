"""Source code in git repositories, by git's command line over bare copies. Whoever wrote them is not trusted."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from premortem.adapters.source_code import wording
from premortem.adapters.source_code.checkout import Checkout, lend_directory
from premortem.adapters.source_code.git_command import Git
from premortem.adapters.source_code.guards import check_branch, check_commit, check_paths, is_inside
from premortem.adapters.source_code.mirrors import LARGEST_TEXT, Credentials, Mirrors, no_credentials
from premortem.exceptions import Malformed
from premortem.ports import BlamedLine, Commit, Repository, Worktree

_MOST_LISTING, _MOST_PATCH = 64 << 20, 256 << 10
_MERGES_BESIDE = 4
"""Of so many commits that git says touch a path, one does; the others may be mere merges."""
_REGULAR = (b"100644", b"100755")
_CHECKOUT_SECONDS = 300.0


class GitSourceCode:
    """Repositories as bare partial clones under `directory`, made when first asked for. Thread-safe.

    A fetch ends after `fetch_seconds`. `credentials` returns the HTTP header Authorization for a repository, empty =
    none. Commands in worktrees see `hidden` files and directories empty.
    """

    def __init__(
        self,
        directory: Path,
        *,
        credentials: Credentials = no_credentials,
        fetch_seconds: float = 120.0,
        hidden: Sequence[Path] = (),
    ) -> None:
        self._mirrors = Mirrors(directory / "mirrors", credentials, fetch_seconds)
        self._trees = directory / "trees"
        self._hidden = (directory, *hidden)

    def fetch(self, repository: Repository) -> None:
        """Bring what is known of the repository up to date."""
        self._mirrors.fetch(repository)

    def head(self, repository: Repository) -> str:
        """Return the newest commit of the branch."""
        ref = f"refs/heads/{check_branch(repository.branch)}"
        found = _commit_of(self._mirrors.open(repository), ref)
        if found is None:
            raise Malformed(f"{repository.name} has no branch {repository.branch!r}.")
        return found

    def resolve(self, repository: Repository, release: str) -> str | None:
        """Return the commit that a release names, or None. A commit inside it counts before a tag like it; several
        commits that it could name are none.
        """
        git = self._mirrors.open(repository)
        found = {commit for text in wording.commits_in(release) for commit in _commits_like(git, text)}
        if found:
            return found.pop() if len(found) == 1 else None
        for name in wording.tags_of(release):
            if (commit := _commit_of(git, f"refs/tags/{name}")) is not None:
                return commit
        return None

    def commits(
        self, repository: Repository, since: str | None, until: str, paths: Sequence[str] = (), limit: int = 50
    ) -> Sequence[Commit]:
        """Return the commits of `until` that are not in `since`, newest first."""
        revisions = [check_commit(until), *((f"^{check_commit(since)}",) if since else ())]
        most = limit * _MERGES_BESIDE if paths else limit
        words = ["log", "-z", "--raw", "--no-renames", "--no-abbrev", "--diff-merges=combined", "--date-order",
                 "--full-history", f"--max-count={most}", wording.LOG_FORMAT]  # fmt: skip
        git = self._mirrors.open(repository)
        out, cut = git.read(*words, "--end-of-options", *revisions, "--", *check_paths(paths), most_bytes=_MOST_LISTING)
        found = wording.commits(out, cut=cut)
        return [commit for commit in found if commit.paths or not paths][:limit]

    def contains(self, repository: Repository, commit: str, ancestor: str) -> bool:
        """Tell whether `ancestor` is in the history of `commit`."""
        git = self._mirrors.open(repository)
        return git.asks("merge-base", "--is-ancestor", check_commit(ancestor), check_commit(commit))

    def file(self, repository: Repository, commit: str, path: str) -> str | None:
        """Return a text file, or None. Symbolic links and submodules are no files."""
        if not is_inside(path):
            return None
        git = self._mirrors.open(repository)
        listed = [
            entry
            for entry in _entries(git.read("ls-tree", "-z", check_commit(commit), "--", path)[0])
            if entry[1] == path
        ]
        return _text_of(git, listed[0][0]) if listed else None

    def files(self, repository: Repository, commit: str) -> Sequence[str]:
        """Return the paths of all files, in order. Those that are no UTF-8 are left out: nobody can name them."""
        git = self._mirrors.open(repository)
        out, cut = git.read("ls-tree", "-r", "-z", check_commit(commit), most_bytes=_MOST_LISTING)
        if cut:
            raise Malformed(f"{repository.name} has more files than can be listed.")
        return sorted(path for _, path in _entries(out))

    def blame(self, repository: Repository, commit: str, path: str, first: int, last: int) -> Sequence[BlamedLine]:
        """Return lines `first` to `last` with who wrote them last; none when there is no such file."""
        text = self.file(repository, commit, path)
        lines = 0 if text is None else text.count("\n") + (not text.endswith("\n"))
        first, last = max(first, 1), min(last, lines)
        if first > last or not text:
            return []
        git = self._mirrors.open(repository)
        words = ["blame", "--line-porcelain", f"-L{first},{last}", check_commit(commit), "--", path]
        return wording.blamed(git.text(*words, most_bytes=_MOST_LISTING))

    def patch(self, repository: Repository, commit: str, paths: Sequence[str] = ()) -> str:
        """Return what a commit changed against its first parent, cut at the end of a line."""
        words = ["diff-tree", "-p", "-r", "--root", "-m", "--first-parent", "--no-commit-id", "--no-ext-diff",
                 "--no-textconv", "--no-renames", "--full-index"]  # fmt: skip
        git = self._mirrors.open(repository)
        arguments = [*words, check_commit(commit), "--", *check_paths(paths)]
        # A large file may be missing here, and is fetched to be compared.
        out, cut = git.run(
            arguments, settings=self._mirrors.remote(repository), most_bytes=_MOST_PATCH, seconds=_CHECKOUT_SECONDS
        )
        whole = out[: out.rfind(b"\n") + 1] if cut else out
        return whole.decode(errors="replace")

    @contextmanager
    def worktree(self, repository: Repository, commit: str) -> Iterator[Worktree]:
        """Lend a throw-away checkout."""
        git = self._mirrors.open(repository)
        with lend_directory(self._trees) as directory:
            checkout = Checkout(git, directory, check_commit(commit), self._hidden)
            checkout.write(self._mirrors.remote(repository), _CHECKOUT_SECONDS)
            yield checkout


def _commit_of(git: Git, ref: str) -> str | None:
    """Return the commit that a whole ref (refs/...) stands for, or None."""
    listed = git.text("for-each-ref", "--format=%(refname)%00%(objecttype)%00%(objectname)%00%(*objecttype)%00"
                      "%(*objectname)", ref)  # fmt: skip
    for line in listed.splitlines():
        name, kind, commit, peeled_kind, peeled = line.split("\0")
        if name == ref and "commit" in (kind, peeled_kind):
            return commit if kind == "commit" else peeled
    return None


def _commits_like(git: Git, beginning: str) -> list[str]:
    """Return the commits whose id begins so, whatever branch or tag has that name."""
    like = git.text("rev-parse", f"--disambiguate={beginning}").split()
    return [each for each in like if git.text("cat-file", "-t", each).strip() == "commit"]


def _entries(out: bytes) -> list[tuple[str, str]]:
    """Return (object id, path) of every regular file of `git ls-tree -z`."""
    found = []
    for entry in out.split(b"\0"):
        head, tab, name = entry.partition(b"\t")
        words = head.split(b" ")
        if tab and words[0] in _REGULAR:
            try:
                found.append((words[-1].decode(), name.decode()))
            except UnicodeDecodeError:
                continue
    return found


def _text_of(git: Git, blob: str) -> str | None:
    try:
        content, cut = git.read("cat-file", "blob", blob, most_bytes=LARGEST_TEXT)
    except Malformed:  # left behind by the partial clone, for its size
        return None
    return None if cut or b"\0" in content else content.decode(errors="replace")
