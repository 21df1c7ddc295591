"""Tables of PostgreSQL that were lost: made anew, empty, from `tables.sql` beside the adapter that they belong to."""

import re

from premortem.adapters.postgres import Pool, connected, statement

_TABLE = re.compile(rb"^CREATE TABLE IF NOT EXISTS (\w+)", re.MULTILINE)


def remake_tables(pool: Pool, adapter_file: str) -> list[str]:
    """Create those of the adapter's tables that are missing, and return their names; the others stay as they are."""
    ddl = statement(adapter_file, "tables")
    names = [name.decode() for name in _TABLE.findall(ddl)]
    with connected(pool) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('premortem lost tables'))")
        asked = "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NULL"
        missing = {row[0] for row in connection.execute(asked, [names])}
        if missing:
            connection.execute(ddl)
    return [name for name in names if name in missing]
