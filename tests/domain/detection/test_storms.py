"""Which signals are one incident, and which stay apart."""

from collections import Counter
from collections.abc import Iterable, Sequence

import pytest
from msgspec.structs import replace

from premortem.domain.decision import Decision
from premortem.domain.detection.attributes import module_of
from premortem.domain.detection.config import DEFAULT
from premortem.domain.detection.pace import Pace
from premortem.domain.detection.signals import Signal
from premortem.domain.detection.storms import MOST_HELD, MOST_PLACES, NEVER, Correlator
from premortem.domain.ids import Fingerprint
from premortem.domain.timeline import IncidentDetected, IncidentFact, IncidentGrew, IncidentMerged
from tests.builders import NOW, error_seen

MINUTE, HOUR = 60_000, 3_600_000
GENERIC = ["ValueError"] * 4 + ["KeyError"] * 2 + ["TypeError"] * 2 + ["AttributeError", "RuntimeError"]


def signal(n: int, at: int = NOW, urgent: bool = False, first_release: str | None = None, **changes: object) -> Signal:
    """Return a handled error's novelty, the only one of its type and place; `released_at` is a day ago."""
    decision = Decision("novelty", 1, fired=True, at=at, onset=at)
    found = {name: changes.pop(name) for name in ("decision", "released_at", "first_seen") if name in changes}
    values = {"root_type": f"Odd{n}Error", "culprit": f"shop.m{n} in f", "handled": True, "trace_id": f"{n:032x}"}
    event = error_seen(n, occurred_at=at, received_at=at, **(values | changes))
    values = {"decision": decision, "first_seen": at, "released_at": NOW - 24 * HOUR} | found
    return Signal(
        fingerprint=Fingerprint(f"{n:032x}"),
        event=event,
        first_release=first_release or event.release,
        urgent=urgent,
        **values,  # type: ignore[arg-type]
    )


def novelty(at: int, onset: int) -> Decision:
    return Decision("novelty", 1, fired=True, at=at, onset=onset)


def spike(n: int, at: int, window: int, score: float = 6.0, **changes: object) -> Signal:
    """Return a known error's spike, in a window of so many minutes that ends at `at`."""
    found = Decision("spike", 1, fired=True, at=at, onset=at - window * MINUTE, window_minutes=window, score=score)
    return signal(n, at, decision=found, first_release="shop@0.1", first_seen=NOW - 30 * 24 * HOUR, **changes)


def run(signals: Iterable[Signal], correlator: Correlator | None = None) -> list[IncidentFact]:
    """Take signals as they are received, a tick every ten seconds between them, and settle what is held at the end."""
    correlator = correlator or Correlator()
    facts: list[IncidentFact] = []
    clock = 0
    for each in signals:
        at = each.event.received_at
        while clock and clock < at and correlator.due <= at:
            clock += 10_000
            facts += correlator.settle(clock, DEFAULT) if correlator.due <= clock else []
        clock = max(clock, at)
        facts += correlator.take(each, clock, DEFAULT)
    return facts + correlator.settle(clock + 3 * MINUTE, DEFAULT)


def incidents(facts: Sequence[IncidentFact]) -> dict[str, list[int]]:
    """Return the errors of each incident, by their numbers, merges followed."""
    into = {fact.incident_id: fact.into for fact in facts if isinstance(fact, IncidentMerged)}
    found: dict[str, list[int]] = {}
    for fact in facts:
        if isinstance(fact, IncidentDetected | IncidentGrew):
            incident = fact.incident_id
            while incident in into:
                incident = into[incident]
            found.setdefault(incident, []).append(int(fact.fingerprint, 16))
    return found


def shapes(facts: Sequence[IncidentFact]) -> list[list[int]]:
    return sorted(sorted(members) for members in incidents(facts).values())


