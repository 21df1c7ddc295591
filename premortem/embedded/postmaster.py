"""Become the postmaster: `python -m premortem.embedded.postmaster` prepares a cluster and turns into its server.

One process from start to end: whoever starts this module holds the postmaster's pid. The database folder looks so:

    lock       flock held by the postmaster and every backend: free exactly when nothing of the cluster runs any more
    password   of the role `premortem` over TCP, 0600
    run/       the socket, of the server's user (`nobody` when we are root)
    server/    `cluster`, of the server's user

As root, `run` and `server` are handed over as open descriptors (/proc/self/fd/N): `nobody` never has to pass through
the folders above them, so those stay closed to everybody, even below root's home.
"""

import argparse
import fcntl
import os
import secrets
import signal
import sys
import time
from pathlib import Path

from premortem.embedded import launch, postgres_binaries, postgres_cluster
from premortem.embedded.postgres_paths import running_servers, socket_directory
from premortem.embedded.privileges import account_name, drop_to, own_directory, unprivileged_account
from premortem.exceptions import Conflict, PremortemException

_GRACE_SECONDS = 1.0


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line, prepare everything and become the server; an expected failure is one line and exit 1."""
    parser = argparse.ArgumentParser(prog="premortem.embedded.postmaster")
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--listen", default="", help="loopback address for TCP; empty = the socket only")
    parser.add_argument("--patience", type=float, default=20, help="seconds to wait until an earlier server is gone")
    parser.add_argument("--no-fsync", action="store_true", help="for tests: fast, and lost when the machine crashes")
    options = parser.parse_args(arguments)
    parent = os.getppid()
    try:
        launch.die_with_parent(signal.SIGQUIT, parent)
        lock(options.directory, options.patience)
        serve(options.directory, options.port, options.listen, parent, durable=not options.no_fsync)
    except PremortemException as problem:
        sys.exit(f"premortem: {problem}")


def serve(directory: Path, port: int, listen: str, parent: int, *, durable: bool) -> None:
    """Prepare the cluster in the locked `directory` and become its postmaster, which dies (SIGQUIT) with `parent`.

    SIGQUIT, an immediate shutdown, is the signal of choice: it needs no disk and no time, the write-ahead log brings
    back every commit, and the next start does not have to wait for a checkpoint. Raises Conflict, Unavailable.
    """
    account = unprivileged_account()
    owner = account.pw_uid if account else None
    client = account_name()
    programs = postgres_binaries.wheel_programs()
    if account:
        programs = postgres_binaries.programs_for_everybody(programs)
    password = _password(directory / "password")
    home, sockets = directory / "server", socket_directory(directory, port)
    own_directory(home, owner)
    own_directory(sockets, owner)
    os.umask(0o077)
    if account:
        home, sockets = _through_descriptor(home), _through_descriptor(sockets)
        drop_to(account)
        launch.die_with_parent(signal.SIGQUIT, parent)
    postgres_cluster.create(programs, home, password, durable=durable)
    postgres_cluster.configure(home / "cluster", client, durable=durable)
    # Safe because the lock is ours: whatever pids stand in there, they are not servers of this cluster.
    for left_over in (home / "cluster" / "postmaster.pid", sockets / f".s.PGSQL.{port}.lock"):
        left_over.unlink(missing_ok=True)
    postgres_cluster.become_server(programs, home, sockets, port, listen)


def lock(directory: Path, patience_seconds: float) -> None:
    """Take the cluster's lock and leave it to the server; end what a killed postmaster left behind, after a grace.

    Raises Conflict when a living server keeps the lock for `patience_seconds`.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.set_inheritable(descriptor, True)
    cluster = directory / "server" / "cluster"
    started = time.monotonic()
    while not _try_lock(descriptor):
        waited = time.monotonic() - started
        if waited > patience_seconds:
            raise Conflict(f"Another PostgreSQL works in {directory}. Stop it (`premortem down`), then try again.")
        if waited > _GRACE_SECONDS:
            _end_orphans(cluster)
        time.sleep(0.05)
    if strangers := running_servers(cluster):
        raise Conflict(f"A PostgreSQL that we did not start works in {cluster} (pids {strangers}). Stop it first.")


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _end_orphans(cluster: Path) -> None:
    """Kill backends whose postmaster is gone: they notice by themselves unless they are deep in a long query."""
    servers = running_servers(cluster)
    orphans = [pid for pid, parent in servers.items() if parent not in servers]
    if any(_is_postmaster(cluster, pid) for pid in orphans):
        return
    for pid in orphans:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def _is_postmaster(cluster: Path, pid: int) -> bool:
    try:
        return int((cluster / "postmaster.pid").read_text().splitlines()[0]) == pid
    except (OSError, ValueError, IndexError):
        return False


def _password(file: Path) -> str:
    """Return the stored password, made and stored (0600) at the first call."""
    if not file.exists():
        fresh = file.with_name("password.new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            stream.write(secrets.token_urlsafe(24))
            stream.flush()
            os.fsync(stream.fileno())
        fresh.rename(file)
    return file.read_text()


def _through_descriptor(directory: Path) -> Path:
    """Return a path to `directory` that leads through an open descriptor of ours, which children inherit."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    os.set_inheritable(descriptor, True)
    return Path(f"/proc/self/fd/{descriptor}")


if __name__ == "__main__":
    main()
