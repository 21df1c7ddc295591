"""The slow ramp: growth over days is told in its first week, and what does not grow is never told."""

import random
from itertools import pairwise

import msgspec
import pytest

from premortem.domain.detection.config import DAY_MS, DEFAULT, DetectorConfig
from premortem.domain.detection.ramp import LEAST_DAYS, RING, Ramp, RampFinding, is_weekend

MONDAY = 20_003  # 2024-10-07
WARM = 28


def _told(
    counts: list[int], first_day: int = MONDAY, config: DetectorConfig = DEFAULT
) -> list[tuple[int, RampFinding]]:
    """Return what is told of these daily counts, each with the number of the last closed day."""
    ramp, told = Ramp(first_day), []
    for n, count in enumerate([*counts, 0]):
        if ramp.close(first_day + n):
            found = ramp.judge(config)
            if found is not None:
                ramp.tell()
                told.append((n - 1, found))
        if count:
            ramp.add(first_day + n, count)
    return told


def _days(means: list[float], weekend: float = 1.0, first_day: int = MONDAY, noise: float = 0.1) -> list[int]:
    """Return counts near these means, with a weekly season; the same in every run."""
    dice = random.Random(first_day)
    return [
        round(mean * (weekend if is_weekend(first_day + n) else 1) * (1 + noise * dice.uniform(-1.7, 1.7)))
        for n, mean in enumerate(means)
    ]


def _grown(start: float, growth: float, days: int = 30, warm: int = WARM) -> list[float]:
    means = [start] * warm
    for _ in range(days):
        means.append(min(means[-1] * growth, 200 * start))
    return means


@pytest.mark.parametrize("first_day", range(MONDAY, MONDAY + 7))
@pytest.mark.parametrize(("start", "growth"), [(50, 1.17), (90, 1.17), (500, 1.17), (50, 1.3), (500, 1.3), (5, 1.3)])
def test_a_ramp_is_told_in_its_first_week_on_whatever_day_it_begins(
    first_day: int, start: float, growth: float
) -> None:
    told = _told(_days(_grown(start, growth), 0.5, first_day), first_day)
    assert told
    assert WARM <= told[0][0] < WARM + 7


def test_the_ramp_from_fifty_to_ten_thousand_is_told_again_each_time_that_it_has_doubled_and_not_daily() -> None:
    told = _told(_days(_grown(50, 1.17), 0.5))
    assert 3 <= len(told) <= 7
    ratios = [found.ratio for _, found in told]
    assert all(later >= 2 * earlier for earlier, later in pairwise(ratios))


def test_growth_does_not_raise_its_own_baseline_once_it_is_told() -> None:
    told = _told(_days(_grown(500, 1.17), 0.5))
    assert told[-1][1].expected / told[-1][1].days < 600


def test_slow_growth_of_five_percent_a_day_is_told_within_three_weeks() -> None:
    told = _told(_days(_grown(200, 1.05), 0.5))
    assert told
    assert told[0][0] < WARM + 21


def test_a_finding_says_what_was_expected_and_where_the_rise_began() -> None:
    (_, found), *_ = _told(_days(_grown(50, 1.3), noise=0))
    assert found.fired
    assert found.score >= found.threshold == DEFAULT.ramp_score_opens
    assert found.score == round(found.score, 6)
    assert found.expected == pytest.approx(50 * found.days, rel=0.05)
    assert found.ratio == pytest.approx(found.observed / found.expected)
    assert (MONDAY + WARM) * DAY_MS <= found.onset <= (MONDAY + WARM + 1) * DAY_MS


@pytest.mark.parametrize("weekend", [0.2, 0.5, 1.5])
@pytest.mark.parametrize("a_day", [1, 5, 50, 5_000])
@pytest.mark.parametrize("first_day", range(MONDAY, MONDAY + 7))
def test_a_weekly_season_is_no_ramp(weekend: float, a_day: float, first_day: int) -> None:
    assert _told(_days([a_day] * 120, weekend, first_day, noise=0.2), first_day) == []


def test_growth_of_one_percent_a_day_is_no_ramp() -> None:
    assert _told(_days(_grown(100, 1.01, 150), 0.5)) == []


def test_a_burst_of_one_day_is_the_business_of_the_spike() -> None:
    for burst in (5, 100, 10_000):
        counts = _days([40] * 60, 0.5)
        counts[40] *= burst
        assert _told(counts) == []


def test_a_burst_between_two_days_that_are_only_a_little_high_is_still_a_burst_of_one_day() -> None:
    assert _told(_days([40] * 40 + [56, 4_000, 56] + [40] * 20, noise=0)) == []


