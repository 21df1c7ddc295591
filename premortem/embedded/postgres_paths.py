"""Where a running embedded PostgreSQL is found: its socket, its DSN, its readiness and its processes."""

import hashlib
import os
from pathlib import Path
from urllib.parse import quote

_SOCKET_PATH_LIMIT = 107
"""Bytes of sun_path less the final NUL. Source: unix(7)."""


def socket_directory(directory: Path, port: int) -> Path:
    """Return the folder of the socket: `directory/run`, or a short one in /tmp when its path would be too long."""
    preferred = directory.absolute() / "run"
    if len(os.fsencode(preferred / f".s.PGSQL.{port}")) <= _SOCKET_PATH_LIMIT:
        return preferred
    return Path("/tmp") / f"premortem-{hashlib.sha256(os.fsencode(preferred)).hexdigest()[:16]}"  # noqa: S108 - 0700


def dsn(directory: Path, port: int, database: str = "premortem") -> str:
    """Return the owner's DSN over the socket of the server in `directory`."""
    sockets = quote(str(socket_directory(directory, port)), safe="")
    return f"postgresql:///{database}?host={sockets}&port={port}&user=premortem"


def is_ready(directory: Path, pid: int) -> bool:
    """Tell whether the postmaster `pid` accepts connections: lines 1 and 8 of its pid file, as `pg_ctl -w` reads them.

    The pid matters: a file left by a killed postmaster says "ready" too.
    """
    try:
        lines = (directory / "server" / "cluster" / "postmaster.pid").read_text().splitlines()
        return len(lines) >= 8 and lines[7].strip() == "ready" and int(lines[0]) == pid
    except (OSError, ValueError):
        return False


def running_servers(cluster: Path) -> dict[int, int]:
    """Return the pids of all processes of this cluster, each with its parent's: programs named postgres whose working
    directory is the cluster (every postmaster and backend stands there).
    """
    try:
        wanted = cluster.stat()
    except OSError:
        return {}
    found: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            here = (entry / "cwd").stat()
            if (here.st_dev, here.st_ino) == (wanted.st_dev, wanted.st_ino) and (
                (entry / "exe").readlink().name == "postgres"
            ):
                found[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    return found
