"""A rebuild gives what `materialize` gives, however the log is cut, repeated, interleaved or spread over partitions."""

from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from premortem.adapters.event_log.memory import MemoryEventLog
from premortem.adapters.incident_store.memory import MemoryIncidentStore
from premortem.adapters.incident_store.shadow_memory import MemoryShadowStore
from premortem.adapters.streams.plain_runner import run_plain
from premortem.domain import timeline
from premortem.domain.timeline import IncidentDetected, IncidentFact, TimelineTicked
from premortem.ports import Append, LogReader
from replay.rebuilding.digests import incident_digests, marks
from replay.rebuilding.folding import Counts
from replay.rebuilding.rebuild import Rebuilt, rebuild, swap, verify
from tests.builders import NOW, detected
from tests.dataflows.world import Crashed, World
from tests.hash_seeds import written_under
from tests.properties.test_incident import facts

NAMES = "abcd"


def record(name: str, fact: IncidentFact) -> Append:
    """Return the record of the fact, told about the incident `name`."""
    whose = detected(name).incident_id
    return Append("debugging.timeline", whose, timeline.encode(replace(fact, incident_id=whose)))


told = st.builds(record, st.sampled_from(NAMES), facts())
opened = st.sampled_from(NAMES).map(lambda name: record(name, detected(name)))
ticks = st.integers(0, 3).map(
    lambda p: Append("debugging.timeline", "", timeline.encode(TimelineTicked(at=NOW)), partition=p)
)
poison = st.sampled_from(NAMES).map(lambda n: Append("debugging.timeline", detected(n).incident_id, b"no fact"))
logs = st.lists(st.one_of(told, told, opened, opened, ticks, poison), max_size=40)
readable = st.lists(st.one_of(told, opened), max_size=30)
percents = st.integers(0, 100)
"""Where a log is cut."""


def fresh(log: LogReader) -> tuple[MemoryShadowStore, Rebuilt]:
    """Return the log folded into a shadow beside an empty store."""
    shadow = MemoryShadowStore(MemoryIncidentStore(), World().checkpoints)
    return shadow, rebuild(log, shadow)


def digest(records: list[Append], partitions: int = 4) -> str:
    log = MemoryEventLog(partitions)
    log.append([replace(each, partition=None) for each in records])
    return fresh(log)[1].digest


@given(logs, st.sampled_from([1, 7, 1000]))
@settings(max_examples=60, deadline=None)
def test_a_rebuild_gives_what_materialize_gives_and_counts_every_record(log: list[Append], limit: int) -> None:
    world = World()
    world.append(*log)
    run_plain("materialize", world.around(), limit=limit)
    shadow = MemoryShadowStore(world.incidents, world.checkpoints)
    read = [(0, len(log))]
    rebuilt = rebuild(world.log, shadow, lambda done, of: read.append((done, of)))
    assert read[-1] == (len(log), len(log))
    assert rebuilt.digest == world.incidents.digest()
    found = verify(world.log, shadow, rebuilt)
    assert (found.equal, found.behind, found.differences) == (True, 0, [])
    counts, tally = rebuilt.counts, world.tally("materialize")
    assert counts.records == len(log)
    assert counts.unreadable == tally.dead_lettered == len(world.records("dead-letters"))
    assert (counts.facts + counts.repeated, counts.ticks + counts.orphans) == (tally.out, tally.filtered)


