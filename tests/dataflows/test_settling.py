"""Positions know no holes: what was abandoned is never saved over, and what was folded is never folded again."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from threading import Event

import pytest

from premortem.adapters.incident_store.memory import MemoryIncidentStore
from premortem.adapters.streams.batch import Batch, Output, Progress
from premortem.adapters.streams.crash import crash_points
from premortem.adapters.streams.materializing import Materializing
from premortem.adapters.streams.parts import parts_of
from premortem.adapters.streams.patience import Patience
from premortem.adapters.streams.timeline_facts import PlacedFact
from premortem.domain import timeline
from premortem.domain.chain import link
from premortem.domain.conservation import Tally
from premortem.exceptions import Unavailable
from premortem.ports import Checkpoint, LogRecord, Saved, StoredFact
from tests.dataflows.world import TENANT, World, error

OPENED = Checkpoint(0, {})


class AwayOnce(MemoryIncidentStore):
    """Does not answer the first time that it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = self.saves = 0

    def load(self, incident_ids):  # type: ignore[no-untyped-def]
        self.asked += 1
        if self.asked == 1:
            raise Unavailable("away")
        return super().load(incident_ids)

    def save(self, incidents: Sequence[Saved], facts: Sequence[StoredFact], generation: int | None = None) -> None:
        self.saves += 1
        super().save(incidents, facts, generation)


def _timeline() -> tuple[World, Sequence[LogRecord]]:
    world = World(partitions=1)
    world.append(*(error(1, "a", n) for n in range(4)))
    world.run("detect")
    return world, world.records("debugging.timeline")


def test_behind_an_abandoned_delivery_no_position_is_saved() -> None:
    world, records = _timeline()
    stop = Event()
    stop.set()
    parts = parts_of("materialize", replace(world.around(stop=stop), incident_store=AwayOnce()))
    step, deliver = parts.make_step(), parts.make_delivery()
    deliver(step(Batch(partition=0, records=records[:1], next_offset=1, opened=OPENED)))
    deliver(step(Batch(partition=0, records=records[1:], next_offset=3, settle=True)))
    assert ("materialize", 0) not in world.checkpoints.positions()


def test_behind_an_abandoned_step_no_position_is_saved() -> None:
    world, records = _timeline()
    stop = Event()
    stop.set()
    parts = parts_of("route", replace(world.around(stop=stop), incident_store=AwayOnce()))
    step, deliver = parts.make_step(), parts.make_delivery()
    deliver(step(Batch(partition=0, records=records[:1], next_offset=1, opened=OPENED)))
    deliver(step(Batch(partition=0, next_offset=1, settle=True)))
    assert ("route", 0) not in world.checkpoints.positions()


def test_facts_that_are_read_again_are_not_folded_again() -> None:
    _, records = _timeline()
    store = AwayOnce()
    facts = [PlacedFact(timeline.decode(record.value), record) for record in records]  # type: ignore[arg-type]
    for _ in range(2):
        Materializing(store, Patience(Event()))(facts)
    assert store.saves == 1


def test_incidents_that_are_no_longer_remembered_are_loaded() -> None:
    world = World(partitions=1)
    world.append(*(error(1, "abcdef"[n % 6], n) for n in range(48)))
    world.run("detect")
    facts = [PlacedFact(timeline.decode(r.value), r) for r in world.records("debugging.timeline")]  # type: ignore[arg-type]
    digests = set()
    for remembered in (1, 100):
        store = MemoryIncidentStore()
        materializing = Materializing(store, Patience(Event()), remembered)
        for fact in facts:
            materializing([fact])
        digests.add(store.digest())
    assert len(digests) == 1


def test_an_incident_and_its_facts_carry_the_chain_over_the_records_however_they_came_in_batches() -> None:
    _, records = _timeline()
    facts = [PlacedFact(timeline.decode(record.value), record) for record in records]  # type: ignore[arg-type]
    heads = list(accumulate((record.value for record in records), link, initial=""))[1:]
    for cut in range(len(facts) + 1):
        store = MemoryIncidentStore()
        for batch in (facts[:cut], facts[cut:]):
            Materializing(store, Patience(Event()))(batch)
        incident_id = facts[0].fact.incident_id
        assert [row.chain for row in store.timeline(TENANT, incident_id, -1, 10)] == heads
        assert store.load([incident_id])[incident_id].chain == heads[-1]


def test_a_gap_before_a_batch_is_loud() -> None:
    world, records = _timeline()
    step = parts_of("materialize", world.around()).make_step()
    step(Batch(partition=0, next_offset=0, opened=OPENED))
    with pytest.raises(RuntimeError, match="expected offset 0, got 1"):
        step(Batch(partition=0, records=records[1:], next_offset=3))


def test_nothing_is_saved_before_its_effects() -> None:
    world, _ = _timeline()
    happened: list[str] = []
    around = world.around(crash=happened.append)

    class Watching(type(around.checkpoint_store)):  # type: ignore[misc]
        def save(self, flow: str, partition: int, next_offset: int, changed: Mapping[str, bytes | None]) -> None:
            happened.append("saved")

    deliver = parts_of("detect", replace(around, checkpoint_store=Watching())).make_delivery()
    deliver(
        Output(
            partition=0,
            items=[error(1, "z", 9)],
            tally=Tally(taken=1, out=1),
            progress=Progress(1, {}),
            opened=OPENED,
        )
    )
    assert happened == ["detect.after_findings", "detect.before_checkpoint", "saved", "detect.after_checkpoint"]


def test_a_crash_point_counts_its_passages(tmp_path) -> None:  # type: ignore[no-untyped-def]
    crash = crash_points(f"a:3,b@{tmp_path}")
    (tmp_path / "b").touch()  # b has killed already
    for name in ("a", "a", "b", "b", "c"):
        crash(name)
    assert not (tmp_path / "a").exists()
