"""A swap beside dataflows that run: nothing that they remember undoes it, and nothing that they save is lost."""

import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event

import psycopg
import pytest
from msgspec.structs import replace

from premortem.adapters.event_log.postgres import create_topics
from premortem.adapters.incident_store.shadow_postgres import lend_shadow
from premortem.adapters.postgres import Pool, open_pool
from premortem.adapters.streams.batch import Batch
from premortem.adapters.streams.parts import Parts, Surroundings, parts_of
from premortem.domain import incident as domain
from premortem.ports import Checkpoint, Saved
from replay.rebuilding import rebuild as replay
from tests.builders import detected
from tests.dataflows.four_flows import surroundings
from tests.dataflows.test_process import assert_as_the_oracle_says, lag, load, wait_until
from tests.replay.test_rebuild import ONE, grew, records


@pytest.fixture
def pool(postgres_dsn: str) -> Iterator[Pool]:
    with closing(open_pool(postgres_dsn, size=6)) as pool:
        create_topics(pool, 4)
        yield pool


@pytest.fixture
def around(pool: Pool) -> Surroundings:
    return surroundings(pool, Event())


def swap(around: Surroundings, pool: Pool) -> int:
    with lend_shadow(pool) as shadow:
        return replay.swap(around.event_log, shadow, replay.rebuild(around.event_log, shadow))[0]


def equal(around: Surroundings, pool: Pool) -> bool:
    with lend_shadow(pool) as shadow:
        return replay.verify(around.event_log, shadow, replay.rebuild(around.event_log, shadow)).equal


class Running:
    """A dataflow over the partition of the incident `one`, which remembers what it has seen."""

    def __init__(self, flow: str, around: Surroundings, pool: Pool) -> None:
        parts: Parts = parts_of(flow, around)  # type: ignore[arg-type]
        self._around, self._step, self._deliver = around, parts.make_step(), parts.make_delivery()
        self._offset, self._opened = 0, Checkpoint(0, {})
        self.partition = next(p.partition for p in around.event_log.append(records(detected("one"))))

    def go_on(self) -> None:
        """Take what is new on the partition."""
        found = self._around.event_log.read("debugging.timeline", self.partition, self._offset, 1000)
        opened, self._opened = self._opened, None  # type: ignore[assignment]
        self._offset += len(found)
        batch = Batch(partition=self.partition, records=found, next_offset=self._offset, settle=True, opened=opened)
        self._deliver(self._step(batch))


def test_what_materialize_remembers_of_before_a_swap_is_not_saved_over_it(
    around: Surroundings, pool: Pool, postgres_dsn: str
) -> None:
    materialize = Running("materialize", around, pool)
    materialize.go_on()
    # What it holds in memory is made wrong, as if it had been loaded from a row that was edited.
    held = around.incident_store.load([ONE])[ONE]
    wrong = Saved(replace(held.incident, title="wrong"), held.partition, held.offset, held.chain)
    with psycopg.connect(postgres_dsn) as connection:
        edited = domain.encode(wrong.incident)
        connection.execute("UPDATE incidents SET title = 'wrong', value = %s WHERE id = %s", (edited, ONE))
    again = Running("materialize", around, pool)
    again._offset, again._opened = 1, Checkpoint(1, {})
    around.event_log.append(records(grew("one", 1)))
    again.go_on()
    assert around.incident_store.load([ONE])[ONE].incident.title == "wrong"
    assert not equal(around, pool)
    assert swap(around, pool) == 1
    around.event_log.append(records(grew("one", 2)))
    again.go_on()
    assert around.incident_store.load([ONE])[ONE].incident.title == "KeyError: one"
    assert equal(around, pool)


def test_what_route_remembers_of_before_a_swap_is_forgotten_at_its_next_checkpoint(
    around: Surroundings, pool: Pool
) -> None:
    """It would otherwise react upon a timeline that was edited."""
    asked: list[str] = []

    class Asked(type(around.incident_store)):  # type: ignore[misc]
        def timeline(self, tenant, incident_id, after, limit):  # type: ignore[no-untyped-def]
            asked.append(incident_id)
            return super().timeline(tenant, incident_id, after, limit)

    watched = dataclasses.replace(around, incident_store=Asked(pool))
    materialize, route = Running("materialize", around, pool), Running("route", watched, pool)
    for number, swapped in ((1, False), (2, False), (3, True), (4, False)):
        around.event_log.append(records(grew("one", number)))
        if swapped:
            swap(around, pool)
        materialize.go_on()
        route.go_on()
    assert asked == [ONE, ONE]


def test_swaps_and_lost_tables_beside_dataflows_under_load_change_nothing(
    around: Surroundings, pool: Pool, postgres_dsn: str
) -> None:
    load(around, 400)
    command = [sys.executable, "-m", "tests.dataflows.four_flows", postgres_dsn]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: lag(around, ["detect"]) < 300, around, process)
        swap(around, pool)
        load(around, 400, first=400)
        with psycopg.connect(postgres_dsn, autocommit=True) as connection:
            connection.execute("DROP TABLE incidents, incident_fingerprints, timeline_events, pull_requests")
        swap(around, pool)
        swap(around, pool)
        wait_until(lambda: lag(around) == 0, around, process)
    finally:
        process.kill()
        process.wait()
    assert_as_the_oracle_says(around)
    assert equal(around, pool)