@given(logs, percents, percents, st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_store_that_is_behind_or_ahead_of_the_rebuild_is_no_difference(
    log: list[Append], folded: int, saved: int, position: bool
) -> None:
    """The rebuild stops at `folded` % of the log, `materialize` at `saved` %, at times without saving its position."""

    def crash(point: str) -> None:
        if point == "materialize.before_checkpoint" and not position:
            raise Crashed

    world = World(partitions=1)
    shadow = MemoryShadowStore(world.incidents, world.checkpoints)
    rebuilt = Rebuilt(counts=Counts(), starts=(0,), ends=(0,), digest="")
    for at in range(len(log) + 1):
        if at == len(log) * folded // 100:
            rebuilt = rebuild(world.log, shadow)
        if at == len(log) * saved // 100:
            with suppress(Crashed):
                run_plain("materialize", world.around(crash))
        world.append(*(replace(each, partition=0) for each in log[at : at + 1]))
    found = verify(world.log, shadow, rebuilt)
    assert (found.equal, found.differences) == (True, [])


@given(logs, percents)
@settings(max_examples=60, deadline=None)
def test_a_log_that_grows_during_a_rebuild_is_caught_up_with_at_the_swap(log: list[Append], cut: int) -> None:
    at = len(log) * cut // 100
    world, whole = World(), World()
    whole.append(*log)
    shadow = MemoryShadowStore(world.incidents, world.checkpoints)
    world.append(*log[:at])
    rebuilt = rebuild(world.log, shadow)
    world.append(*log[at:])
    _, after = swap(world.log, shadow, rebuilt)
    assert after == world.incidents.digest() == fresh(whole.log)[1].digest
    again = MemoryShadowStore(world.incidents, world.checkpoints)
    assert verify(world.log, again, rebuild(world.log, again)).equal


@given(readable, st.data())
@settings(max_examples=60, deadline=None)
def test_redelivery_of_anything_behind_its_opening_changes_nothing(log: list[Append], data: Any) -> None:
    delivered: list[Append] = []
    again: list[Append] = []
    is_open: dict[str, None] = {}
    for each in log:
        delivered.append(each)
        if isinstance(timeline.decode(each.value), IncidentDetected):
            is_open[each.key] = None
        if each.key in is_open:
            again.append(each)
            delivered += data.draw(st.lists(st.sampled_from(again), max_size=2))
    assert digest(delivered) == digest(log)


@given(readable, st.randoms(use_true_random=False), st.sampled_from([1, 2, 3, 7]))
@settings(max_examples=60, deadline=None)
def test_the_order_across_incidents_and_the_number_of_partitions_change_nothing(
    log: list[Append], order: Any, partitions: int
) -> None:
    waiting = {key: [each for each in log if each.key == key] for key in sorted({each.key for each in log})}
    shuffled: list[Append] = []
    while waiting:
        key = order.choice(sorted(waiting))
        shuffled.append(waiting[key].pop(0))
        if not waiting[key]:
            del waiting[key]
    assert digest(shuffled, partitions) == digest(log)


@given(logs, st.integers(1, 9), percents)
@settings(max_examples=40, deadline=None)
def test_a_digest_at_an_offset_is_the_one_of_a_log_that_ends_there(log: list[Append], every: int, cut: int) -> None:
    whole = MemoryEventLog(1)
    whole.append([replace(each, partition=0) for each in log])
    until = len(log) * cut // 100
    found = {mark.offset: mark for mark in marks(whole, (), every, until)}
    assert list(found) == [*range(every, until, every), until]
    for offset, mark in found.items():
        assert mark.digest == digest(log[:offset], 1)
    by_incident = list(incident_digests(whole, (0,), until))
    assert len(by_incident) == found[until].incidents
    assert [each.incident_id for each in by_incident] == sorted(each.incident_id for each in by_incident)


_PROGRAM = """
from tests.properties.test_rebuild import fresh, record
from premortem.adapters.event_log.memory import MemoryEventLog
from premortem.domain.timeline import IncidentGrew
from tests.builders import detected
log = MemoryEventLog(3)
for n in range(60):
    name = "abcdefg"[n % 7]
    whose = detected(name)
    grew = IncidentGrew(
        id=str(n), incident_id="", tenant_id="acme", project_id=1, occurred_at=n, fingerprint=str(n % 5) * 32,
        severity="high", decision=whose.decision, event_id="0" * 32
    )
    log.append([record(name, whose if n < 7 else grew)])
shadow, rebuilt = fresh(log)
print(rebuilt)
with shadow.examine() as examined:
    print([each.incident_id for each in examined.suspects])
"""


def test_the_seed_of_pythons_hashes_changes_nothing() -> None:
    assert len(written_under(["0", "1"], _PROGRAM)) == 1
