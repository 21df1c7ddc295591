"""Migrations of ClickHouse over its HTTP interface. Its DDL knows no transactions: write IF NOT EXISTS everywhere."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from premortem.exceptions import Conflict, Unavailable
from premortem.migrate.files import Migration, pending, read_migrations
from premortem.migrate.statements import split_statements

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

_LEDGER = (
    "CREATE TABLE IF NOT EXISTS schema_migrations (version String, ts DateTime DEFAULT now(), applied UInt8 DEFAULT 1)"
    " ENGINE = ReplacingMergeTree(ts) PRIMARY KEY version ORDER BY version",
    "CREATE TABLE IF NOT EXISTS schema_checksums (version String, sha256 String)"
    " ENGINE = ReplacingMergeTree PRIMARY KEY version ORDER BY version",
)


def migrate_clickhouse(
    client_or_url: "Client | str", directory: Path, progress: Callable[[str, str], None] | None = None
) -> list[str]:
    """Apply what is pending in `directory` and return the names of the applied files.

    Takes a client, or a URL `http://user:password@host:port/database`. A file that failed half way runs again from its
    top, and two migrators at once do the same work twice: both are harmless with IF NOT EXISTS. Raises Unavailable when
    the server does not answer, Conflict as in `files.pending` or when a statement fails.
    """
    # Imported late: the client library takes half a second, and migrating PostgreSQL alone needs none of it.
    from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

    migrations = read_migrations(directory)
    try:
        client = connect(client_or_url) if isinstance(client_or_url, str) else client_or_url
        for statement in _LEDGER:
            client.command(statement)
        to_apply = pending(migrations, _applied(client))
        for migration in to_apply:
            if progress:
                progress("migrate", migration.name)
            try:
                _apply(client, migration)
            except DatabaseError as problem:
                raise Conflict(f"{migration.name} failed: {problem}. Mend the file or the database.") from problem
    except OperationalError as problem:
        raise Unavailable(f"ClickHouse did not answer: {problem}. Is it running?") from problem
    except DatabaseError as problem:
        raise Conflict(f"ClickHouse refused the ledger of migrations: {problem}. Mend its access.") from problem
    return [migration.name for migration in to_apply]


def pending_clickhouse(client_or_url: "Client | str", directory: Path) -> list[str]:
    """Return the names of the files that are not applied yet, changing nothing. Raises like `migrate_clickhouse`."""
    from clickhouse_connect.driver.exceptions import OperationalError

    migrations = read_migrations(directory)
    try:
        client = connect(client_or_url) if isinstance(client_or_url, str) else client_or_url
        found = client.query("EXISTS TABLE schema_checksums").result_rows[0][0]
        applied = _applied(client) if found else {}
    except OperationalError as problem:
        raise Unavailable(f"ClickHouse did not answer: {problem}. Is it running?") from problem
    return [migration.name for migration in pending(migrations, applied)]


def connect(url: str) -> "Client":
    """Return a client of `http://user:password@host:port/database`."""
    import clickhouse_connect

    return clickhouse_connect.get_client(dsn=url)


def _applied(client: "Client") -> dict[str, str | None]:
    rows = client.query(
        "SELECT version, any(sha256) FROM schema_migrations FINAL LEFT JOIN schema_checksums USING (version)"
        " WHERE applied GROUP BY version"
    )
    return {version: checksum or None for version, checksum in rows.result_rows}


def _apply(client: "Client", migration: Migration) -> None:
    for statement in split_statements(migration.up, "clickhouse"):
        client.command(statement)
    row = {"version": migration.version, "sha256": migration.checksum}
    client.command("INSERT INTO schema_checksums (version, sha256) VALUES ({version:String}, {sha256:String})", row)
    client.command("INSERT INTO schema_migrations (version) VALUES ({version:String})", row)
