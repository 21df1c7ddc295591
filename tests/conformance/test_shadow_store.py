"""Every shadow of the incidents keeps the promise of `ports.ShadowStore`."""

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from msgspec.structs import replace

from premortem.adapters.checkpoint_store.memory import MemoryCheckpointStore
from premortem.adapters.checkpoint_store.postgres import PostgresCheckpointStore
from premortem.adapters.incident_store.memory import MemoryIncidentStore
from premortem.adapters.incident_store.postgres import PostgresIncidentStore
from premortem.adapters.incident_store.shadow_memory import MemoryShadowStore
from premortem.adapters.incident_store.shadow_postgres import lend_shadow
from premortem.adapters.postgres import open_pool
from premortem.domain import timeline
from premortem.domain.ids import TenantId
from premortem.domain.incident import PullRequest
from premortem.exceptions import Conflict, Superseded, Unprepared
from premortem.ports import CheckpointStore, IncidentStore, Saved, ShadowStore, StoredFact
from tests.builders import NOW, detected, incident

ACME = TenantId("acme")
CHAIN = "c" * 64


@dataclass
class Beside:
    """A live store, and a shadow of it."""

    live: IncidentStore
    shadow: ShadowStore
    checkpoints: CheckpointStore

    def suspects(self) -> list[str]:
        with self.shadow.examine() as examined:
            return [suspect.incident_id for suspect in examined.suspects]


@pytest.fixture(params=["memory", "postgres"])
def beside(request: pytest.FixtureRequest) -> Iterator[Beside]:
    if request.param == "memory":
        live, checkpoints = MemoryIncidentStore(), MemoryCheckpointStore()
        yield Beside(live, MemoryShadowStore(live, checkpoints), checkpoints)
        return
    pool = open_pool(request.getfixturevalue("postgres_dsn"), size=5)
    with lend_shadow(pool) as shadow:
        yield Beside(PostgresIncidentStore(pool), shadow, PostgresCheckpointStore(pool))
    pool.close()


def saved(name: str, offset: int = 0, **changes: object) -> Saved:
    return Saved(incident(name, **changes), 0, offset, CHAIN)


def fact(name: str, offset: int = 0) -> StoredFact:
    told = detected(name)
    return StoredFact(told.incident_id, told.id, 0, offset, "IncidentDetected", NOW, timeline.encode(told), CHAIN)


PULL = PullRequest("acme/shop", 7, "https://code.test/7", "premortem/one", "draft")


def test_what_was_added_comes_back_equal(beside: Beside) -> None:
    beside.shadow.add([], {ACME: [fact("one", 7)]})
    beside.shadow.add([saved("one", 7)], {})
    one = incident("one").id
    assert dict(beside.shadow.load([one, incident("absent").id])) == {one: saved("one", 7)}
    assert {i: list(facts) for i, facts in beside.shadow.facts([one]).items()} == {one: [fact("one", 7)]}


def test_an_incident_that_is_added_again_is_replaced(beside: Beside) -> None:
    one = incident("one").id
    beside.shadow.add([saved("one", 1)], {ACME: [fact("one", 1)]})
    beside.shadow.add([saved("one", 2, title="later")], {})
    assert beside.shadow.load([one])[one] == saved("one", 2, title="later")


def test_equal_states_have_equal_digests_and_no_suspects(beside: Beside) -> None:
    beside.live.save([saved("one", 7), saved("two", 8)], [fact("one", 7), fact("two", 8)])
    beside.shadow.add([saved("two", 8), saved("one", 7)], {ACME: [fact("one", 7), fact("two", 8)]})
    assert beside.shadow.digest() == beside.live.digest()
    with beside.shadow.examine() as examined:
        assert examined.digest == beside.live.digest()
    assert beside.suspects() == []


def test_every_kind_of_difference_makes_a_suspect(beside: Beside) -> None:
    names = ["same", "title", "offset", "chain", "fact", "extra", "missing"]
    beside.live.save([saved(n, 1) for n in names if n != "missing"], [fact(n, 1) for n in names if n != "missing"])
    wanted = [saved(n, 1) for n in names if n in ("same", "fact", "missing")]
    other = incident("chain")
    wanted += [saved("title", 1, title="other"), saved("offset", 2), Saved(other, 0, 1, "d" * 64)]
    beside.shadow.add(wanted, {ACME: [fact(n, 1) for n in names if n not in ("extra", "fact")]})
    assert beside.suspects() == sorted(incident(n).id for n in names if n != "same")


def test_a_suspect_shows_the_rows_that_the_live_store_holds(beside: Beside) -> None:
    beside.live.save([saved("one", 1)], [fact("one", 1)])
    with beside.shadow.examine() as examined:
        (suspect,) = examined.suspects
    assert suspect.live == beside.shadow.rows(saved("one", 1), [fact("one", 1)])
    assert beside.shadow.rows(None, []) == {table: {} for table in suspect.live}


def test_the_positions_are_those_of_materialize(beside: Beside) -> None:
    beside.checkpoints.save("materialize", 2, 40, {})
    beside.checkpoints.save("route", 3, 50, {})
    assert beside.shadow.positions() == {2: 40}
    with beside.shadow.examine() as examined:
        assert examined.positions == {2: 40}


