"""What a release brought: how long after it an error is still put down to it, and which errors join its incident."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from premortem.domain.decision import explain
from premortem.domain.detection import Detector
from premortem.domain.detection.arrivals import Arrival, Arrivals, Mark, Odds
from premortem.domain.detection.config import DEFAULT
from premortem.domain.detection.groups import Group
from premortem.domain.detection.signals import Signal
from premortem.domain.detection.storms import Correlator
from premortem.domain.project_stream import ErrorSeen, ProjectRecord
from premortem.domain.timeline import IncidentDetected, IncidentFact, IncidentGrew, IncidentMerged
from tests.builders import NOW
from tests.domain.detection.stream import DAY, HOUR, MINUTE, SECOND, deployed, error, rule, run
from tests.domain.detection.test_storms import incidents, practised, signal, spike
from tests.domain.detection.test_storms import run as correlated

ONE_AN_HOUR = 1 / HOUR
LIKE = (Mark("module", "shop.cart", 0.02), Mark("type", "CartError", 0.01))
UNLIKE = (Mark("module", "shop.mail", 0.02), Mark("type", "MailError", 0.01))


def brought(count: int, every: int = MINUTE, marks: tuple[Mark, ...] = LIKE) -> Arrivals:
    """Return so many new errors of a release, one each `every` ms from the release on."""
    found = Arrivals()
    for n in range(count):
        found.add(Arrival(n * every, is_new=True, marks=marks))
    return found


def reach(found: Arrivals, marks: tuple[Mark, ...] = (), is_new: bool = True, by_chance: float = ONE_AN_HOUR) -> int:
    """Return how many minutes after the release one more error is still put down to it."""
    put_down = [found.odds(Arrival(minute * MINUTE, is_new, marks), by_chance, DEFAULT).passed for minute in range(120)]
    assert put_down == sorted(put_down, reverse=True)  # the later, the less likely
    return sum(put_down)


# ---------------------------------------------------------------------------------------------------- the odds
def test_the_more_a_release_brought_the_longer_is_one_more_put_down_to_it() -> None:
    assert reach(brought(1)) < reach(brought(3)) < reach(brought(40, MINUTE // 10)) + 10
    assert 5 <= reach(brought(3)) <= 20


def test_a_release_that_brings_its_errors_slowly_is_waited_for_longer() -> None:
    assert reach(brought(6, 10 * SECOND)) < reach(brought(6, 2 * MINUTE))


def test_where_incidents_are_rare_a_release_explains_more_than_where_they_are_usual() -> None:
    assert reach(brought(3), by_chance=10 * ONE_AN_HOUR) < reach(brought(3)) < reach(brought(3), by_chance=0.02 / HOUR)


def test_an_error_like_those_of_the_deploy_is_its_own_for_longer_than_one_of_another_place() -> None:
    found = brought(4)
    assert reach(found, UNLIKE) < reach(found) < reach(found, LIKE)


def test_a_deploy_whose_errors_are_of_many_places_says_little_about_where_the_next_one_is() -> None:
    narrow, wide = Arrivals(), Arrivals()
    for n in range(12):
        narrow.add(Arrival(n * MINUTE // 2, is_new=True, marks=LIKE[:1]))
        wide.add(Arrival(n * MINUTE // 2, is_new=True, marks=(Mark("module", f"shop.m{n}", 0.02),)))
    assert reach(narrow, UNLIKE[:1]) + 3 <= reach(wide, UNLIKE[:1]) <= reach(wide)


def test_a_burst_of_an_old_error_needs_no_likeness_and_gains_by_it() -> None:
    found = brought(4)
    assert reach(found, UNLIKE, is_new=False) == reach(found, is_new=False) < reach(found, LIKE, is_new=False)
    assert reach(found, is_new=False) < reach(found)  # it brought none so far


def test_the_larger_the_incident_the_less_is_asked_for() -> None:
    asked = [brought(n).odds(Arrival(0, is_new=True, marks=()), ONE_AN_HOUR, DEFAULT).least for n in (1, 5, 20, 200)]
    assert asked[:2] == [DEFAULT.release_odds] * 2
    assert DEFAULT.release_odds > asked[2] > asked[3] == 1


def test_two_hundred_members_of_two_hundred_places_are_no_trouble() -> None:
    found = Arrivals()
    for n in range(2_000):
        found.add(Arrival(n * 100, is_new=n % 3 > 0, marks=(Mark("module", f"m{n}", 0.001),)))
    assert 0 < found.odds(Arrival(5 * MINUTE, is_new=True, marks=UNLIKE), ONE_AN_HOUR, DEFAULT).found < 1e9
    assert len(msgspec.msgpack.encode(found.pack())) < 1_000


arrivals = st.lists(
    st.builds(
        Arrival,
        st.integers(-10 * MINUTE, HOUR),
        st.booleans(),
        st.sampled_from([(), LIKE, UNLIKE, LIKE[:1], UNLIKE[1:]]),
    ),
    min_size=1,
    max_size=20,
)


@given(arrivals, st.integers(0, 20), st.randoms(use_true_random=False))
def test_neither_order_nor_merging_nor_packing_changes_the_odds(found: list[Arrival], cut: int, chance: object) -> None:
    def summed(members: list[Arrival]) -> Arrivals:
        sums = Arrivals()
        for member in members:
            sums.add(member)
        return sums

    shuffled = list(found)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    merged = summed(shuffled[:cut])
    merged.absorb(summed(shuffled[cut:]))
    packed = Arrivals.unpack(msgspec.msgpack.decode(msgspec.msgpack.encode(merged.pack())))
    asked = Arrival(7 * MINUTE, is_new=True, marks=LIKE)
    assert packed.odds(asked, ONE_AN_HOUR, DEFAULT) == summed(found).odds(asked, ONE_AN_HOUR, DEFAULT)


# ---------------------------------------------------------------------------------------------------- incidents
RELEASED = {"release": "shop@2", "released_at": NOW}


def deploy(culprit: str = "shop.place1 in f") -> list[Signal]:
    """Return three new errors of a release, in one module, within two minutes of it."""
    return [signal(n, NOW + n * MINUTE, urgent=True, culprit=culprit, **RELEASED) for n in range(3)]


def busy() -> Correlator:
    """Return a correlator that knows a project with an incident in two hours, by its errors."""
    correlator = practised()
    for n in range(200):
        at = NOW - (200 - n) * 2 * HOUR
        correlator.take(signal(5_000 + n, at, urgent=True), at, DEFAULT)
    return correlator


@pytest.mark.parametrize(
    ("late", "together"),
    [
        (signal(9, NOW + 8 * MINUTE, culprit="shop.place1 in g", **RELEASED), True),
        (signal(9, NOW + 20 * MINUTE, culprit="shop.place1 in g", **RELEASED), True),
        (signal(9, NOW + 20 * MINUTE, culprit="shop.place2 in g", **RELEASED), False),
        (signal(9, NOW + 4 * MINUTE, culprit="shop.place2 in g", **RELEASED), True),
        (spike(9, NOW + 4 * MINUTE, 1, **RELEASED), True),
        (spike(9, NOW + 20 * MINUTE, 1, **RELEASED), False),
    ],
)
def test_a_small_deploy_explains_what_is_soon_or_like_its_errors(late: Signal, together: bool) -> None:
    assert (len(incidents(correlated([*deploy(), late], busy()))) == 1) is together


def test_what_a_large_deploy_explains_is_chance_to_a_small_one() -> None:
    late = signal(999, NOW + 14 * MINUTE, **RELEASED)
    large = [signal(n, NOW + n * 10 * SECOND, urgent=True, **RELEASED) for n in range(40)]
    assert len(incidents(correlated([*large, late], busy()))) == 1
    assert len(incidents(correlated([*large[:2], late], busy()))) == 2


def test_an_incident_that_was_merged_explains_in_the_other_one_what_its_release_brings() -> None:
    older = signal(50, NOW - MINUTE, urgent=True, root_type="AError", trace_id="a" * 32)
    bridge = signal(51, NOW + 3 * MINUTE, trace_id="a" * 32, **RELEASED)
    late = signal(99, NOW + 16 * MINUTE, culprit="shop.place1 in g", **RELEASED)  # like the deploy's
    facts = correlated([older, *deploy(), bridge, late], busy())
    assert any(isinstance(fact, IncidentMerged) for fact in facts)
    assert len(incidents(facts)) == 1


def test_what_an_incident_can_no_longer_take_in_is_not_awaited_there() -> None:
    correlator = Correlator()
    early = spike(1, NOW, 5, **RELEASED)  # it began five minutes before the release
    for each in [early, *(signal(n, NOW + n * MINUTE, urgent=True, **RELEASED) for n in range(2, 20))]:
        correlator.take(each, NOW, DEFAULT)

    def odds(onset: int, clock: int) -> Odds | None:
        return correlator.odds(signal(99, onset, **RELEASED), clock, DEFAULT)

    known = odds(NOW + 20 * MINUTE, NOW + 20 * MINUTE)
    assert known is not None
    assert known.passed
    assert odds(NOW + 26 * MINUTE, NOW + 26 * MINUTE) is None  # half an hour from the lead
    assert odds(NOW + 20 * MINUTE, NOW + 3 * HOUR) is None
    assert not correlator.awaits("shop@2", "production")


def test_an_incident_of_many_releases_remembers_some() -> None:
    correlator = Correlator()
    for n in range(100):
        each = signal(n, NOW + n, urgent=True, root_type="AError", release=f"shop@{n}", released_at=NOW)
        correlator.take(each, NOW + n, DEFAULT)
    ((_, ((group, *_), *_)),) = correlator.pack()[1]
    assert len(group[-1]) == 32


def test_groups_of_an_older_snapshot_are_read_and_go_on() -> None:
    correlator = Correlator()
    for each in deploy():
        correlator.take(each, NOW + 2 * MINUTE, DEFAULT)
    population, ((name, (groups, *rest)),) = correlator.pack()
    older = Correlator.unpack([population, [[name, [[group[:-1] for group in groups], *rest]]]])
    assert [len(group[-1]) for group in older.pack()[1][0][1][0]] == [0]
    assert isinstance(Group.unpack(groups[0]).arrivals["shop@2"], Arrivals)
    at = NOW + 3 * MINUTE
    (fact,) = older.take(signal(9, at, trace_id=f"{1:032x}", **RELEASED), at, DEFAULT)
    assert isinstance(fact, IncidentGrew)


# ---------------------------------------------------------------------------------------------------- weak news
QUIET, LOUD = "c" * 32, "d" * 32


def past() -> list[ErrorSeen]:
    """Return a past in which new errors come thirty times: one that comes a few times does not stand out."""
    return [
        error(kind * 100 + n, NOW - 3 * DAY + kind * HOUR + n * SECOND, hashes=(f"{kind:032x}",), release="shop@1")
        for kind in range(30)
        for n in range(30)
    ]


def loud(at: int = NOW) -> ErrorSeen:
    """Return the unhandled error with which the release's incident opens."""
    return error(9_000, at, handled=False, hashes=(LOUD,), release="shop@2", culprit="shop.cart in total")


