"""What every PostgreSQL adapter shares: the pool with its deadlines, statements from files, exceptions in our words."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from premortem.exceptions import Unavailable, Unprepared

Pool = ConnectionPool[psycopg.Connection[tuple[Any, ...]]]

WAIT_SECONDS = 5.0
"""Nobody waits longer for a connection."""


def connection_settings(statement_timeout_ms: int = 5_000) -> dict[str, str | int]:
    """Return what every connection of ours is opened with: deadlines for connecting, for statements, for silence."""
    options = f"-c statement_timeout={statement_timeout_ms} -c timezone=UTC -c application_name=premortem"
    silence = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
    return {"connect_timeout": 5, "options": options, **silence}


def open_pool(
    dsn: str, *, size: int = 4, statement_timeout_ms: int = 5_000, wait_seconds: float = WAIT_SECONDS
) -> Pool:
    """Return a pool of up to `size` connections; it connects when first used, so a server that is away is no error yet.

    Every statement ends after `statement_timeout_ms`, and nobody waits longer than `wait_seconds` for a connection.
    """
    return ConnectionPool(
        dsn,
        min_size=0,
        max_size=size,
        timeout=wait_seconds,
        max_idle=300,
        reconnect_timeout=wait_seconds,
        kwargs=connection_settings(statement_timeout_ms),
        open=True,
    )


@contextmanager
def connected(pool: Pool) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """Lend a connection for one transaction: committed at the end, rolled back on an exception.

    Raises what `unavailable` does.
    """
    with unavailable(), pool.connection() as connection:
        yield connection


@contextmanager
def unavailable() -> Iterator[None]:
    """Turn a server that is away, shutting down or too slow, and a lost serialisation race, into Unavailable; one that
    is not migrated yet, or refuses us a right, into Unprepared.
    """
    try:
        yield
    except psycopg.errors.UndefinedTable as exception:
        raise Unprepared(
            "PostgreSQL does not have a table of ours. Run: premortem migrate; where it was there and is lost: "
            "premortem rebuild --help."
        ) from exception
    except psycopg.errors.InsufficientPrivilege as exception:
        refused = exception.diag.message_primary
        raise Unprepared(
            f"PostgreSQL refuses us: {refused}. Run: premortem migrate, then premortem doctor."
        ) from exception
    except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as exception:
        raise Unavailable(f"PostgreSQL: {' '.join(str(exception).split())[:300]}") from exception


@cache
def statement(adapter_file: str, name: str) -> bytes:
    """Return the statement in `name`.sql beside `adapter_file`."""
    return Path(adapter_file).with_name(f"{name}.sql").read_bytes()
