"""The four dataflows over memory adapters, through the real Bytewax."""

import json
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import replace
from threading import Event, Thread
from time import monotonic, sleep

import msgspec
import pytest
from bytewax.errors import BytewaxRuntimeError

from premortem.adapters.event_log.memory import MemoryEventLog
from premortem.domain import payload, timeline
from premortem.domain.chain import link
from premortem.domain.ids import EventId, Fingerprint, ProjectId
from premortem.domain.tasks import BuildContext
from premortem.domain.timeline import TimelineTicked
from premortem.exceptions import Malformed, OffsetLost, Unavailable
from premortem.ports import Append, Position
from tests.dataflows.world import TENANT, MemoryEvidence, World, error


def body(number: int, size: int = 10) -> Append:
    event = payload.EventBody(
        tenant_id=TENANT,
        project_id=ProjectId(1),
        event_id=EventId(f"{number:032x}"),
        fingerprint=Fingerprint("f" * 32),
        occurred_at=1,
        received_at=2,
        level="error",
        platform="python",
        release="",
        environment="",
        user_hash="",
        title="t",
        tags=(("a", "b"),),
        payload=msgspec.Raw(b'{"x":"' + b"y" * size + b'"}'),
    )
    return Append("sentry.payloads", "1", payload.encode(event))


def test_an_error_becomes_an_incident_and_a_task() -> None:
    world = World()
    world.append(error(1, "a", 1))
    for flow in ("detect", "materialize", "route"):
        world.run(flow)
    (received,) = world.queue.receive("context-builder-tasks", 10, 30)
    assert isinstance(received.task, BuildContext)
    incident = world.incidents.get(TENANT, received.task.incident_id)
    assert incident is not None
    assert incident.status == "detected"
    world.assert_conserved()


def test_a_second_run_continues_where_the_first_one_ended() -> None:
    world = World()
    world.append(*(error(1, "a", n) for n in range(3)))
    world.run("detect")
    world.append(*(error(1, "a", n) for n in range(3, 9)))
    world.run("detect")
    assert [type(timeline.decode(r.value)).__name__ for r in world.records("debugging.timeline")] == [
        "IncidentDetected",
        *["IncidentGrew"] * 3,
    ]
    assert world.tally("detect").taken == 9


def test_a_record_that_is_no_record_becomes_a_dead_letter_and_harms_no_neighbour() -> None:
    world = World(partitions=1)
    world.append(error(1, "a", 1), Append("sentry.events", "1", b"\xff{"), error(1, "b", 2))
    world.run("detect")
    (letter,) = world.records("dead-letters")
    written = json.loads(letter.value)
    assert (written["flow"], written["topic"], written["partition"], written["offset"]) == (
        "detect",
        "sentry.events",
        0,
        1,
    )
    assert b64decode(written["value"]) == b"\xff{"
    assert "DecodeError" in written["reason"]
    assert len(world.facts()) == 2
    world.assert_conserved()
    assert world.tally("detect").dead_lettered == 1


def test_a_body_that_cannot_be_unpacked_is_named_in_a_dead_letter_but_not_copied_there() -> None:
    world = World(partitions=1)
    world.append(body(1), Append("sentry.payloads", "1", b"not zstd"), body(2))
    world.run("archive")
    (letter,) = world.records("dead-letters")
    assert json.loads(letter.value)["value"] is None
    assert len(world.evidence.rows) == 2
    world.assert_conserved()


def test_ticks_change_no_incident_and_are_counted() -> None:
    world = World(partitions=1)
    world.append(Append("debugging.timeline", "", timeline.encode(TimelineTicked(at=1)), 0))
    world.run("materialize")
    world.run("route")
    assert world.tally("materialize").filtered == world.tally("route").filtered == 1
    world.assert_conserved()


def test_a_fact_about_an_incident_that_nothing_opened_is_counted_and_shown_nowhere() -> None:
    world = World(partitions=1)
    world.append(*(error(1, "a", n) for n in range(2)))
    world.run("detect")
    grew = world.records("debugging.timeline")[1]
    other = World(partitions=1)
    other.append(Append("debugging.timeline", grew.key, grew.value))
    other.run("materialize")
    other.run("route")
    assert other.tally("materialize").filtered == other.tally("route").filtered == 1
    other.assert_conserved()


def test_a_fact_written_twice_moves_the_position_and_sends_nothing_again() -> None:
    world = World(partitions=1)
    world.append(error(1, "a", 1))
    world.run("detect")
    fact = world.records("debugging.timeline")[0]
    world.append(Append("debugging.timeline", fact.key, fact.value))
    world.run("materialize")
    world.run("route")
    assert world.queue.depth("context-builder-tasks") == 1
    incident_id = timeline.decode(fact.value).incident_id  # type: ignore[union-attr]
    assert len(world.incidents.timeline(TENANT, incident_id, -1, 10)) == 1
    assert world.incidents.load([incident_id])[incident_id].chain == link("", fact.value)
    assert world.checkpoints.positions()[("route", 0)] == 2
    assert world.tally("route").filtered == 1