def quiet(at: int, count: int = 4, **changes: object) -> list[ErrorSeen]:
    """Return a handled new error of the release that comes a few times."""
    values = {"hashes": (QUIET,), "release": "shop@2", "user_hash": None, "culprit": "shop.cart in price"} | changes
    return [error(9_100 + n, at + n * SECOND, **values) for n in range(count)]


def told(records: Sequence[ProjectRecord]) -> list[IncidentFact]:
    """Return the facts about the quiet error."""
    return [f for f in run(records) if isinstance(f, IncidentDetected | IncidentGrew) and f.fingerprint == QUIET]


def test_a_new_error_that_does_not_stand_out_joins_the_open_incident_of_its_release() -> None:
    facts = run([*past(), loud(), *quiet(NOW + MINUTE)])
    opened, grew = facts[-2:]
    assert isinstance(opened, IncidentDetected)
    assert isinstance(grew, IncidentGrew)
    assert (opened.fingerprint, grew.fingerprint, grew.incident_id) == (LOUD, QUIET, opened.incident_id)
    assert grew.event_id == f"{9_102:032x}"  # the third event: it has come more than by the way
    assert "times likelier by its release's incident than by chance" in explain(grew.decision)


def test_without_that_incident_it_is_no_news() -> None:
    assert told([*past(), *quiet(NOW + MINUTE)]) == []
    assert told([*past(), loud(), *quiet(NOW + MINUTE, release="shop@1")]) == []
    assert told([*past(), loud(), *quiet(NOW + MINUTE, environment="staging")]) == []


