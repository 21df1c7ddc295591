"""A throw-away checkout: the files of one commit in a directory of their own, to be edited and run."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from premortem.adapters.source_code import confined
from premortem.adapters.source_code.git_command import Git
from premortem.adapters.source_code.mirrors import locked, try_lock
from premortem.adapters.source_code.tree_files import read_text, remove, write_text
from premortem.domain.evidence import Edit
from premortem.exceptions import Malformed
from premortem.ports import Ran

_MOST_DIFF = 4 << 20
_LOCK_SECONDS = 30.0


class Checkout:
    """The port's Worktree. Git's index lies beside the tree and its repository elsewhere, so nothing that is written
    into the tree, a `.git` for instance, is ever believed by git.
    """

    def __init__(self, git: Git, directory: Path, commit: str, hidden: Sequence[Path]) -> None:
        self.path = directory / "tree"
        self._git, self._commit, self._hidden = git, commit, hidden
        self._variables = {"GIT_WORK_TREE": str(self.path), "GIT_INDEX_FILE": str(directory / "index")}

    def write(self, remote: Mapping[str, str], seconds: float) -> None:
        """Write the commit's files. Large ones that are missing here are fetched."""
        self.path.mkdir()
        self._git.run(
            ["read-tree", "-u", "--reset", "--no-recurse-submodules", self._commit],
            settings=remote,
            environment=self._variables,
            seconds=seconds,
        )

    def apply(self, edits: Sequence[Edit]) -> None:
        """Write the edits; nothing is written when the text of one does not fit."""
        after: dict[str, str | None] = {}
        for edit in edits:
            now = after[edit.path] if edit.path in after else read_text(self.path, edit.path)
            after[edit.path] = _edited(edit, now)
        for path, text in after.items():
            if text is None:
                remove(self.path, path)
            else:
                write_text(self.path, path, text)
        new = [path for path, text in after.items() if text is not None]
        if new:
            self._git.run(["add", "--intent-to-add", "--force", "--", *new], environment=self._variables)

    def diff(self) -> str:
        """Return what differs from the commit: tracked files, and new ones that an edit brought."""
        words = ["diff", "--no-ext-diff", "--no-textconv", "--no-renames", "--no-color", "--ignore-submodules=all"]
        out, cut = self._git.run([*words, self._commit, "--"], environment=self._variables, most_bytes=_MOST_DIFF)
        if cut:
            raise Malformed(f"the checkout differs by more than {_MOST_DIFF} bytes.")
        return out.decode(errors="replace")

    def run(self, words: Sequence[str], *, seconds: float, memory_mb: int) -> Ran:
        """Run a command in the tree; nothing else of the machine can be written or reached by it."""
        return confined.run(self.path, words, seconds=seconds, memory_mb=memory_mb, hidden=self._hidden)


def _edited(edit: Edit, now: str | None) -> str | None:
    if not edit.old:
        if now is not None:
            raise Malformed(f"{edit.path} is there already, and the edit says that it is new.")
        return edit.new
    found = 0 if now is None else now.count(edit.old)
    if now is None or found != 1:
        raise Malformed(f"{edit.path}: the text to replace occurs {found} times, not once.")
    return now.replace(edit.old, edit.new) or None


@contextmanager
def lend_directory(parent: Path) -> Iterator[Path]:
    """Lend an empty directory and remove it in the end; also those whose owners were killed before they could."""
    parent.mkdir(parents=True, exist_ok=True)
    with locked(parent / "lock", _LOCK_SECONDS):
        _sweep(parent)
        directory = Path(tempfile.mkdtemp(dir=parent))
        held = os.open(directory / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        try_lock(held)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, onerror=_insist)
        os.close(held)


def _sweep(parent: Path) -> None:
    for left in parent.iterdir():
        if left.is_dir() and not left.is_symlink():
            with suppress(OSError):
                _remove_if_left(left)


def _remove_if_left(directory: Path) -> None:
    """Remove the directory if nobody holds its lock."""
    lock = os.open(directory / "lock", os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
    try:
        if try_lock(lock):
            shutil.rmtree(directory, onerror=_insist)
    finally:
        os.close(lock)


def _insist(remove_it: object, path: str, _problem: object) -> None:
    """Remove what a command made unwritable; what still resists stays for the next sweep."""
    try:
        os.chmod(Path(path).parent, 0o700)
        os.chmod(path, 0o700, follow_symlinks=False) if not os.path.islink(path) else None
        remove_it(path) if callable(remove_it) else None
    except OSError:
        return