def practised() -> Correlator:
    """Return a correlator that knows a project's errors: most of a few generic types, few of any other."""
    correlator = Correlator()
    for n in range(200):
        at = NOW - 200 * HOUR + n * HOUR
        root_type = GENERIC[n // 2 % len(GENERIC)] if n % 2 else f"Shop{n % 60}Error"
        correlator.learn(root_type, f"shop.place{n % 60} in f", at)
    return correlator


# ---------------------------------------------------------------------------------------------------- one cause
@pytest.mark.parametrize("size", [5, 50, 200])
def test_a_deploy_is_one_incident_however_many_new_errors_it_brings(size: int) -> None:
    released = {"release": "shop@2", "released_at": NOW}
    new = [signal(n, NOW + n * MINUTE // 20, urgent=n % 3 == 0, **released) for n in range(size)]
    old = [spike(1000 + n, NOW + n * MINUTE, 5, **released) for n in range(1, 4)]
    facts = run(sorted([*new, *old], key=lambda each: each.event.received_at))
    assert [type(fact) for fact in facts].count(IncidentDetected) == 1
    assert len(incidents(facts)) == 1
    assert len(facts) == size + 3


def test_a_dead_database_seen_in_forty_places_is_one_incident_by_its_type() -> None:
    facts = run([signal(n, NOW + n * 3_000, root_type="OperationalError") for n in range(40)], practised())
    assert Counter(type(fact) for fact in facts) == {IncidentDetected: 1, IncidentGrew: 39}


def test_so_many_at_once_that_it_is_no_chance_are_one_incident_though_they_share_nothing() -> None:
    facts = run([signal(n, NOW + n * 3_000) for n in range(40)])
    assert Counter(type(fact) for fact in facts) == {IncidentDetected: 1, IncidentGrew: 39}


def test_those_of_a_storm_that_were_opened_at_once_are_merged_into_the_first_and_nothing_is_written_anew() -> None:
    facts = run([signal(n, NOW + n * 3_000, urgent=True) for n in range(40)])
    opened = [fact.incident_id for fact in facts if isinstance(fact, IncidentDetected)]
    merged = [fact for fact in facts if isinstance(fact, IncidentMerged)]
    assert len(opened) < 8
    assert {fact.into for fact in merged} == {opened[0]}
    assert [fact.incident_id for fact in merged] == opened[1:]
    assert len(incidents(facts)) == 1


def test_what_comes_later_in_the_minutes_of_a_storm_joins_it_and_an_hour_later_does_not() -> None:
    storm = [signal(n, NOW + n * 1_000) for n in range(12)]
    facts = run([*storm, signal(50, NOW + 9 * MINUTE), signal(51, NOW + HOUR)])
    assert shapes(facts) == [[*range(12), 50], [51]]


def test_a_trace_joins_errors_of_one_request() -> None:
    assert shapes(run([signal(1, trace_id="a" * 32), signal(2, trace_id="a" * 32)])) == [[1, 2]]


def test_errors_in_one_module_are_one_incident() -> None:
    two = [signal(1, culprit="shop.cart in total"), signal(2, culprit="shop.cart in price")]
    assert shapes(run(two, practised())) == [[1, 2]]


def test_in_a_project_that_is_hardly_known_a_module_and_everybodys_types_prove_nothing() -> None:
    two = [signal(1, culprit="__main__ in total"), signal(2, culprit="__main__ in price")]
    assert shapes(run(two)) == shapes(run(two, practised())) == [[1], [2]]
    assert shapes(run([signal(1, culprit="shop.cart in total"), signal(2, culprit="shop.cart in price")])) == [[1], [2]]
    assert shapes(run([signal(1, root_type="KeyError"), signal(2, root_type="KeyError")])) == [[1], [2]]
    assert shapes(run([signal(1, root_type="BankError"), signal(2, root_type="BankError")])) == [[1, 2]]


@pytest.mark.parametrize(
    ("culprit", "module"),
    [
        ("shop.cart in price", "shop.cart"),
        ("price(app/cart)", "app/cart"),
        ("/api/cart", "/api/cart"),
        ("GET /cart/(id)", "id"),
        ("", ""),
    ],
)
def test_the_module_is_read_from_the_culprit(culprit: str, module: str) -> None:
    assert module_of(culprit) == module


def test_the_wide_window_of_a_spike_does_not_keep_it_from_its_siblings() -> None:
    burst = spike(2, NOW + 2 * MINUTE, 240, root_type="OperationalError")
    assert shapes(run([signal(1, root_type="OperationalError"), burst], practised())) == [[1, 2]]


def test_two_open_incidents_that_prove_one_are_joined_the_later_into_the_earlier() -> None:
    first, second = signal(1, urgent=True, root_type="AError"), signal(2, NOW + MINUTE, urgent=True, root_type="BError")
    bridge = signal(3, NOW + 2 * MINUTE, root_type="AError", culprit=second.event.culprit)
    later = signal(4, NOW + 3 * MINUTE, root_type="BError")
    facts = run([first, second, bridge, later], practised())
    (merged,) = [fact for fact in facts if isinstance(fact, IncidentMerged)]
    opened = [fact.incident_id for fact in facts if isinstance(fact, IncidentDetected)]
    assert [merged.incident_id, merged.into] == opened[::-1]
    assert [f.incident_id for f in facts if isinstance(f, IncidentGrew)] == [opened[0], opened[0]]


def test_of_two_open_incidents_the_one_that_began_first_stays_though_it_was_opened_last() -> None:
    second = signal(1, urgent=True, root_type="AError")
    first = signal(2, NOW, True, root_type="BError", decision=novelty(NOW, NOW - 2 * MINUTE))
    facts = run([second, first, signal(3, NOW + 1, root_type="AError", culprit=first.event.culprit)], practised())
    (merged,) = [fact for fact in facts if isinstance(fact, IncidentMerged)]
    opened = [fact.incident_id for fact in facts if isinstance(fact, IncidentDetected)]
    assert [merged.incident_id, merged.into] == opened


def test_an_open_incident_takes_in_what_was_held_and_began_before_it() -> None:
    earlier = signal(1, decision=novelty(NOW, NOW - MINUTE), root_type="BError")
    bridge = signal(2, NOW + 1_000, root_type="AError", culprit=earlier.event.culprit)
    facts = run([signal(0), earlier, bridge, signal(3, NOW + 2_000, urgent=True, root_type="AError")], practised())
    assert [int(fact.fingerprint, 16) for fact in facts if isinstance(fact, IncidentDetected)] == [0, 3]
    assert shapes(facts) == [[0], [1, 2, 3]]
    assert not any(isinstance(fact, IncidentMerged) for fact in facts)


# ---------------------------------------------------------------------------------------------------- two causes
def test_two_errors_of_one_minute_that_share_nothing_stay_two() -> None:
    assert shapes(run([signal(1), signal(2, NOW + 1_000)])) == [[1], [2]]


def test_two_faults_of_twenty_errors_in_the_same_minute_stay_two() -> None:
    types = ("OperationalError", "PaymentError")
    facts = run([signal(n, NOW + n * 1_000, urgent=n % 4 == 0, root_type=types[n % 2]) for n in range(40)], practised())
    assert shapes(facts) == [list(range(0, 40, 2)), list(range(1, 40, 2))]


def test_an_unrelated_error_amid_a_deploy_of_new_ones_stays_apart() -> None:
    new = [signal(n, NOW + n * 1_000, release="shop@2", released_at=NOW) for n in range(50)]
    facts = run([*new, spike(99, NOW + MINUTE, 1, release="shop@1", released_at=NOW - HOUR)])
    assert shapes(facts) == [list(range(50)), [99]]


def test_what_is_common_in_the_project_proves_nothing() -> None:
    common = [signal(1, root_type="ValueError"), signal(2, NOW + 1_000, root_type="ValueError")]
    assert shapes(run(common, practised())) == [[1], [2]]
    rare = [signal(1, root_type="Shop4Error"), signal(2, NOW + 1_000, root_type="Shop4Error")]
    assert shapes(run(rare, practised())) == [[1, 2]]


def test_an_outage_does_not_make_its_own_mark_common() -> None:
    correlator = practised()
    for n in range(400):
        correlator.learn("OperationalError", f"shop.new{n} in f", NOW + n * 100)
    facts = run([signal(n, NOW + n * 3_000, root_type="OperationalError") for n in range(40)], correlator)
    assert len(incidents(facts)) == 1
    for n in range(3):  # nor do the last outages, of hundreds of errors each
        correlator.learn("OperationalError", f"shop.new{n} in f", NOW + (n + 2) * HOUR)
    later = [signal(n + 50, NOW + 9 * HOUR + n, root_type="OperationalError") for n in range(2)]
    assert shapes(run(later, correlator)) == [[50, 51]]


def test_what_two_errors_of_a_small_project_had_is_not_common() -> None:
    small = Correlator()
    for n in range(25):
        small.learn(
            "OperationalError" if n in (3, 9) else f"Odd{n}Error", f"shop.m{n} in f", NOW - 99 * HOUR + n * HOUR
        )
    small.learn("ValueError", "", NOW - 70 * HOUR)
    assert shapes(run([signal(n, NOW + n, root_type="OperationalError") for n in (1, 2)], small)) == [[1, 2]]


def test_no_attribute_is_none_in_common() -> None:
    bare = {"root_type": "", "culprit": "", "trace_id": None, "release": None, "released_at": None}
    assert shapes(run([signal(1, **bare), signal(2, **bare)])) == [[1], [2]]


def test_a_release_explains_what_is_new_in_it_and_soon_after_it() -> None:
    released = {"release": "shop@2", "released_at": NOW}
    first = signal(1, NOW + MINUTE, **released)
    for other, together in [
        (signal(2, NOW + 5 * MINUTE, **released), True),
        (signal(2, NOW + 5 * MINUTE, first_release="shop@1", **released), False),
        (signal(2, NOW + 5 * MINUTE, release="shop@1"), False),
        (spike(2, NOW + 8 * MINUTE, 15, **released), True),
        (spike(2, NOW + 8 * MINUTE, 15, release="shop@1"), False),
        (signal(2, NOW + 29 * MINUTE, **(released | {"released_at": NOW - 2 * MINUTE})), False),
        (spike(2, NOW + 29 * MINUTE, 1, **(released | {"released_at": NOW - 2 * MINUTE})), False),
    ]:
        assert (len(incidents(run([first, other]))) == 1) is together
    late = [signal(n, NOW + 40 * MINUTE + n, **released) for n in (1, 2)]
    assert len(incidents(run(late))) == 2


def test_a_chain_of_siblings_ends_half_an_hour_from_its_lead() -> None:
    chain = [signal(n, NOW + n * 9 * MINUTE, root_type="OperationalError") for n in range(9)]
    assert shapes(run(chain)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8]]


def test_incidents_that_would_reach_too_far_stay_two_whatever_a_signal_shares_with_both() -> None:
    first = [signal(n, NOW + n * 9 * MINUTE, root_type="AError") for n in range(3)]
    second = [signal(10 + n, NOW + (27 + n * 7) * MINUTE, root_type="BError", culprit="shop.b in f") for n in range(2)]
    bridge = signal(20, NOW + 34 * MINUTE, decision=novelty(NOW + 34 * MINUTE, NOW + 27 * MINUTE), root_type="AError")
    bridge = replace(bridge, event=replace(bridge.event, culprit="shop.b in g"))
    facts = run([*first, *second, bridge])
    assert len(incidents(facts)) == 2
    assert not any(isinstance(fact, IncidentMerged) for fact in facts)


def test_what_began_long_before_a_storm_is_no_part_of_it() -> None:
    slow = signal(50, NOW + 5_000, decision=novelty(NOW + 5_000, NOW - 25 * MINUTE))
    assert shapes(run([*(signal(n, NOW + n * 1_000) for n in range(12)), slow])) == [list(range(12)), [50]]


def test_hours_later_nothing_joins_an_incident_though_it_began_with_it() -> None:
    late = signal(2, NOW + 3 * HOUR, decision=novelty(NOW + 3 * HOUR, NOW + MINUTE), root_type="OperationalError")
    assert shapes(run([signal(1, root_type="OperationalError"), late])) == [[1], [2]]


def test_a_large_incident_does_not_join_by_everything_that_its_members_have() -> None:
    new = [signal(n, NOW + n * 100, release="shop@2", released_at=NOW, root_type=f"Shop{n}Error") for n in range(60)]
    others = [spike(100 + n, NOW + MINUTE, 1, root_type=f"Shop{n}Error", release="shop@1") for n in range(60)]
    joined = sum(len(incidents(run([*new, other], practised()))) == 1 for other in others)
    assert 0 < joined < 15


def test_environments_keep_apart() -> None:
    same = {"trace_id": "a" * 32}
    facts = run([signal(1, environment="production", **same), signal(2, environment="staging", **same)])
    assert shapes(facts) == [[1], [2]]


def test_where_many_incidents_are_usual_some_at_once_are_no_storm() -> None:
    busy = [signal(n, NOW - 48 * HOUR + n * 3 * MINUTE) for n in range(960)]
    facts = run([*busy, *(signal(2000 + n, NOW + n * 20_000) for n in range(6))])
    assert sum(len(members) == 1 for members in incidents(facts).values()) > 940
    assert all([2000 + n] in incidents(facts).values() for n in range(6))
    calm = [signal(n, NOW - 48 * HOUR + n * HOUR) for n in range(48)]
    facts = run([*calm, *(signal(2000 + n, NOW + n * 20_000) for n in range(6))])
    assert max(incidents(facts).values(), key=len) == [2000, 2001, 2002, 2003, 2004, 2005]


# ---------------------------------------------------------------------------------------------------- waiting
def test_the_first_signal_of_a_quiet_environment_waits_for_nothing() -> None:
    correlator = Correlator()
    assert len(correlator.take(signal(1), NOW, DEFAULT)) == 1
    assert correlator.due == NEVER


def test_the_next_one_waits_two_minutes_at_most() -> None:
    correlator = Correlator()
    correlator.take(signal(1), NOW, DEFAULT)
    assert correlator.take(signal(2, NOW + MINUTE), NOW + MINUTE, DEFAULT) == []
    assert correlator.take(signal(3, NOW + 2 * MINUTE), NOW + 2 * MINUTE, DEFAULT) == []
    assert correlator.due == NOW + 3 * MINUTE
    assert correlator.settle(NOW + 3 * MINUTE - 1, DEFAULT) == []
    assert shapes(correlator.settle(NOW + 3 * MINUTE, DEFAULT)) == [[2], [3]]
    assert correlator.due == NEVER


def test_an_unhandled_error_passes_at_once_and_its_held_siblings_join_it() -> None:
    correlator = Correlator()
    correlator.take(signal(1), NOW, DEFAULT)
    assert correlator.take(signal(2, root_type="OperationalError"), NOW, DEFAULT) == []
    (opened,) = correlator.take(signal(3, NOW + 1, urgent=True, root_type="OperationalError"), NOW + 1, DEFAULT)
    assert isinstance(opened, IncidentDetected)
    (grew,) = correlator.settle(NOW + 2 * MINUTE, DEFAULT)
    assert isinstance(grew, IncidentGrew)
    assert grew.incident_id == opened.incident_id


def test_what_is_held_is_led_by_the_earliest_then_by_the_highest_score() -> None:
    def lead(*held: Signal) -> int:
        facts = run([signal(0), *held])
        (opened,) = [fact for fact in facts[1:] if isinstance(fact, IncidentDetected)]
        return int(opened.fingerprint, 16)

    same = {"root_type": "OperationalError"}
    assert lead(signal(1, NOW + 2_000, **same), signal(2, NOW + 1_000, **same)) == 2
    assert lead(spike(1, NOW, 1, score=5.5, **same), spike(2, NOW, 1, score=9.0, **same)) == 2


# ---------------------------------------------------------------------------------------------------- bounds
def test_more_signals_than_can_be_held_are_decided_and_none_is_lost() -> None:
    correlator = Correlator()
    at_once = [correlator.take(signal(n, NOW + n), NOW + n, DEFAULT) for n in range(MOST_HELD + 1)]
    assert [len(facts) for facts in at_once] == [1, *[0] * (MOST_HELD - 1), MOST_HELD]
    facts = run([signal(n, NOW + n) for n in range(2 * MOST_HELD + 10)])
    assert sum(map(len, incidents(facts).values())) == 2 * MOST_HELD + 10


def test_more_environments_than_are_remembered_lose_no_signal() -> None:
    names = [f"branch-{n}" for n in range(MOST_PLACES + 5)]
    first = [signal(n, environment=name) for n, name in enumerate(names)]
    held = [signal(1000 + n, NOW + 1, environment=name) for n, name in enumerate(names)]
    facts = run([each for pair in zip(first, held, strict=True) for each in pair])
    assert sum(map(len, incidents(facts).values())) == 2 * len(names)


def test_the_state_stays_small_in_a_flood() -> None:
    correlator = Correlator()
    for n in range(1_500):
        at = NOW + n * 200
        correlator.learn(f"Odd{n}Error", f"shop.m{n} in f", NOW + n * MINUTE)
        correlator.take(signal(n, at, urgent=True), at, DEFAULT)
    for n in range(2_000, 2_100):  # each began at another time: no storm joins them
        apart = novelty(NOW + HOUR, NOW - n * 40 * MINUTE)
        correlator.take(signal(n, NOW + HOUR, urgent=True, decision=apart), NOW + HOUR, DEFAULT)
    population, places = correlator.pack()
    assert all(len(counts) <= 512 for _, _, counts in population[0])
    assert [len(groups) for _, (groups, *_) in places] == [64]


def test_a_group_remembers_no_more_than_some_traces() -> None:
    correlator = Correlator()
    for n in range(100):
        correlator.take(signal(n, NOW + n, root_type="OperationalError", urgent=True), NOW + n, DEFAULT)
    ((_, ((group, *_), *_)),) = correlator.pack()[1]
    assert len(group[3]) < 40


# ---------------------------------------------------------------------------------------------------- pace
def test_the_pace_is_the_rate_of_incidents_lately() -> None:
    new, busy, calm = Pace(), Pace(), Pace()
    for hour in range(200):
        busy.learn(4, NOW + hour * HOUR, DEFAULT)
        calm.learn(0, NOW + hour * HOUR, DEFAULT)
    assert busy.score(5, DEFAULT) < DEFAULT.score_opens < new.score(5, DEFAULT) < calm.score(5, DEFAULT)
    busy.learn(0, NOW + 2_000 * HOUR, DEFAULT)
    assert busy.score(5, DEFAULT) > DEFAULT.score_opens
