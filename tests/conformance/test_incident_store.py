"""Every incident store keeps the promise of `ports.IncidentStore`."""

from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from premortem.adapters.incident_store.memory import MemoryIncidentStore
from premortem.adapters.incident_store.postgres import PostgresIncidentStore
from premortem.adapters.postgres import open_pool
from premortem.domain import timeline
from premortem.domain.ids import FactId, IncidentId, TenantId
from premortem.domain.incident import Incident
from premortem.domain.outcomes import ProposedCause
from premortem.exceptions import Malformed
from premortem.ports import IncidentFilter, IncidentStore, Saved, StoredFact
from tests.builders import NOW, detected, incident

ACME, OTHER = TenantId("acme"), TenantId("other")
ANY = IncidentFilter()


@pytest.fixture(params=["memory", "postgres"])
def store(request: pytest.FixtureRequest) -> Iterator[IncidentStore]:
    if request.param == "memory":
        yield MemoryIncidentStore()
        return
    pool = open_pool(request.getfixturevalue("postgres_dsn"), size=2)
    yield PostgresIncidentStore(pool)
    pool.close()


def save(store: IncidentStore, *incidents: Incident, offset: int = 0) -> None:
    store.save([Saved(found, 0, offset) for found in incidents], [])


def titles(store: IncidentStore, where: IncidentFilter = ANY, tenant: TenantId = ACME) -> list[str]:
    return [found.title for found in store.find(tenant, where, None, 50).incidents]


def stored(name: str, offset: int) -> StoredFact:
    fact = detected(name)
    return StoredFact(fact.incident_id, fact.id, 0, offset, "IncidentDetected", NOW, timeline.encode(fact))


def test_what_was_saved_comes_back_equal(store: IncidentStore) -> None:
    save(store, incident("one"), offset=7)
    assert dict(store.load([incident("one").id, IncidentId("absent")])) == {
        incident("one").id: Saved(incident("one"), 0, 7)
    }
    assert store.get(ACME, incident("one").id) == incident("one")


def test_the_chain_comes_back_with_the_incident_and_with_each_fact_and_moves_on_with_a_newer_row(
    store: IncidentStore,
) -> None:
    found = incident("one")
    store.save([Saved(found, 0, 5, "a" * 64)], [replace(stored("one", 5), chain="a" * 64)])
    store.save([Saved(found, 0, 6, "b" * 64)], [])
    store.save([Saved(found, 0, 4, "c" * 64)], [])
    assert store.load([found.id])[found.id].chain == "b" * 64
    assert [fact.chain for fact in store.timeline(ACME, found.id, -1, 10)] == ["a" * 64]


def test_outcomes_are_those_of_the_tenants_causes_that_somebody_or_something_judged(store: IncidentStore) -> None:
    open_ = ProposedCause(id=FactId("c"), at=NOW, decided_by="rules 1", reason='it "said":', claimed=0.9)
    right = replace(open_, id=FactId("a"), said="right")
    wrong = replace(open_, id=FactId("b"), measured="wrong")
    first = replace(incident("one"), causes=(open_, right), title='née "said": \\u0000')
    second = replace(incident("two", occurred_at=NOW + 5), causes=(wrong,))
    third = replace(incident("three", occurred_at=NOW + 9), causes=(open_,))
    theirs = replace(incident("theirs", tenant_id=OTHER), causes=(right,))
    save(store, first, second, third, theirs, incident("none"))
    assert sorted(store.outcomes(ACME), key=lambda each: each.id) == [right, wrong]
    assert list(store.causes(ACME, NOW + 1)) == [wrong, open_]
    assert len(store.causes(ACME, 0)) == 4
    save(store, replace(first, causes=()), offset=1)
    assert list(store.outcomes(ACME)) == [wrong]


def test_an_older_row_never_replaces_a_newer_one(store: IncidentStore) -> None:
    save(store, incident("one", title="new"), offset=9)
    save(store, incident("one", title="old"), offset=8)
    assert titles(store) == ["new"]


