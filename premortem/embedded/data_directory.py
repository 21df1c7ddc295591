"""The data directory of the embedded stack: one owner, one version, everything that must not be lost.

VERSION      layout of the directory, a number     lock          flock of the supervisor, its pid inside
ports.json   the ports in use                      secrets/      generated passwords, 0600
status.json  what runs                             logs/         one file a process
run/         the pulses of dataflows
postgres/    clickhouse/                           the databases
"""

import fcntl
import json
import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from premortem.exceptions import Conflict

VERSION = 1


def prepare(path: Path) -> None:
    """Make the directory (0700), or check that its version is ours. Raises Conflict with the mend otherwise."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
        _check_version(path)
        for name in ("logs", "secrets"):
            (path / name).mkdir(mode=0o700, exist_ok=True)
    except OSError as problem:
        raise Conflict(f"{path} cannot be used ({problem.strerror}). Choose another PREMORTEM_DATA_DIR.") from problem


def _check_version(path: Path) -> None:
    version = path / "VERSION"
    if not version.exists():
        ours = ("VERSION.", "secrets", "run")
        if strangers := [entry.name for entry in path.iterdir() if not entry.name.startswith(ours)]:
            raise Conflict(
                f"{path} holds something else ({', '.join(sorted(strangers)[:3])}). "
                "Choose an empty folder: PREMORTEM_DATA_DIR."
            )
        _replace(version, f"{VERSION}\n")
    found = version.read_text().strip()
    if not found.isdecimal():
        raise Conflict(f"{version} is damaged ({found[:20]!r}). Restore it from a backup; this layout is {VERSION}.")
    if int(found) > VERSION:
        raise Conflict(
            f"{path} was written by a newer Premortem (layout {found}, this one knows {VERSION}). "
            "Run that version, or choose another PREMORTEM_DATA_DIR."
        )
    if int(found) < VERSION:
        raise Conflict(
            f"{path} has the old layout {found}, this Premortem writes {VERSION}. "
            "Follow docs/operations.md (upgrade), or choose another PREMORTEM_DATA_DIR."
        )


@contextmanager
def hold(path: Path, patience_seconds: float = 1.0) -> Iterator[None]:
    """Own the directory while the block runs. Raises Conflict that names the owner's pid when there is one.

    The kernel gives the lock back when we die, however we die. `patience_seconds` outlasts somebody who only looks.
    """
    descriptor = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + patience_seconds
        while not _try(descriptor, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise already_owned(path, _pid_in(path))
            time.sleep(0.02)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def owner(path: Path) -> int | None:
    """Return the pid of the process that owns the directory, or None when nobody does."""
    try:
        descriptor = os.open(path / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return None if _try(descriptor, fcntl.LOCK_SH) else _pid_in(path)
    finally:
        os.close(descriptor)


def already_owned(path: Path, pid: int | None) -> Conflict:
    """Return the exception for a second owner."""
    return Conflict(f"{path} is in use by pid {pid}. Stop that one first: premortem down.")


def make_secret(path: Path, name: str) -> None:
    """Make the secret of that name, 192 random bits in a file (0600), unless there is one; of several that make it at
    once the first wins.
    """
    file = path / "secrets" / name
    if file.exists():
        return
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = _written(file, secrets.token_urlsafe(24))
    try:
        os.link(fresh, file)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


def secret(path: Path, name: str) -> str | None:
    """Return the secret of that name, or None before the first start."""
    try:
        return (path / "secrets" / name).read_text()
    except FileNotFoundError:
        return None


def remember_ports(path: Path, wanted: dict[str, int]) -> dict[str, int]:
    """Return the ports to use and store them: those wanted; for a 0 the one stored earlier, or a free one."""
    known = ports(path)
    chosen = {name: port or known.get(name) or _free_port() for name, port in wanted.items()}
    if chosen != known:
        _replace(path / "ports.json", json.dumps(chosen, sort_keys=True))
    return chosen


def ports(path: Path) -> dict[str, int]:
    """Return the stored ports by name; empty before the first start."""
    try:
        return dict(json.loads((path / "ports.json").read_text()))
    except FileNotFoundError:
        return {}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _replace(file: Path, content: str) -> None:
    """Write a file (0600) whole or not at all, also across a crash of the machine."""
    _written(file, content).replace(file)


def _written(file: Path, content: str) -> Path:
    """Return a new file beside `file` with the content, safe on the disk."""
    fresh = file.with_name(f"{file.name}.{os.getpid()}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    return fresh


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _pid_in(path: Path) -> int | None:
    try:
        return int((path / "lock").read_text())
    except ValueError:
        return None