def test_an_error_of_staging_joins_when_a_release_brings_it_to_production() -> None:
    staging = [error(8_000 + n, NOW - 2 * DAY + n * HOUR, hashes=(QUIET,), environment="staging") for n in range(3)]
    (grew,) = told(sorted([*past(), *staging, loud(), *quiet(NOW + MINUTE)], key=lambda each: each.received_at))
    assert isinstance(grew, IncidentGrew)
    assert grew.decision.detector == "environment"


def test_neither_is_it_later_nor_when_it_came_but_twice_nor_as_a_warning() -> None:
    assert told([*past(), loud(), *quiet(NOW + 45 * MINUTE)]) == []
    assert told([*past(), loud(), *quiet(NOW + MINUTE, count=2)]) == []
    assert told([*past(), loud(), *quiet(NOW + MINUTE, level="warning")]) == []


def test_in_quiet_hours_it_waits_for_nothing() -> None:
    minute = NOW // MINUTE % (24 * 60)
    hours = [rule(NOW, "quiet_from", float(minute)), rule(NOW, "quiet_until", float((minute + 60) % (24 * 60)))]
    later = error(9_900, NOW + 2 * HOUR, hashes=(f"{3:032x}",), release="shop@2")
    fatal = replace(loud(), level="fatal")
    assert told([*past(), *hours, fatal, *quiet(NOW + MINUTE), later]) == []
    assert len(told([*past(), fatal, *quiet(NOW + MINUTE), later])) == 1


def test_it_joins_wherever_the_detector_stops_in_between() -> None:
    records = [*past(), deployed(NOW - SECOND, "shop@2"), loud(), *quiet(NOW + MINUTE)]
    for cut in range(len(records) - 5, len(records)):
        detector, facts = Detector(), list[IncidentFact]()
        for offset, record in enumerate(records):
            if offset == cut:
                state = {name: value for name, value in detector.changed().items() if value is not None}
                detector = Detector.restore(state)
            facts.extend(detector.observe(offset, record))
        assert [*facts, *detector.finish()] == run(records)
