"""A bare git repository that the double serves: written by plumbing commands, so that what it holds is real."""

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path


class Missing(Exception):
    """The repository has no such object or branch."""


class Bare:
    """The repository in a folder. Times are seconds since 1970 UTC."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path, files: Mapping[str, str], branch: str = "main", at: int = 1_790_000_000) -> "Bare":
        """Return a new repository with one commit on its branch."""
        subprocess.run(["git", "init", "--quiet", "--bare", f"--initial-branch={branch}", str(path)], check=True)
        made = cls(path)
        made.commit(branch, files, "Begin", at)
        return made

    def git(self, *words: str, given: bytes = b"", **environment: str) -> str:
        """Return what git says. Raises Missing, with git's words, when it refuses."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        settings = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
        done = subprocess.run(
            ["git", "-C", str(self.path), *words], input=given, capture_output=True, env=clean | settings | environment
        )
        if done.returncode:
            raise Missing(done.stderr.decode(errors="replace").strip())
        return done.stdout.decode()

    def commit(self, branch: str, files: Mapping[str, str | None], message: str, at: int) -> str:
        """Put a commit on a branch (made when it is not there): `files` are whole texts, None = taken out."""
        parent = self.head(branch)
        entries: list[Mapping[str, str | None]] = [
            {"path": path, "mode": "100644", "content": text} if text is not None else {"path": path, "sha": None}
            for path, text in files.items()
        ]
        tree = self.write_tree(entries, self.tree_of(parent) if parent else None)
        made = self.write_commit(tree, [parent] if parent else [], message, at)
        self.git("update-ref", f"refs/heads/{branch}", made)
        return made

    def head(self, branch: str) -> str | None:
        """Return the newest commit of a branch, or None."""
        try:
            return self.git("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}").strip()
        except Missing:
            return None

    def heads(self) -> dict[str, str]:
        """Return the newest commit of every branch."""
        lines = self.git("for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads").splitlines()
        return dict(line.rsplit(" ", 1) for line in lines)

    def tree_of(self, commit: str) -> str:
        return self.git("rev-parse", "--verify", f"{commit}^{{tree}}").strip()

    def entries(self, tree: str, *, recursive: bool) -> list[tuple[str, str, str, str]]:
        """Return (mode, type, sha, path) of what is in a tree."""
        words = ["ls-tree", "-z", *(["-r", "-t"] if recursive else []), tree]
        lines = [line.split("\t", 1) for line in self.git(*words).split("\0") if line]
        return [(*head.split(" ", 2), path) for head, path in lines]  # type: ignore[misc]

    def write_blob(self, content: str) -> str:
        return self.git("hash-object", "-w", "--stdin", given=content.encode()).strip()

    def write_tree(self, entries: Sequence[Mapping[str, str | None]], onto: str | None) -> str:
        """Return the tree that the entries make of `onto`, by way of an index that is thrown away."""
        with tempfile.TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": f"{folder}/index"}
            if onto:
                self.git("read-tree", onto, **index)
            lines = [self._index_line(entry, onto) for entry in entries]
            self.git("update-index", "-z", "--index-info", given="".join(lines).encode(), **index)
            return self.git("write-tree", **index).strip()

    def _index_line(self, entry: Mapping[str, str | None], onto: str | None) -> str:
        path = entry["path"] or ""
        if "content" in entry:
            return f"{entry['mode']} {self.write_blob(entry['content'] or '')}\t{path}\0"
        if entry.get("sha") is None:
            self.git("cat-file", "-e", f"{onto}:{path}")
            return f"0 {'0' * 40}\t{path}\0"
        return f"{entry['mode']} {entry['sha']}\t{path}\0"

    def write_commit(self, tree: str, parents: Sequence[str], message: str, at: int) -> str:
        author = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in _author(at)}
        onto = [word for parent in parents for word in ("-p", parent)]
        return self.git("commit-tree", tree, *onto, given=message.encode(), **author).strip()

    def merge(self, base: str, branch: str, message: str, at: int, *, squash: bool) -> str:
        """Merge `branch` into `base` and return the commit on it; squashed, it has one parent."""
        ours, theirs = self.head(base), self.head(branch)
        if ours is None or theirs is None:
            raise Missing(f"{base} or {branch}")
        tree = self.git("merge-tree", "--write-tree", ours, theirs).split("\n", 1)[0]
        made = self.write_commit(tree, [ours] if squash else [ours, theirs], message, at)
        self.git("update-ref", f"refs/heads/{base}", made)
        return made

    def text(self, commit: str, path: str) -> str:
        """Return a file at a commit (or branch)."""
        return self.git("cat-file", "blob", f"{commit}:{path}")

    def ahead(self, base: str, head: str) -> tuple[int, int]:
        """Return how many commits `head` has that `base` has not, and the other way round."""
        behind, ahead = self.git("rev-list", "--left-right", "--count", f"{base}...{head}").split()
        return int(ahead), int(behind)


def _author(at: int) -> list[tuple[str, str]]:
    return [("NAME", "octo"), ("EMAIL", "octo@example.org"), ("DATE", f"@{at} +0000")]
