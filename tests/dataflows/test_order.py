"""The same records in another order, some of them twice, over other partitions and workers: the same incidents."""

import random
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest

from premortem.adapters.streams.parts import Surroundings
from premortem.domain import project_stream
from premortem.domain.conservation import Tally
from premortem.domain.detection import Detector
from premortem.domain.detection.ordering import LATENESS_MS
from premortem.domain.ids import Fingerprint, ProjectId
from premortem.domain.project_stream import ErrorSeen, ProjectRecord, tick
from premortem.ports import Append
from tests.builders import NOW, error_seen
from tests.dataflows.world import World
from tests.domain.detection.stream import DAY, HOUR, MINUTE, arrived, mute, resolved, rule, sessions

PROJECTS, EVENTS = 6, 1_500


def received() -> list[ProjectRecord]:
    """Return what six projects send in an hour, in the order in which it was received."""
    chance = random.Random(12)
    records: list[ProjectRecord] = []
    now = NOW - NOW % HOUR
    for n in range(EVENTS):
        now += chance.choice([0, 1, 2, 30, 200, 20_000])
        name = f"{chance.randrange(30):032x}"
        others = [mute(now, now + MINUTE, name), resolved(now, name), rule(now, "minimum_users", 2.0), sessions(now, n)]
        record = chance.choice(others) if n % 20 == 0 else _error(n, now, name, chance)
        records.append(msgspec.structs.replace(record, project_id=ProjectId(n % PROJECTS + 1)))
    return records


def _error(n: int, now: int, name: str, chance: random.Random) -> ErrorSeen:
    return error_seen(
        n,
        hashes=(Fingerprint(name),),
        received_at=now,
        occurred_at=now - chance.choice([0, 100, 3_000]),
        handled=chance.random() < 0.7,
        level=chance.choice(["error", "error", "fatal"]),
        release=f"shop@{now // (10 * MINUTE)}",
        user_hash=f"{chance.randrange(9)}",
    )


def shuffled(records: Sequence[ProjectRecord], seed: int) -> list[ProjectRecord]:
    """Return the records as they come, each delayed by less than the lateness, and every fifth a second time."""
    chance = random.Random(seed)
    twice = [*records, *chance.sample(records, len(records) // 5)]
    return arrived(twice, [chance.randrange(LATENESS_MS) for _ in twice])


def around(world: World) -> Surroundings:
    return replace(world.around(), restore_detector=lambda state: Detector.restore(state))


def digest(records: Sequence[ProjectRecord], partitions: int, workers: int, **pace: int) -> tuple[str, Tally]:
    """Return the digest of all incidents, and where detection's records went."""
    world = World(partitions)
    world.append(*(Append("sentry.events", str(r.project_id), project_stream.encode(r)) for r in records))
    end = project_stream.encode(tick(records[-1].received_at + DAY))
    world.append(*(Append("sentry.events", "", end, partition) for partition in range(partitions)))
    for flow in ("detect", "materialize"):
        world.run(flow, around(world), workers, **pace)  # type: ignore[arg-type]
    world.assert_conserved()
    return world.incidents.digest(), world.tally("detect")


@pytest.fixture(scope="module")
def expected() -> str:
    return digest(received(), partitions=1, workers=1)[0]


@pytest.mark.parametrize(("partitions", "workers"), [(1, 1), (2, 2), (4, 1), (4, 2), (4, 4)])
def test_shuffled_within_the_lateness_doubled_split_and_shared_out_the_incidents_are_the_same(
    expected: str, partitions: int, workers: int
) -> None:
    found, tally = digest(shuffled(received(), seed=workers), partitions, workers, limit=100, settle_records=300)
    assert found == expected
    assert tally.late == 0


def test_beyond_the_lateness_records_are_taken_all_the_same_and_counted() -> None:
    records = received()
    late = arrived(records, [5_000 if n % 50 == 7 else 0 for n in range(len(records))])
    _, tally = digest(late, partitions=1, workers=1)
    assert 0 < tally.late <= EVENTS // 50
    assert (tally.out + tally.late, tally.missing) == (EVENTS + 1, 0)


def test_a_crash_while_records_wait_loses_none(expected: str) -> None:
    world = World(2)
    records = shuffled(received(), seed=9)
    values = [Append("sentry.events", str(r.project_id), project_stream.encode(r)) for r in records]
    for first in range(0, len(values), 450):  # each run ends as a crash would: with what was saved, and no more
        world.append(*values[first : first + 450])
        world.run("detect", around(world))
    end = project_stream.encode(tick(records[-1].received_at + DAY))
    world.append(*(Append("sentry.events", "", end, partition) for partition in range(2)))
    world.run("detect", around(world))
    world.run("materialize")
    assert world.incidents.digest() == expected


def test_what_cannot_be_judged_when_its_turn_comes_is_a_dead_letter_and_harms_no_neighbour() -> None:
    world = World(1)
    broken = b'{"kind":"ErrorSeen","received_at":%d,"hashes":7}' % NOW
    whole = [error_seen(n, hashes=(f"{n:032x}",), received_at=NOW + n) for n in (-1, 1)]
    values = [project_stream.encode(each) for each in (*whole, tick(NOW + DAY))]
    world.append(*(Append("sentry.events", "1", value, 0) for value in (values[0], broken, *values[1:])))
    world.run("detect", around(world))
    (letter,) = [msgspec.json.decode(record.value) for record in world.records("dead-letters")]
    assert (letter["flow"], letter["partition"], letter["offset"]) == ("detect", 0, 1)
    assert world.tally("detect") == Tally(taken=4, out=3, dead_lettered=1)
    world.run("materialize")
    assert len(world.facts()) == 2
