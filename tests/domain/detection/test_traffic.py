"""Traffic: a surge and a dip are seen as what they are, and everything that may be chance counts as usual."""

import math
import random
from collections.abc import Callable

import msgspec
import pytest

from premortem.domain.detection.config import DEFAULT
from premortem.domain.detection.traffic import LAG_MINUTES, Traffic, firm
from premortem.domain.ids import ProjectId, TenantId
from premortem.domain.project_stream import SessionsCounted

DAY = 1_440
MONDAY = 20_003 * DAY  # 2024-10-07 00:00 UTC
WIDTHS = (1, 5, 15, 60, 240)
NOON = MONDAY + 14 * DAY + 720


def _record(minute: int, count: int, unit: str = "session", delay_ms: int = 65_000) -> SessionsCounted:
    return SessionsCounted(
        tenant_id=TenantId("t"),
        project_id=ProjectId(1),
        received_at=minute * 60_000 + delay_ms,
        started_at=minute * 60_000,
        exited=count,
        unit="session" if unit == "session" else "transaction",
    )


def _season(minute: int) -> float:
    weekend = 0.4 if (minute // DAY + 3) % 7 >= 5 else 1.0
    return weekend * math.exp(0.9 * math.cos(2 * math.pi * (minute / DAY - 14 / 24)))


def _fed(
    until: int,
    a_minute: float,
    factor: Callable[[int], float] = lambda minute: 1.0,
    start: int = MONDAY,
    unit: str = "session",
    step: int = 1,
) -> Traffic:
    """Return the traffic of a project with daily and weekly season, told of every minute before `until`."""
    traffic, dice = Traffic(), random.Random(1)
    for minute in range(start, until, step):
        mean = a_minute * step * _season(minute) * factor(minute)
        traffic.add(_record(minute, max(0, round(dice.gauss(mean, math.sqrt(1.5 * mean)))), unit))
    return traffic


def _from(at: int, factor: float) -> Callable[[int], float]:
    return lambda minute: factor if minute >= at else 1.0


def test_a_usual_week_is_as_usual_at_every_hour() -> None:
    traffic, said = Traffic(), []
    dice = random.Random(1)
    for minute in range(MONDAY, MONDAY + 21 * DAY):
        if minute >= MONDAY + 14 * DAY and minute % 17 == 0:
            found = traffic.exposure(minute, WIDTHS)
            assert found is not None
            said.append(found)
        mean = 100 * _season(minute)
        traffic.add(_record(minute, max(0, round(dice.gauss(mean, math.sqrt(1.5 * mean))))))
    assert all(0.8 < each < 1.25 for found in said for each in found[1:])
    assert sum(found != (1.0,) * 5 for found in said) < 0.01 * len(said)


def test_five_times_the_sessions_are_five_times_the_exposure_within_minutes() -> None:
    found = _fed(NOON + 10, 100, _from(NOON, 5)).exposure(NOON + 10, WIDTHS)
    assert found is not None
    assert found[0] == pytest.approx(5, rel=0.25)
    assert found[1] == pytest.approx(5, rel=0.15)
    assert found[4] == 1


def test_a_tenth_of_the_sessions_is_as_little_exposure_as_may_be_said() -> None:
    found = _fed(NOON + 70, 100, _from(NOON, 0.1)).exposure(NOON + 70, WIDTHS)
    assert found is not None
    assert found[:4] == (DEFAULT.exposure_least,) * 4


def test_people_who_try_again_during_an_outage_do_not_excuse_it() -> None:
    assert _fed(NOON + 90, 100, _from(NOON, 1.3)).exposure(NOON + 90, WIDTHS) == (1.0,) * 5


def test_little_traffic_says_little() -> None:
    found = _fed(NOON + 20, 0.05, _from(NOON, 3)).exposure(NOON + 20, (1, 5, 15))
    assert found == (1.0, 1.0, 1.0)


def test_no_factor_is_beyond_what_is_sensible() -> None:
    found = _fed(NOON + 20, 100, _from(NOON, 100)).exposure(NOON + 20, (5,))
    assert found == (DEFAULT.exposure_most,)


def test_nothing_is_said_before_a_day_is_known() -> None:
    traffic = _fed(MONDAY + DAY + 60, 100)
    assert traffic.exposure(MONDAY + DAY + 60, WIDTHS) is None
    assert _fed(MONDAY + DAY + 4 * 60, 100).exposure(MONDAY + DAY + 4 * 60, WIDTHS) == (1.0,) * 5


def test_the_first_weekend_is_no_dip_and_the_monday_after_it_is_no_surge() -> None:
    for days in (5.5, 6.5, 7.5, 8.5):
        at = MONDAY + int(days * DAY)
        found = _fed(at, 100).exposure(at, WIDTHS)
        assert found is not None
        assert all(0.6 < each < 1.5 for each in found), (days, found)


def test_without_sessions_there_is_no_exposure() -> None:
    assert Traffic().exposure(NOON, WIDTHS) is None


def test_reports_that_end_say_nothing_soon_and_are_no_exposure_after_four_hours() -> None:
    traffic = _fed(NOON, 100)
    for minutes in (20, 100, 230):
        found = traffic.exposure(NOON + minutes, (5, 15))
        assert found == (1.0, 1.0)
    assert traffic.exposure(NOON + 241, WIDTHS) is None


def test_transactions_stand_in_only_while_no_sessions_are_reported() -> None:
    traffic = _fed(NOON + 20, 100, _from(NOON, 5), unit="transaction")
    found = traffic.exposure(NOON + 20, (15,))
    assert found is not None
    assert found[0] > 3
    traffic.sessions = _fed(NOON + 20, 100).sessions
    traffic.add(_record(NOON + 20, 1))
    assert traffic.exposure(NOON + 20, (15,)) == (1.0,)


def test_what_arrives_too_late_counts_nowhere_so_that_it_is_missing_on_both_sides() -> None:
    traffic = _fed(NOON, 100)
    before = traffic.pack()
    traffic.add(_record(NOON - 10, 100_000, delay_ms=LAG_MINUTES * 60_000))
    traffic.add(_record(NOON + 10, 100_000, delay_ms=-2 * 60_000))
    assert traffic.pack() == before


def test_a_minute_is_asked_about_only_when_it_is_complete() -> None:
    traffic = _fed(NOON, 100)
    for ago in range(1, LAG_MINUTES):
        traffic.add(_record(NOON + LAG_MINUTES - ago, 100_000))
    assert traffic.exposure(NOON + LAG_MINUTES, (1,)) != (DEFAULT.exposure_most,)
    traffic.add(_record(NOON, 100_000))
    assert traffic.exposure(NOON + LAG_MINUTES, (1,)) == (DEFAULT.exposure_most,)


def test_a_record_that_comes_after_an_answer_changes_the_next_one() -> None:
    traffic = _fed(NOON, 100)
    assert traffic.exposure(NOON + 2, (5,)) == (1.0,)
    traffic.add(_record(NOON - 1, 100_000))
    assert traffic.exposure(NOON + 2, (5,)) == (DEFAULT.exposure_most,)


def test_a_level_that_stays_is_usual_after_some_days() -> None:
    end = NOON + 4 * DAY
    assert _fed(end, 20, _from(NOON, 3)).exposure(end, (60,)) == (1.0,)


def test_a_surge_of_hours_is_not_learned() -> None:
    surge = _fed(NOON + DAY + 60, 20, lambda minute: 20.0 if NOON <= minute < NOON + 180 else 1.0)
    found = surge.exposure(NOON + DAY + 60, (60,))
    assert found is not None
    assert found[0] > 0.9


def test_where_traffic_is_fickle_it_must_change_more_to_say_something() -> None:
    dice = random.Random(3)
    fickle = [math.exp(dice.gauss(0, 0.5)) for _ in range(24 * 22)]
    steady = _fed(NOON + 30, 100, _from(NOON, 2)).exposure(NOON + 30, (15,))
    swaying = _fed(NOON + 30, 100, lambda minute: 2.0 if minute >= NOON else fickle[(minute - MONDAY) // 60])
    found = swaying.exposure(NOON + 30, (15,))
    assert steady is not None
    assert found is not None
    assert found[0] < 1.2 < steady[0]


def test_after_a_week_of_silence_what_was_usual_is_forgotten() -> None:
    traffic = _fed(NOON, 100)
    traffic.add(_record(NOON + 8 * DAY, 5))
    assert traffic.exposure(NOON + 8 * DAY + 10, WIDTHS) is None


def test_hours_without_a_record_are_closed_as_empty_ones_whatever_the_gap() -> None:
    at_once, stepped = _fed(NOON, 100), _fed(NOON, 100)
    for minute in range(NOON, NOON + 3 * DAY, 7):
        stepped.add(_record(minute, 0))
    for each in (at_once, stepped):
        each.add(_record(NOON + 3 * DAY, 9))
    assert at_once.pack() == stepped.pack()


def test_firm_shrinkage_is_continuous_and_believes_large_changes_in_full() -> None:
    assert firm(0.5, 0.5) == 0
    assert firm(0.500001, 0.5) == pytest.approx(0, abs=1e-5)
    assert firm(0.999999, 0.5) == pytest.approx(1, abs=1e-5)
    assert firm(-2, 0.5) == -2
    assert firm(-0.75, 0.5) == pytest.approx(-0.5)


def test_the_state_of_a_busy_project_packs_to_less_than_two_kilobytes() -> None:
    assert len(msgspec.msgpack.encode(_fed(NOON, 1_000).pack())) < 2_000
