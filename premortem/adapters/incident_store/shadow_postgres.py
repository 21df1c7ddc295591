"""A shadow of the incidents in PostgreSQL: a schema of its own beside the live tables, while a rebuild takes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import psycopg
from psycopg.rows import dict_row

from premortem.adapters.incident_store.rows import (
    COLUMNS,
    KEYS,
    TYPES,
    Row,
    fact_row,
    fingerprint_rows,
    incident_row,
    pull_request_rows,
    rows_of,
)
from premortem.adapters.postgres import Pool, connected, statement
from premortem.domain import incident as domain
from premortem.domain.digest import digest_of
from premortem.domain.ids import IncidentId, TenantId
from premortem.exceptions import Conflict, Unprepared
from premortem.ports import Examined, Rows, Saved, StoredFact, Suspect

_LOCK = 7_307_186_115_017
"""Key of the advisory lock; any number that nothing else uses."""
_AT_ONCE = 200
_Connection = psycopg.Connection[tuple[Any, ...]]


@contextmanager
def lend_shadow(pool: Pool, *, keep: bool = False) -> Iterator["PostgresShadowStore"]:
    """Lend an empty shadow, which is dropped afterwards unless it is to be kept; the pool needs four connections.

    Raises Conflict while another rebuild has one, Unprepared when the owner may not create a schema.
    """
    with _locked(pool), connected(pool) as connection:
        _make(connection)
        try:
            yield PostgresShadowStore(pool)
        finally:
            if not keep:
                connection.execute(b"DROP SCHEMA IF EXISTS premortem_shadow CASCADE")
                connection.commit()


def _make(connection: _Connection) -> None:
    try:
        for name in ("shadow_make", "tables", "shadow_lighten"):
            connection.execute(statement(__file__, name))
        connection.commit()
    except psycopg.errors.InsufficientPrivilege as problem:
        database, owner = connection.info.dbname, connection.info.user
        raise Unprepared(
            f"{owner} may not make the schema that incidents are folded into. A superuser has to run: "
            f"GRANT CREATE ON DATABASE {database} TO {owner};"
        ) from problem


@contextmanager
def _locked(pool: Pool) -> Iterator[None]:
    """Hold the lock of rebuilds, and no transaction open."""
    with connected(pool) as held:
        held.autocommit = True
        try:
            if held.execute(b"SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone() != (True,):
                raise Conflict("another rebuild of the incidents is under way. Wait for it, then repeat.")
            try:
                yield
            finally:
                held.execute(b"SELECT pg_advisory_unlock(%s)", (_LOCK,))
        finally:
            held.autocommit = False


class PostgresShadowStore:
    """The schema `premortem_shadow`, written with COPY and compared on the server. Not for several threads."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def load(self, incident_ids: Sequence[IncidentId]) -> Mapping[IncidentId, Saved]:
        """Return what the shadow holds of these incidents."""
        with self._shadow() as connection, connection.cursor(binary=True) as cursor:
            rows = cursor.execute(statement(__file__, "load"), {"ids": list(incident_ids)}).fetchall()
        return {saved.incident.id: saved for saved in (Saved(domain.decode(v), p, o, c) for v, p, o, c in rows)}

    def facts(self, incident_ids: Sequence[IncidentId]) -> Mapping[IncidentId, Sequence[StoredFact]]:
        """Return the facts that the shadow holds of these incidents."""
        with self._shadow() as connection, connection.cursor(binary=True) as cursor:
            rows = cursor.execute(statement(__file__, "shadow_facts"), {"ids": list(incident_ids)}).fetchall()
        found = groupby((StoredFact(*row) for row in rows), key=lambda fact: fact.incident_id)
        return {incident_id: tuple(facts) for incident_id, facts in found}

    def add(self, incidents: Sequence[Saved], facts: Mapping[TenantId, Sequence[StoredFact]]) -> None:
        """Copy incidents, in place of what is there of them, and facts."""
        ids = [saved.incident.id for saved in incidents]
        rows = {
            "incidents": [incident_row(saved) for saved in incidents],
            "incident_fingerprints": [row for saved in incidents for row in fingerprint_rows(saved.incident)],
            "pull_requests": [row for saved in incidents for row in pull_request_rows(saved.incident)],
            "timeline_events": [fact_row(fact, tenant) for tenant, told in facts.items() for fact in told],
        }
        with self._shadow() as connection:
            if ids:
                connection.execute(statement(__file__, "shadow_forget"), {"ids": ids})
            for table, table_rows in rows.items():
                _copy(connection, table, table_rows)

    def digest(self) -> str:
        """Return the digest of all incidents in the shadow."""
        with self._shadow() as connection:
            return _digest(connection)

    def rows(self, saved: Saved | None, facts: Sequence[StoredFact]) -> Rows:
        """Return the rows that the live store would hold of this."""
        return rows_of(saved, facts)

    def positions(self) -> Mapping[int, int]:
        """Return how far `materialize` is, by partition."""
        with connected(self._pool) as connection:
            return _positions(connection)

    def lost(self) -> Sequence[str]:
        """Return the names of the live tables that are not there."""
        with connected(self._pool) as connection:
            return _lost(connection)

    @contextmanager
    def examine(self) -> Iterator[Examined]:
        """Hold the live tables as they are at this moment: one snapshot for all that is read of them."""
        with connected(self._pool) as connection:
            connection.execute(b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            if lost := _lost(connection):
                raise Unprepared(f"the table {lost[0]} is not there. Run: premortem rebuild incidents.")
            yield Examined(_digest(connection), _positions(connection), _suspects(connection))

    def swap(self, catch_up: Callable[[], None]) -> int:
        """Put the shadow's rows of every incident that differs in place of the live ones, in one transaction.

        When one of the tables is lost, all are made anew.
        """
        with connected(self._pool) as connection:
            if _lost(connection):
                for name in ("shadow_drop_live", "tables", "tables_access"):
                    connection.execute(statement(__file__, name))
            connection.execute(b"LOCK TABLE public.incidents IN SHARE ROW EXCLUSIVE MODE")
            catch_up()
            differing = statement(__file__, "shadow_differing")
            connection.execute(b"CREATE UNLOGGED TABLE premortem_shadow.changed AS " + differing)
            connection.execute(statement(__file__, "shadow_swap"))
            row = connection.execute(b"SELECT count(*) FROM premortem_shadow.changed").fetchone()
            connection.execute(b"DROP TABLE premortem_shadow.changed")
            return row[0] if row else 0

    @contextmanager
    def _shadow(self) -> Iterator[_Connection]:
        """Lend a connection to which the tables' names mean those of the shadow."""
        with connected(self._pool) as connection:
            connection.execute(b"SET LOCAL search_path = premortem_shadow")
            yield connection


def _copy(connection: _Connection, table: str, rows: Sequence[Row]) -> None:
    if not rows:
        return
    with connection.cursor().copy(f"COPY {table} FROM STDIN (FORMAT binary)".encode()) as copy:
        copy.set_types([TYPES.get(column, "text") for column in COLUMNS[table]])
        for row in rows:
            copy.write_row(row)


def _digest(connection: _Connection) -> str:
    with connection.cursor(name="digest", binary=True) as cursor:
        cursor.itersize = 1000
        return digest_of(cursor.execute(statement(__file__, "all")))


def _positions(connection: _Connection) -> Mapping[int, int]:
    return dict(connection.execute(statement(__file__, "shadow_positions")).fetchall())


def _lost(connection: _Connection) -> Sequence[str]:
    rows = connection.execute(statement(__file__, "shadow_lost"), {"names": list(COLUMNS)}).fetchall()
    return [name for (name,) in rows]


def _suspects(connection: _Connection) -> Iterator[Suspect]:
    with connection.cursor(name="differing") as cursor:
        cursor.execute(statement(__file__, "shadow_differing"))
        while ids := [incident_id for (incident_id,) in cursor.fetchmany(_AT_ONCE)]:
            tables = {table: _live(connection, table, ids) for table in COLUMNS}
            for each in ids:
                yield Suspect(each, {table: rows.get(each, {}) for table, rows in tables.items()})


def _live(connection: _Connection, table: str, ids: Sequence[str]) -> dict[str, dict[tuple[object, ...], Any]]:
    """Return the live rows of a table, by incident and key."""
    owner = COLUMNS[table][0]
    asked = statement(__file__, "shadow_live").replace(b"the_table", table.encode()).replace(b"the_key", owner.encode())
    found: dict[str, dict[tuple[object, ...], Any]] = {}
    with connection.cursor(row_factory=dict_row, binary=True) as cursor:
        for row in cursor.execute(asked, {"ids": list(ids)}):
            found.setdefault(row[owner], {})[tuple(row[key] for key in KEYS[table])] = row
    return found
