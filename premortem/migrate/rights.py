"""What a PostgreSQL of one's own must be and allow: its version, pgvector, the rights of the owner; each with its mend.

The owner need not be a superuser. Reads for a tenant become the role `premortem_app`, so the owner must be allowed to.
"""

from typing import Any

import psycopg
from psycopg.rows import dict_row

from premortem.exceptions import Conflict, Unavailable

LEAST_VERSION = 16
"""The first that knows `STORAGE` in CREATE TABLE and `SET` in GRANT; both stand in the migrations."""

Connection = psycopg.Connection[Any]

_ASKED = """
SELECT quote_ident(current_user) AS owner, r.rolsuper AS superuser, r.rolsuper OR r.rolcreaterole AS makes_roles,
  EXISTS (SELECT FROM pg_extension WHERE extname = 'vector') AS vector,
  EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') AS vector_to_be_had,
  readers IS NOT NULL AS readers,
  pg_has_role(current_user, readers, 'SET') OR pg_has_role(current_user, readers, 'SET WITH ADMIN OPTION') AS becomes,
  has_schema_privilege('public', 'USAGE') AND has_schema_privilege('public', 'CREATE') AS creates,
  has_schema_privilege(readers, 'public', 'USAGE') OR has_schema_privilege('public', 'USAGE WITH GRANT OPTION') AS shows
FROM pg_roles r, to_regrole('premortem_app') AS readers WHERE r.rolname = current_user
"""


def examine(dsn: str) -> str:
    """Return the server's version. Unavailable when it does not answer, Conflict when it or the owner is not enough."""
    try:
        with psycopg.connect(dsn, connect_timeout=5) as connection:
            version = server_version(connection)
            become_reader(connection)
    except psycopg.OperationalError as problem:
        raise Unavailable(f"PostgreSQL did not answer: {' '.join(str(problem).split())}") from problem
    return version


def server_version(connection: Connection, least: int = LEAST_VERSION) -> str:
    """Return the server's version; Conflict with the mend when it is too old."""
    number, text = connection.info.server_version, connection.info.parameter_status("server_version")
    if number // 10_000 < least:
        raise Conflict(f"PostgreSQL {text} is too old: Premortem needs {least} or newer. Upgrade it.")
    return f"PostgreSQL {text}"


def become_reader(connection: Connection) -> None:
    """Become the role of reads for the rest of the transaction, when it is there yet; Conflict with the mend."""
    found = connection.execute("SELECT to_regrole('premortem_app') IS NOT NULL, quote_ident(current_user)").fetchone()
    if found is None or not found[0]:
        return
    try:
        connection.execute("SET LOCAL ROLE premortem_app")
    except psycopg.errors.InsufficientPrivilege as problem:
        raise Conflict(
            f"{found[1]} may not become premortem_app. A superuser has to run: {_grant(found[1])}"
        ) from problem


def wanting(connection: Connection) -> list[str]:
    """Return what stands in the way of the migrations, a sentence each with its mend; changes nothing."""
    try:
        server_version(connection)
    except Conflict as problem:
        return [str(problem)]
    row = connection.cursor(row_factory=dict_row).execute(_ASKED).fetchone() or {}
    superuser, here, owner = "A superuser has to run", "A superuser has to run in this database", row["owner"]
    lacks = []
    if not row["vector"] and not row["vector_to_be_had"]:
        lacks.append("The server does not have pgvector. Install it there (https://github.com/pgvector/pgvector).")
    elif not row["vector"] and not row["superuser"]:
        lacks.append(f"{here}: CREATE EXTENSION vector;")
    if not row["readers"] and not row["makes_roles"]:
        lacks.append(f"{superuser}: CREATE ROLE premortem_app NOLOGIN NOBYPASSRLS; {_grant(owner)}")
    if row["readers"] and not row["becomes"]:
        lacks.append(f"{superuser}: {_grant(owner)}")
    if not row["creates"]:
        lacks.append(f"{here}: GRANT ALL ON SCHEMA public TO {owner};")
    if row["readers"] and not row["shows"]:
        lacks.append(f"{here}: GRANT USAGE ON SCHEMA public TO premortem_app;")
    return lacks


def _grant(owner: str) -> str:
    return f"GRANT premortem_app TO {owner} WITH INHERIT FALSE, SET TRUE;"