def test_a_swap_makes_the_live_store_hold_what_the_shadow_holds(beside: Beside) -> None:
    kept, gone, new = (incident(name).id for name in ("kept", "gone", "new"))
    beside.live.save([saved("kept", 9), saved("gone", 9)], [fact("kept", 9), fact("gone", 9)])
    beside.shadow.add([saved("kept", 3, title="right")], {ACME: [fact("kept", 3)]})

    def catch_up() -> None:
        beside.shadow.add([saved("new", 4)], {ACME: [fact("new", 4)]})

    assert beside.shadow.swap(catch_up) == 3
    held = beside.live.load([kept, gone, new])
    assert dict(held) == {kept: saved("kept", 3, title="right"), new: saved("new", 4)}
    assert [each.offset for each in beside.live.timeline(ACME, kept, -1, 10)] == [3]
    assert beside.live.digest() == beside.shadow.digest()
    assert beside.suspects() == []
    assert beside.shadow.swap(lambda: None) == 0


def test_what_was_known_before_a_swap_is_refused_after_it(beside: Beside) -> None:
    before = beside.live.generation()
    beside.live.save([saved("one", 1)], [], before)
    beside.shadow.swap(lambda: None)
    with pytest.raises(Superseded):
        beside.live.save([saved("one", 2)], [fact("one", 2)], before)
    assert beside.live.load([incident("one").id]) == {}
    assert beside.live.generation() != before
    beside.live.save([saved("one", 2)], [], beside.live.generation())


def test_a_shadow_is_gone_afterwards_and_there_is_one_at_a_time(postgres_dsn: str) -> None:
    pool = open_pool(postgres_dsn, size=5)
    with lend_shadow(pool) as shadow:
        shadow.add([saved("one")], {})
        with pytest.raises(Conflict, match="another rebuild"), lend_shadow(pool):
            pass
        assert shadow.load([incident("one").id])
    with pytest.raises(ZeroDivisionError), lend_shadow(pool):
        raise ZeroDivisionError
    with psycopg.connect(postgres_dsn) as connection:
        assert connection.execute("SELECT to_regnamespace('premortem_shadow')").fetchone() == (None,)
    with lend_shadow(pool, keep=True):
        pass
    with lend_shadow(pool) as shadow:  # what was left behind is no hindrance
        assert shadow.load([incident("one").id]) == {}
    pool.close()


_CATALOG = """
SELECT 'column', c.relname || '.' || attname, format_type(atttypid, atttypmod)
    || CASE WHEN attnotnull THEN ' not null' ELSE '' END || coalesce(' ' || pg_get_expr(adbin, adrelid), '')
    || ' ' || attstorage::text || attnum::text
  FROM ours c JOIN pg_attribute a ON attrelid = c.oid AND attnum > 0
    LEFT JOIN pg_attrdef ON adrelid = c.oid AND adnum = attnum
UNION ALL SELECT 'index', relname, pg_get_indexdef(indexrelid) FROM ours c JOIN pg_index ON indrelid = c.oid
UNION ALL SELECT 'constraint', conname, pg_get_constraintdef(k.oid) FROM ours c JOIN pg_constraint k ON conrelid = c.oid
UNION ALL SELECT 'policy', polname || ' ' || relname, concat(polcmd, polpermissive, polroles::regrole[],
    pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) FROM ours c JOIN pg_policy ON polrelid = c.oid
UNION ALL SELECT 'table', relname,
    concat(relrowsecurity, relforcerowsecurity, relacl, reloptions, relpersistence, relowner) FROM ours
ORDER BY 1, 2, 3
"""


def catalog(connection: psycopg.Connection[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Return all that the server knows of the tables of incidents: columns, indexes, constraints, policies, grants."""
    ours = "('incidents', 'incident_fingerprints', 'timeline_events', 'pull_requests', 'incident_generation')"
    found = f"WITH ours AS (SELECT * FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname IN {ours})"
    rows = connection.execute((found + _CATALOG).encode()).fetchall()
    assert {row[0] for row in rows} == {"column", "index", "constraint", "policy", "table"}
    return rows


ALL = "incidents, incident_fingerprints, timeline_events, pull_requests, incident_generation"


@pytest.mark.parametrize("dropped", [ALL, "pull_requests"])
def test_tables_that_are_lost_are_made_as_the_migrations_make_them(postgres_dsn: str, dropped: str) -> None:
    pool = open_pool(postgres_dsn, size=5)
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        before = catalog(connection)
        connection.execute(f"DROP TABLE {dropped}".encode())
        with lend_shadow(pool) as shadow:
            assert sorted(shadow.lost()) == [
                name for name in sorted(dropped.split(", ")) if name != "incident_generation"
            ]
            with pytest.raises(Unprepared), shadow.examine():
                pass
            told = Saved(replace(incident("one"), pull_requests=(PULL,)), 0, 1, CHAIN)
            shadow.add([told], {ACME: [fact("one", 1)]})
            assert shadow.swap(lambda: None) == 1
            assert shadow.lost() == []
        assert catalog(connection) == before
        assert told.incident.id in PostgresIncidentStore(pool).load([told.incident.id])
        assert connection.execute("SELECT number FROM pull_requests").fetchall() == [(7,)]
    pool.close()