def test_a_burst_before_a_ramp_does_not_hide_it() -> None:
    counts = _days(_grown(50, 1.17), 0.5)
    counts[WARM - 10] *= 100
    assert WARM <= _told(counts)[0][0] < WARM + 8


@pytest.mark.parametrize("height", [2.5, 4, 10])
def test_a_step_to_a_level_that_stays_is_told_once(height: float) -> None:
    assert len(_told(_days([50] * 40 + [50 * height] * 100, 0.5))) == 1


def test_a_level_that_was_accepted_is_what_the_next_ramp_is_measured_against() -> None:
    told = _told(_days([50] * 40 + [250] * 20 + [250 * 1.2**n for n in range(1, 15)]))
    assert len(told) >= 2
    assert told[1][1].expected == pytest.approx(250 * told[1][1].days, rel=0.15)


def test_a_ramp_that_came_down_and_comes_back_is_told_again_against_the_days_before_the_first() -> None:
    outbreak = [50 * 1.3**n for n in range(1, 9)]
    told = _told(_days([50] * 28 + outbreak + [50] * 12 + outbreak))
    last = told[-1][1]
    assert len(told) >= 2
    assert told[-1][0] > 28 + 8 + 12
    assert last.expected == pytest.approx(50 * last.days, rel=0.15)


def test_what_was_not_told_stays_news() -> None:
    counts = _days(_grown(50, 1.3, 8))
    ramp = Ramp(MONDAY)
    judged = []
    for n, count in enumerate(counts):
        if ramp.add(MONDAY + n, count):
            judged.append(ramp.judge(DEFAULT) is not None)
    assert judged.count(True) >= 3


def test_too_little_history_says_nothing_and_says_so() -> None:
    ramp = Ramp(MONDAY)
    for n in range(LEAST_DAYS):
        ramp.add(MONDAY + n, 10 * 3**n)
    found = ramp.look(DEFAULT)
    assert not found.fired
    assert [(gate.name, gate.observed, gate.limit) for gate in found.gates] == [
        ("days known", LEAST_DAYS - 2, LEAST_DAYS)
    ]


def test_an_error_that_grows_from_its_birth_is_told_as_soon_as_a_week_is_known() -> None:
    told = _told(_days([50 * 1.17**n for n in range(20)], 0.5))
    assert told
    assert told[0][0] <= LEAST_DAYS + 3


def test_looking_says_which_gate_held_it_back_and_changes_nothing() -> None:
    ramp = Ramp(MONDAY)
    for n, count in enumerate(_days([20] * 28 + [29] * 7, noise=0)):
        ramp.add(MONDAY + n, count)
    before = ramp.pack()
    held = [gate.name for gate in ramp.look(DEFAULT).gates if not gate.passed]
    assert "times the baseline" in held
    assert ramp.pack() == before


def test_a_few_events_are_no_ramp() -> None:
    assert _told([0, 1, 0, 0, 0, 1, 0] * 5 + [3, 4, 5, 6, 7]) == []


def test_a_late_event_counts_on_its_day_and_asks_for_no_decision() -> None:
    ramp = Ramp(MONDAY)
    ramp.add(MONDAY + 10)
    assert not ramp.add(MONDAY + 7, 5)
    assert ramp.count(MONDAY + 7) == 5
    assert ramp.count(MONDAY + 10) == 1


def test_an_event_older_than_the_ring_changes_nothing() -> None:
    ramp = Ramp(MONDAY)
    before = ramp.pack()
    assert not ramp.add(MONDAY - RING)
    assert ramp.pack() == before


def test_a_long_silence_is_closed_at_once_and_ends_a_ramp() -> None:
    ramp = Ramp(MONDAY)
    for n, count in enumerate(_days(_grown(50, 1.3, 8))):
        if ramp.add(MONDAY + n, count) and ramp.judge(DEFAULT) is not None:
            ramp.tell()
    assert ramp.told is not None
    assert ramp.add(MONDAY + 10_000_000)
    assert ramp.judge(DEFAULT) is None
    assert ramp.told is None


def test_the_state_packs_to_less_than_250_bytes() -> None:
    ramp = Ramp(MONDAY)
    for n, mean in enumerate(_grown(100_000, 1.3, 12)):
        if ramp.add(MONDAY + n, int(mean)) and ramp.judge(DEFAULT) is not None:
            ramp.tell()
    assert ramp.told is not None
    assert len(msgspec.msgpack.encode(ramp.pack())) < 250
    assert len(msgspec.msgpack.encode(Ramp(MONDAY).pack())) < 60