def test_one_tenant_never_sees_another_ones_incidents(store: IncidentStore) -> None:
    mine, theirs = incident("mine"), incident("theirs", tenant_id=OTHER)
    store.save([Saved(mine, 0, 1), Saved(theirs, 0, 2)], [stored("mine", 1), stored("theirs", 2)])
    assert titles(store) == [mine.title]
    assert store.get(ACME, theirs.id) is None
    assert store.timeline(ACME, theirs.id, -1, 10) == []


def test_a_list_is_ordered_by_opening_and_comes_in_pages_without_gaps(store: IncidentStore) -> None:
    save(store, *(incident(str(n), occurred_at=NOW + n // 2) for n in range(7)))
    seen: list[Incident] = []
    cursor: str | None = None
    while True:
        page = store.find(ACME, ANY, cursor, 3)
        seen.extend(page.incidents)
        cursor = page.cursor
        if cursor is None:
            break
    assert len(seen) == 7
    assert seen == sorted(seen, key=lambda found: (found.opened_at, found.id), reverse=True)


def test_a_cursor_that_is_not_ours_is_malformed(store: IncidentStore) -> None:
    for cursor in ("", "zzz", "!!!!", "MTIz", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk6eA"):
        with pytest.raises(Malformed):
            store.find(ACME, ANY, cursor, 3)


def test_filters_narrow_and_their_wildcards_mean_themselves(store: IncidentStore) -> None:
    save(store, incident("100% full", environment="staging"), incident("100 full"), incident("other", project_id=2))
    assert titles(store, IncidentFilter(text="100% f")) == ["KeyError: 100% full"]
    assert titles(store, IncidentFilter(text="KEYERROR: OTH")) == ["KeyError: other"]
    assert titles(store, IncidentFilter(environment="staging")) == ["KeyError: 100% full"]
    assert titles(store, IncidentFilter(project_id=2)) == ["KeyError: other"]  # type: ignore[arg-type]
    assert titles(store, IncidentFilter(status="resolved")) == []


def test_a_repeated_fact_is_one_row_and_the_timeline_is_in_order(store: IncidentStore) -> None:
    found = incident("one")
    store.save([Saved(found, 0, 5)], [stored("one", 5), stored("one", 6)])
    assert [fact.offset for fact in store.timeline(ACME, found.id, -1, 10)] == [5]
    assert store.timeline(ACME, found.id, 5, 10) == []


def test_equal_states_have_equal_digests(store: IncidentStore) -> None:
    save(store, incident("a"), incident("b"))
    other = MemoryIncidentStore()
    save(other, incident("b"), offset=3)
    save(other, incident("a"), offset=99)
    assert store.digest() == other.digest()
    save(other, incident("a", title="changed"), offset=100)
    assert store.digest() != other.digest()


@given(st.permutations(range(6)), st.lists(st.integers(0, 5), max_size=6))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_of_redelivery_ends_in_the_newest_state(
    store: IncidentStore, order: list[int], again: list[int]
) -> None:
    name = f"shuffled {order} {again}"
    for offset in [*order, *again]:
        save(store, incident(name, culprit=str(offset)), offset=offset)
    found = store.get(ACME, incident(name).id)
    assert found is not None
    assert found.culprit == "5"


def test_row_level_security_hides_everything_from_a_role_without_a_tenant(postgres_dsn: str) -> None:
    pool = open_pool(postgres_dsn, size=1)
    PostgresIncidentStore(pool).save([Saved(incident("one"), 0, 1)], [stored("one", 1)])
    pool.close()
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute("SET ROLE premortem_app")
        for table in ("incidents", "timeline_events", "incident_fingerprints", "pull_requests"):
            assert connection.execute(f"SELECT * FROM {table}".encode()).fetchall() == []
        connection.execute("SELECT set_config('app.tenant', 'acme', true)")
        assert len(connection.execute("SELECT * FROM incidents").fetchall()) == 1
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM incidents")
