"""Bare copies of repositories in a directory: made and brought up to date one at a time, read by many at once."""

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from premortem.adapters.source_code.git_command import Git
from premortem.adapters.source_code.guards import check_branch, protocol
from premortem.exceptions import Malformed, Unavailable
from premortem.ports import Repository

LARGEST_TEXT = 1 << 20
"""Files above it are not copied: no text that is shown is larger."""
_MOST_PACK_BYTES = 8 << 30
_MOST_PACKS = 40
_PAUSE_SECONDS = 0.05
_REFS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
"""Branches and tags, never the heads of pull requests: whoever may open one has written those."""
_AS_STORED = "* -text -ident -filter -working-tree-encoding !diff !merge\n"
"""What stands above every .gitattributes: files are written as they are stored."""

Credentials = Callable[[Repository], str]
"""Returns what is sent as the HTTP header Authorization for a repository; empty = nothing."""


def no_credentials(_repository: Repository) -> str:
    """Return nothing: the clone URL is all there is."""
    return ""


class Mirrors:
    """A bare partial clone per tenant and URL under `directory`. Thread-safe, also between processes."""

    def __init__(self, directory: Path, credentials: Credentials, fetch_seconds: float) -> None:
        self._directory = directory
        self._credentials = credentials
        self._seconds = fetch_seconds

    def fetch(self, repository: Repository) -> Git:
        """Bring the copy up to date, or make it. Raises Unavailable when that cannot be done in time."""
        path = self._path(repository)
        with locked(path.with_suffix(".lock"), self._seconds):
            if path.is_dir():
                self._fetch_into(Git(path), repository)
                pack(Git(path))
            else:
                self._make(path, repository)
        return Git(path)

    def open(self, repository: Repository) -> Git:
        """Return the copy as it is; made when there is none yet."""
        path = self._path(repository)
        return Git(path) if path.is_dir() else self.fetch(repository)

    def remote(self, repository: Repository) -> dict[str, str]:
        """Return the settings with which git reaches the repository, and nothing else."""
        allowed = protocol(repository.clone_url)
        settings = {
            "remote.origin.url": repository.clone_url,
            "remote.origin.promisor": "true",
            "remote.origin.partialCloneFilter": f"blob:limit={LARGEST_TEXT + 1}",
            f"protocol.{allowed}.allow": "always",
        }
        if allowed in ("http", "https") and (header := self._credentials(repository)):
            settings[f"http.{repository.clone_url}.extraHeader"] = f"Authorization: {header}"
        return settings

    def _path(self, repository: Repository) -> Path:
        name = hashlib.sha256(f"{repository.tenant_id}\n{repository.shown_url()}".encode()).hexdigest()[:32]
        return self._directory / f"{name}.git"

    def _make(self, path: Path, repository: Repository) -> None:
        making = path.with_suffix(".making")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        git = Git(making)
        git.read("init", "--bare", "--quiet", "--template=", "--initial-branch=premortem/none", str(making))
        git.read("config", "extensions.partialClone", "origin")
        git.read("config", "core.repositoryFormatVersion", "1")
        (making / "info").mkdir(exist_ok=True)
        (making / "info" / "attributes").write_text(_AS_STORED)
        self._fetch_into(git, repository)
        making.rename(path)

    def _fetch_into(self, git: Git, repository: Repository) -> None:
        check_branch(repository.branch)
        words = ["fetch", "--quiet", "--prune", "--no-tags", "--force", "--no-write-fetch-head",
                 "--no-recurse-submodules", "--no-auto-maintenance"]  # fmt: skip
        try:
            git.run(
                [*words, f"--filter=blob:limit={LARGEST_TEXT + 1}", "--end-of-options", "origin", *_REFS],
                settings=self.remote(repository),
                environment=_ssh(repository),
                seconds=self._seconds,
                most_file_bytes=_MOST_PACK_BYTES,
            )
        except (Malformed, Unavailable) as problem:
            said = str(problem).replace(repository.clone_url, repository.shown_url())
            raise Unavailable(f"{repository.name} cannot be fetched: {said}") from None


def _ssh(repository: Repository) -> dict[str, str]:
    """Return the variables by which ssh finds the keys of whoever runs us; it never asks anybody anything."""
    if protocol(repository.clone_url) != "ssh":
        return {}
    kept = {name: value for name in ("SSH_AUTH_SOCK", "HOME") if (value := os.environ.get(name))}
    return {**kept, "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes"}


def pack(git: Git, most_packs: int = _MOST_PACKS) -> None:
    """Make one pack of many: each fetch brings one of its own."""
    if len(list((git.directory / "objects" / "pack").glob("*.pack"))) > most_packs:
        git.read("repack", "-a", "-d", "-q", seconds=600)


@contextmanager
def locked(path: Path, seconds: float) -> Iterator[None]:
    """Hold the lock of a file, alone among all threads and processes; Unavailable when others hold it too long."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        deadline = time.monotonic() + seconds
        while not try_lock(file.fileno()):
            if time.monotonic() > deadline:
                raise Unavailable(f"{path.name} is held by another process for too long.")
            time.sleep(_PAUSE_SECONDS)
        yield


def try_lock(descriptor: int) -> bool:
    """Take the lock of an open file; False when somebody else holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
