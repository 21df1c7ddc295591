"""A rebuild finds whatever was changed behind the log's back, and gives the same on every log."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from threading import Event
from typing import Any

import psycopg
import pytest

from premortem.adapters.event_log.kafka import KafkaEventLog
from premortem.adapters.event_log.kafka_topics import create_topics as create_kafka_topics
from premortem.adapters.event_log.memory import MemoryEventLog
from premortem.adapters.event_log.postgres import create_topics
from premortem.adapters.incident_store.memory import MemoryIncidentStore
from premortem.adapters.incident_store.shadow_memory import MemoryShadowStore
from premortem.adapters.incident_store.shadow_postgres import lend_shadow
from premortem.adapters.postgres import Pool, open_pool
from premortem.adapters.streams.parts import Surroundings
from premortem.adapters.streams.plain_runner import run_plain
from premortem.domain import timeline
from premortem.domain.ids import FactId, Fingerprint
from premortem.domain.timeline import FixApplied, HumanResponded, IncidentFact, IncidentGrew, PullRequestOpened
from premortem.exceptions import Conflict
from premortem.ports import Append, LogReader
from replay.rebuilding import rebuild as replay
from replay.rebuilding.comparing import Difference
from replay.rebuilding.rebuild import Rebuilt
from tests.builders import NOW, detected
from tests.dataflows.four_flows import surroundings
from tests.dataflows.world import World
from tests.kafka_fixture import KafkaBroker

ONE, TWO = (detected(name).incident_id for name in ("one", "two"))


def grew(name: str, number: int) -> IncidentGrew:
    whose = detected(name)
    return IncidentGrew(
        id=FactId(f"grew {number}"),
        incident_id=whose.incident_id,
        tenant_id=whose.tenant_id,
        project_id=whose.project_id,
        occurred_at=NOW + number,
        fingerprint=Fingerprint(f"{number:032x}"),
        severity="critical",
        decision=whose.decision,
        event_id="0" * 32,
    )


def pulled(name: str) -> PullRequestOpened:
    whose = detected(name)
    return PullRequestOpened(
        id=FactId("pulled"),
        incident_id=whose.incident_id,
        tenant_id=whose.tenant_id,
        project_id=whose.project_id,
        occurred_at=NOW,
        repository="acme/shop",
        number=7,
        url="https://code.test/7",
        branch="premortem/one",
    )


def records(*facts: IncidentFact) -> list[Append]:
    return [Append("debugging.timeline", fact.incident_id, timeline.encode(fact)) for fact in facts]


STORY = records(detected("one"), detected("two"), grew("one", 1), grew("two", 2), pulled("one"), grew("one", 3))


def closed_and_merged(name: str) -> list[IncidentFact]:
    """Return what is told of a pull request that was closed, opened again and merged."""
    whose = detected(name)
    shared: dict[str, Any] = {
        "incident_id": whose.incident_id,
        "tenant_id": whose.tenant_id,
        "project_id": whose.project_id,
        "occurred_at": NOW,
    }
    return [
        HumanResponded(id=FactId("no"), by="p", text="", action="reject_fix", url="https://code.test/7", **shared),
        FixApplied(id=FactId("yes"), repository="acme/shop", number=7, commit="c" * 40, **shared),
    ]


@pytest.fixture
def pool(postgres_dsn: str) -> Iterator[Pool]:
    with closing(open_pool(postgres_dsn, size=6)) as pool:
        create_topics(pool, 2)
        yield pool


@pytest.fixture
def around(pool: Pool) -> Surroundings:
    """The dataflows over PostgreSQL, with a story that `materialize` has saved."""
    around = surroundings(pool, Event())
    around.event_log.append(STORY)
    run_plain("materialize", around)
    return around


def verified(around: Surroundings, pool: Pool, *, swap: bool = False) -> Sequence[Difference]:
    """Return what differs, after which it may be swapped."""
    with lend_shadow(pool) as shadow:
        rebuilt = replay.rebuild(around.event_log, shadow)
        found = replay.verify(around.event_log, shadow, rebuilt)
        assert found.equal == (not found.differences)
        if swap:
            replay.swap(around.event_log, shadow, rebuilt)
        return found.differences


EDITS = [
    ("UPDATE incidents SET status = 'resolved' WHERE id = %s", "incidents", "status"),
    ("UPDATE incidents SET chain = '' WHERE id = %s", "incidents", "chain"),
    ("UPDATE incidents SET log_offset = 0 WHERE id = %s", "incidents", "log_offset"),
    ("UPDATE incidents SET log_partition = 9 WHERE id = %s", "incidents", "log_partition"),
    (
        "UPDATE incidents SET value = replace(encode(value, 'escape'), 'critical', 'low')::bytea WHERE id = %s",
        "incidents",
        "value.severity",
    ),
    ("UPDATE incidents SET value = value || ' ' WHERE id = %s", "incidents", "value"),
    ("UPDATE incidents SET value = '7' WHERE id = %s", "incidents", "value.*"),
    ("DELETE FROM timeline_events WHERE fact_id = 'grew 3' AND incident_id = %s", "timeline_events", ""),
    (
        "UPDATE timeline_events SET value = replace(encode(value, 'escape'), 'critical', 'low')::bytea"
        " WHERE fact_id = 'grew 3' AND incident_id = %s",
        "timeline_events",
        "value.severity",
    ),
    (
        "UPDATE timeline_events SET log_offset = 77 WHERE fact_id = 'grew 3' AND incident_id = %s",
        "timeline_events",
        "*",
    ),
    ("UPDATE pull_requests SET state = 'merged' WHERE incident_id = %s", "pull_requests", "state"),
    ("DELETE FROM incident_fingerprints WHERE incident_id = %s", "incident_fingerprints", ""),
]


def test_every_edit_behind_the_logs_back_is_told_by_incident_and_field_and_mended_by_a_swap(
    around: Surroundings, pool: Pool, postgres_dsn: str
) -> None:
    before = around.incident_store.digest()
    assert verified(around, pool) == []
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        for statement, table, field in EDITS:
            assert connection.execute(statement.encode(), (ONE,)).rowcount
            found = verified(around, pool, swap=True)
            assert {(each.incident_id, each.table) for each in found} == {(ONE, table)}, statement
            if "*" not in field:
                assert {each.field for each in found} == {field}, statement
            assert verified(around, pool) == []
    assert around.incident_store.digest() == before


def test_an_incident_that_is_lost_and_one_that_no_log_knows_are_told_as_such(
    around: Surroundings, pool: Pool, postgres_dsn: str
) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        for table in ("timeline_events", "pull_requests", "incident_fingerprints"):
            connection.execute(f"DELETE FROM {table} WHERE incident_id = '{ONE}'".encode())
        connection.execute(f"DELETE FROM incidents WHERE id = '{ONE}'".encode())
        connection.execute(
            b"INSERT INTO incidents SELECT 'zz', tenant_id, project_id, status, severity, environment, title, culprit,"
            b" opened_at, value, log_partition, 0, chain FROM incidents"
        )
    with lend_shadow(pool) as shadow:
        found = replay.verify(around.event_log, shadow, replay.rebuild(around.event_log, shadow))
    assert (found.missing, found.extra, found.differs) == (1, 1, 0)
    assert sorted(each.incident_id for each in found.differences) == sorted([ONE, "zz"])


def test_of_many_differences_the_first_are_told_and_all_are_counted(around: Surroundings, pool: Pool) -> None:
    with lend_shadow(pool) as shadow, pool.connection() as connection:
        rebuilt = replay.rebuild(around.event_log, shadow)
        connection.execute(b"UPDATE incidents SET title = '', culprit = ''")
        connection.commit()
        found = replay.verify(around.event_log, shadow, rebuilt, most=3)
    assert (found.differs, len(found.differences)) == (2, 3)


def test_what_materialize_has_surely_saved_and_the_store_lacks_is_no_lag() -> None:
    world = World(partitions=1)
    world.append(*STORY)
    run_plain("materialize", world.around())
    with world.incidents.held() as (saved, _):
        del saved[ONE]
    shadow = MemoryShadowStore(world.incidents, world.checkpoints)
    assert replay.verify(world.log, shadow, replay.rebuild(world.log, shadow)).missing == 1


def test_a_log_that_has_lost_its_beginning_is_not_put_in_place_of_what_is_stored() -> None:
    world = World(partitions=1)
    world.append(*STORY)
    world.log._records["debugging.timeline"][0][:1] = []
    world.log._low["debugging.timeline"][0] = 1
    shadow = MemoryShadowStore(world.incidents, world.checkpoints)
    rebuilt = replay.rebuild(world.log, shadow)
    assert (rebuilt.starts, rebuilt.counts.orphans) == ([1], 3)
    with pytest.raises(Conflict, match="begins at offset 1 of partition 0"):
        replay.swap(world.log, shadow, rebuilt)


def test_another_log_is_not_put_in_place_of_what_is_stored() -> None:
    world = World(partitions=1)
    world.append(*STORY)
    run_plain("materialize", world.around())
    other = MemoryEventLog(1)
    other.append(STORY[:2])
    shadow = MemoryShadowStore(world.incidents, world.checkpoints)
    with pytest.raises(Conflict, match="ends at offset 2, and materialize has been at 6"):
        replay.swap(other, shadow, replay.rebuild(other, shadow))


def test_a_materialize_that_has_moved_on_since_the_rebuild_is_no_sign_of_another_log() -> None:
    world = World(partitions=1)
    world.append(*STORY[:2])
    shadow = MemoryShadowStore(world.incidents, world.checkpoints)
    rebuilt = replay.rebuild(world.log, shadow)
    world.append(*STORY[2:])
    run_plain("materialize", world.around())
    assert replay.swap(world.log, shadow, rebuilt) == (0, world.incidents.digest())


@pytest.mark.parametrize("limit", [1, 1000])
def test_a_pull_requests_row_is_what_the_incident_says_of_it_however_the_facts_were_batched(
    around: Surroundings, pool: Pool, postgres_dsn: str, limit: int
) -> None:
    behind = around.incident_store.load([ONE])[ONE]
    around.event_log.append(records(*closed_and_merged("one")))
    run_plain("materialize", around, limit=limit)
    around.incident_store.save([behind], [])  # by a worker that hung, and is not the one any more
    with psycopg.connect(postgres_dsn) as connection:
        assert connection.execute("SELECT state FROM pull_requests").fetchall() == [("merged",)]
    assert verified(around, pool) == []


def in_memory(log: LogReader) -> Rebuilt:
    return replay.rebuild(log, MemoryShadowStore(MemoryIncidentStore(), World().checkpoints))


def test_the_log_in_memory_in_postgresql_and_in_kafka_give_the_same(
    around: Surroundings, pool: Pool, kafka_broker: KafkaBroker, kafka_prefix: str
) -> None:
    memory = MemoryEventLog(2)
    memory.append(STORY)
    create_kafka_topics(kafka_broker.address, partitions=2, payload_days=1, prefix=kafka_prefix)
    with closing(KafkaEventLog(kafka_broker.address, prefix=kafka_prefix)) as kafka, lend_shadow(pool) as shadow:
        kafka.append(STORY)
        assert in_memory(memory) == in_memory(around.event_log) == (rebuilt := replay.rebuild(kafka, shadow))
        assert replay.verify(kafka, shadow, rebuilt).equal
    assert in_memory(memory).digest == around.incident_store.digest()
