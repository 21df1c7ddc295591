"""Migrations of PostgreSQL: one transaction a file, one migrator at a time."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psycopg

from premortem.exceptions import Conflict, Unavailable
from premortem.migrate.files import Migration, pending, read_migrations
from premortem.migrate.rights import wanting
from premortem.migrate.statements import split_statements

_LOCK = 7_307_186_115_001
"""Key of the advisory lock; any number that nothing else uses."""

_LEDGER = """
CREATE TABLE IF NOT EXISTS public.schema_migrations (version varchar(128) PRIMARY KEY);
CREATE TABLE IF NOT EXISTS public.schema_checksums (version varchar(128) PRIMARY KEY, sha256 text NOT NULL)
"""


def migrate_postgres(
    dsn: str, directory: Path, progress: Callable[[str, str], None] | None = None, lock_seconds: float = 120
) -> list[str]:
    """Apply what is pending in `directory` and return the names of the applied files.

    `dsn` is the owner's; `progress` is called with ("migrate", file name) before each file. A file runs in one
    transaction with its ledger row, or (`transaction:false`) statement by statement. Raises Unavailable when the
    server does not answer or another migrator holds the lock for longer than `lock_seconds`, Conflict as in
    `files.pending` or when the SQL fails (nothing of that file is kept, unless it is `transaction:false`), with what
    the server or the owner lacks.
    """
    migrations = read_migrations(directory)
    try:
        with psycopg.connect(dsn, autocommit=True, connect_timeout=10) as connection:
            _lock(connection, lock_seconds)
            _run(connection, "the ledger of migrations", lambda: connection.execute(_LEDGER))
            to_apply = pending(migrations, _applied(connection))
            _adopt(connection, migrations)
            for migration in to_apply:
                if progress:
                    progress("migrate", migration.name)
                _run(connection, migration.name, partial(_apply, connection, migration))
    except psycopg.OperationalError as problem:
        raise Unavailable(f"PostgreSQL did not answer: {str(problem).strip()}. Is it running?") from problem
    return [migration.name for migration in to_apply]


def pending_postgres(dsn: str, directory: Path) -> list[str]:
    """Return the names of the files that are not applied yet, changing nothing. Raises like `migrate_postgres`."""
    migrations = read_migrations(directory)
    try:
        with psycopg.connect(dsn, autocommit=True, connect_timeout=10) as connection:
            found = connection.execute("SELECT to_regclass('public.schema_checksums') IS NOT NULL").fetchone()
            applied = _applied(connection) if found == (True,) else {}
    except psycopg.OperationalError as problem:
        raise Unavailable(f"PostgreSQL did not answer: {str(problem).strip()}. Is it running?") from problem
    return [migration.name for migration in pending(migrations, applied)]


def _lock(connection: psycopg.Connection, lock_seconds: float) -> None:
    """Wait by asking again, never inside one statement: its snapshot would block the other's CONCURRENTLY for ever."""
    deadline = time.monotonic() + lock_seconds
    while connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone() != (True,):
        if time.monotonic() > deadline:
            raise Unavailable(f"Another migration has been running for {lock_seconds:.0f} s. Wait for it, then repeat.")
        time.sleep(0.05)


def _applied(connection: psycopg.Connection) -> dict[str, str | None]:
    rows = connection.execute(
        "SELECT version, sha256 FROM public.schema_migrations LEFT JOIN public.schema_checksums USING (version)"
    )
    return dict(rows.fetchall())


def _adopt(connection: psycopg.Connection, migrations: list[Migration]) -> None:
    """Note the checksums of files that dbmate itself applied."""
    connection.cursor().executemany(
        "INSERT INTO public.schema_checksums SELECT version, %s FROM public.schema_migrations WHERE version = %s"
        " ON CONFLICT DO NOTHING",
        [(migration.checksum, migration.version) for migration in migrations],
    )


def _run(connection: psycopg.Connection, name: str, step: Callable[[], object]) -> None:
    """Take a step; what the server refuses is a Conflict of one line, with what the server or the owner lacks."""
    try:
        step()
    except psycopg.OperationalError:
        raise
    except psycopg.Error as problem:
        mend = " ".join(wanting(connection)) or "Mend the file or the database."
        raise Conflict(f"{name} failed: {' '.join(str(problem).split()).rstrip('.')}. {mend}") from problem


def _apply(connection: psycopg.Connection, migration: Migration) -> None:
    if not migration.transaction:
        for statement in split_statements(migration.up, "postgres"):
            connection.execute(statement.encode())
    with connection.transaction():
        if migration.transaction:
            connection.execute(migration.up.encode())
        connection.execute("INSERT INTO public.schema_migrations VALUES (%s)", (migration.version,))
        connection.execute(
            "INSERT INTO public.schema_checksums VALUES (%s, %s)", (migration.version, migration.checksum)
        )
