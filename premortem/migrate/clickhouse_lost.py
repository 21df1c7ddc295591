"""Tables of ClickHouse that were lost: made anew by the migrations' own statements, each of which may run again."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from premortem.exceptions import Conflict, Unavailable
from premortem.migrate.clickhouse import connect, migrate_clickhouse
from premortem.migrate.files import read_migrations
from premortem.migrate.statements import split_statements

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

_MAKING = re.compile(r"CREATE (?:TABLE|MATERIALIZED VIEW) IF NOT EXISTS (\w+)(?: TO (\w+) AS\s+(SELECT.*))?", re.DOTALL)


class _Made(Struct, frozen=True):
    """What a statement of a migration makes: a table, or a view that feeds `target` with what `select` says."""

    name: str
    target: str
    select: str


def remake_clickhouse(client_or_url: "Client | str", directory: Path) -> list[str]:
    """Make the tables and views that are missing, and return their names; those that are there keep their rows.

    A ledger that says that all was applied is no reason to believe it. Views are made anew with the table that they
    read, and what they feed is filled from the rows that are still there, which changes nothing that was right.
    Raises like `migrate_clickhouse`.
    """
    client = connect(client_or_url) if isinstance(client_or_url, str) else client_or_url
    statements = [each for file in read_migrations(directory) for each in split_statements(file.up, "clickhouse")]
    made = [_Made(*(part or "" for part in found.groups())) for each in statements if (found := _MAKING.search(each))]
    with _translated():
        before = _names(client)
        migrate_clickhouse(client, directory)
        if {each.name for each in made} - _names(client):
            views = [each for each in made if each.target]
            for view in views:
                client.command(f"DROP VIEW IF EXISTS {view.name} SYNC")
            for statement in statements:
                client.command(statement)
            for view in views:
                client.command(f"INSERT INTO {view.target} {view.select}")
    return [each.name for each in made if each.name not in before]


def _names(client: "Client") -> set[str]:
    rows = client.query("SELECT name FROM system.tables WHERE database = currentDatabase()").result_rows
    return {str(row[0]) for row in rows}


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the library's exceptions into ours."""
    from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

    try:
        yield
    except OperationalError as problem:
        raise Unavailable(f"ClickHouse did not answer: {problem}. Is it running?") from problem
    except DatabaseError as problem:
        raise Conflict(f"ClickHouse refused to make its tables anew: {problem}. Mend its access.") from problem