def test_route_reacts_upon_the_incident_of_its_own_offset_when_the_tables_are_further() -> None:
    world = World(partitions=1)
    world.append(*(error(1, "a", n) for n in range(4)))
    world.run("detect")
    world.run("materialize")  # the stored incident has three facts now
    world.run("route")
    (received,) = world.queue.receive("context-builder-tasks", 10, 30)
    assert received.task.caused_by == world.facts()[received.task.incident_id][0]
    assert world.tally("route").out == 3


def test_route_waits_for_materialize_and_ends_when_told_to() -> None:
    world, stop = World(partitions=1), Event()
    world.append(error(1, "a", 1))
    world.run("detect")
    thread = Thread(target=world.run, args=("route", world.around(stop=stop)))
    thread.start()
    sleep(0.2)
    assert world.queue.depth("context-builder-tasks") == 0
    stop.set()
    thread.join(60)
    assert not thread.is_alive()
    assert ("route", 0) not in world.checkpoints.positions()
    world.run("materialize")
    world.run("route")
    assert world.queue.depth("context-builder-tasks") == 1


class FlakyEvidence(MemoryEvidence):
    """Can be away, and calls one event malformed."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.refused = ""

    def insert(self, rows) -> None:  # type: ignore[no-untyped-def]
        if self.away:
            raise Unavailable("away")
        if any(row.event_id == self.refused for row in rows):
            raise Malformed("refused")
        super().insert(rows)


def test_the_archive_waits_for_its_store_for_ever_and_yet_ends_when_told_to() -> None:
    world, stop = World(partitions=1), Event()
    world.evidence = FlakyEvidence()
    world.evidence.away = True
    world.append(body(1))
    thread = Thread(target=world.run, args=("archive", world.around(stop=stop)))
    thread.start()
    sleep(0.5)
    assert thread.is_alive()
    stop.set()
    started = monotonic()
    thread.join(60)
    assert monotonic() - started < 15
    assert ("archive", 0) not in world.checkpoints.positions()
    world.evidence.away = False
    world.run("archive")
    assert len(world.evidence.rows) == 1
    world.assert_conserved()


def test_the_archive_survives_a_store_that_comes_back() -> None:
    world = World(partitions=1)
    world.evidence = FlakyEvidence()
    world.evidence.away = True
    world.append(body(1))
    thread = Thread(target=world.run, args=("archive",))
    thread.start()
    sleep(0.3)
    world.evidence.away = False
    thread.join(60)
    assert len(world.evidence.rows) == 1


def test_a_row_that_the_store_refuses_is_found_and_set_aside() -> None:
    world = World(partitions=1)
    world.evidence = FlakyEvidence()
    world.evidence.refused = f"{5:032x}"
    world.append(*(body(n) for n in range(20)))
    world.run("archive")
    assert len(world.evidence.rows) == 19
    (letter,) = world.records("dead-letters")
    assert json.loads(letter.value)["offset"] == 5
    world.assert_conserved()


def test_large_bodies_are_inserted_in_portions() -> None:
    world = World(partitions=1)
    world.append(*(body(n, size=3_000_000) for n in range(6)))
    world.run("archive")
    assert world.evidence.inserts == [2, 2, 2]


def test_a_log_that_stays_away_ends_the_dataflow_with_its_reason() -> None:
    world = World(partitions=1)

    class ReadOnly(MemoryEventLog):
        def append(self, records: Sequence[Append]) -> Sequence[Position]:
            raise Unavailable("PostgreSQL: gone")

    around, away = world.around(), ReadOnly(1)
    MemoryEventLog.append(away, [error(1, "a", 1)])
    with pytest.raises((Unavailable, BytewaxRuntimeError)) as raised:
        world.run("detect", replace(around, event_log=away))
    assert "PostgreSQL: gone" in str(_root(raised.value))
    assert ("detect", 0) not in world.checkpoints.positions()


def test_a_lost_offset_is_loud_and_never_skipped() -> None:
    world = World(partitions=1)
    world.append(*(body(n) for n in range(3)))
    world.log.trim("sentry.payloads", 2**60)
    world.append(body(9))
    with pytest.raises((OffsetLost, BytewaxRuntimeError)) as raised:
        world.run("archive")
    assert "begins at offset 3" in str(_root(raised.value))


def _root(exception: BaseException) -> BaseException:
    while exception.__cause__ is not None:
        exception = exception.__cause__
    return exception
