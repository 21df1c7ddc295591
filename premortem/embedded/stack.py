"""Start, stop and look at the one-machine stack: what `premortem up`, `down`, `status` and `logs` call."""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from premortem.embedded import data_directory, postgres_paths
from premortem.embedded.children import embedded_children
from premortem.embedded.ports_in_use import check_free
from premortem.embedded.postgres import PostgresServer
from premortem.embedded.status import ChildStatus, read
from premortem.embedded.supervisor import Supervisor
from premortem.exceptions import Conflict, Unavailable
from premortem.settings import Settings

Progress = Callable[[str, str], None]

_PORTS = ("http_port", "postgres_port", "clickhouse_port")
CLICKHOUSE_PASSWORD = "clickhouse_password"  # noqa: S105 - a name
"""Name of the secret; the server of the user `default` reads it from PREMORTEM_CLICKHOUSE_PASSWORD."""

_START_SECONDS = 180.0
_STOP_SECONDS = 12.0


def resolve(settings: Settings) -> Settings:
    """Return the settings with everything filled in that the data directory knows: absolute path, ports, DSN and URL.

    For every program that talks to the stack; changes nothing on disk.
    """
    path = settings.data_dir.absolute()
    known = data_directory.ports(path)
    filled: dict[str, object] = {"data_dir": path}
    filled |= {name: _port(settings, known, name) for name in _PORTS}
    if not settings.postgres_dsn:
        filled["postgres_dsn"] = postgres_paths.dsn(path / "postgres", int(str(filled["postgres_port"])))
    if not settings.clickhouse_url:
        password = quote(data_directory.secret(path, CLICKHOUSE_PASSWORD) or "", safe="")
        filled["clickhouse_url"] = f"http://default:{password}@127.0.0.1:{filled['clickhouse_port']}/default"
    return settings.model_copy(update=filled)


def _port(settings: Settings, known: dict[str, int], name: str) -> int:
    """Return the port that was asked for, else the one that the stack was started with."""
    default = int(getattr(settings, name))
    return (default if name in settings.model_fields_set else 0) or known.get(name, 0) or default


def run(settings: Settings) -> None:
    """Run the stack in this process until SIGTERM or SIGINT. Raises Conflict (other owner, version, port taken)."""
    path = settings.data_dir.absolute()
    data_directory.prepare(path)
    with data_directory.hold(path):
        wanted = {name: getattr(settings, name) for name in _PORTS}
        ports = data_directory.remember_ports(path, wanted)
        own = frozenset(
            database
            for database, address in (("postgres", settings.postgres_dsn), ("clickhouse", settings.clickhouse_url))
            if address
        )
        check_free(settings.http_host, {name: port for name, port in ports.items() if name.split("_")[0] not in own})
        data_directory.make_secret(path, CLICKHOUSE_PASSWORD)
        password = data_directory.secret(path, CLICKHOUSE_PASSWORD) or ""
        resolved = resolve(settings)
        variables = {**environment(resolved), "PREMORTEM_CLICKHOUSE_PASSWORD": password}
        children = embedded_children(resolved, variables, own)
        Supervisor(children, path / "logs", path / "status.json").run()


@contextmanager
def postgres_alone(settings: Settings) -> Iterator[str]:
    """Run the data directory's PostgreSQL, and nothing else, while the block lasts; yields its DSN.

    A PostgreSQL of one's own is taken as it is. Raises Conflict while the stack runs.
    """
    if settings.postgres_dsn:
        yield settings.postgres_dsn
        return
    path = settings.data_dir.absolute()
    data_directory.prepare(path)
    with data_directory.hold(path):
        # Only its own port is settled here: those of the others stay what they were when the stack ran.
        wanted = dict.fromkeys(_PORTS, 0) | {"postgres_port": settings.postgres_port}
        ports = data_directory.remember_ports(path, wanted)
        server = PostgresServer(path / "postgres", port=ports["postgres_port"])
        server.start(deadline_seconds=600)  # replaying the write-ahead log after a crash must be let finish
        try:
            yield server.dsn()
        finally:
            server.stop()


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment variables that make a child read exactly these settings."""
    values = settings.model_dump(mode="json")
    return {f"PREMORTEM_{name.upper()}": str(value) for name, value in values.items()}


def start(settings: Settings, background: bool = True, progress: Progress | None = None) -> None:
    """Start the stack and return when all of it is ready (`background=False`: run it here until it is stopped).

    `progress` is called with (step, detail) at each change. Raises Conflict as `run`, and Unavailable when not all is
    ready in time (the supervisor goes on trying).
    """
    if not background:
        run(settings)
        return
    path = settings.data_dir.absolute()
    data_directory.prepare(path)
    if pid := data_directory.owner(path):
        raise data_directory.already_owned(path, pid)
    status_file, log = path / "status.json", path / "logs" / "supervisor.log"
    begun = log.stat().st_size if log.exists() else 0
    supervisor = _spawn_supervisor(settings, log)
    deadline = time.monotonic() + _START_SECONDS
    shown: dict[str, str] = {}
    while True:
        children = read(status_file, supervisor)
        for child in children:
            if shown.get(child.name) != child.state:
                shown[child.name] = child.state
                if progress:
                    progress(child.name, child.state)
        if children and all(child.is_ready for child in children):
            return
        if os.waitpid(supervisor, os.WNOHANG)[0]:
            raise Conflict(_last_words(log, begun))
        if time.monotonic() > deadline:
            late = ", ".join(child.name for child in children if not child.is_ready)
            raise Unavailable(f"Not ready after {_START_SECONDS:.0f} s: {late}. Look at: premortem logs.")
        time.sleep(0.05)


def stop(settings: Settings) -> bool:
    """Stop the stack and wait until it is gone; return whether one ran."""
    path = settings.data_dir.absolute()
    pid = data_directory.owner(path)
    if pid is None:
        return False
    for number, seconds in ((signal.SIGTERM, _STOP_SECONDS), (signal.SIGKILL, 2.0)):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if data_directory.owner(path) is None:
                _bury(pid)
                return True
            time.sleep(0.02)
    raise Unavailable(f"The supervisor (pid {pid}) did not end. Look at: premortem logs supervisor.")


def status(settings: Settings) -> list[ChildStatus]:
    """Return every process that is running or should be; empty when the stack is down. Finished steps are left out."""
    path = settings.data_dir.absolute()
    supervisor = data_directory.owner(path)
    if supervisor is None:
        return []
    return [child for child in read(path / "status.json", supervisor) if child.state != "done"]


def log_files(settings: Settings) -> list[Path]:
    """Return the current log file of each process, in order of name."""
    return sorted((settings.data_dir.absolute() / "logs").glob("*.log"))


def _bury(pid: int) -> None:
    """Take leave of a supervisor that was our own child, so that no zombie stays."""
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        pass


def configure_logging(level: str) -> None:
    """Write the supervisor's own words to stderr."""
    logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(message)s")


def _spawn_supervisor(settings: Settings, log: Path) -> int:
    """Start `python -m premortem.embedded` in a session of its own; it outlives us. Returns its pid."""
    root = str(Path(__file__).parents[2])
    search = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    words = (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    return os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "premortem.embedded"],
        {**os.environ, **environment(settings), "PYTHONPATH": search},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            words,
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


def _last_words(log: Path, begun: int) -> str:
    """Return the last line that this start wrote: the reason, without its prefix."""
    with log.open("rb") as file:
        file.seek(begun)
        lines = file.read().decode(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("premortem: ") if lines else "The supervisor ended without a word."
