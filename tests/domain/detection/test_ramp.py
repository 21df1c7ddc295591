"""The slow ramp: growth over days is told in its first week, and what does not grow is never told."""

import math
import random
from itertools import pairwise

import msgspec
import pytest

from premortem.domain.detection.config import DEFAULT, DetectorConfig
from premortem.domain.detection.growth import (
    QUARTER_MS,
    QUARTERS,
    Baseline,
    RampFinding,
    days,
    is_weekend,
    window,
)
from premortem.domain.detection.ramp import LEAST_DAYS, RING, Ramp

MONDAY = 20_003  # 2024-10-07
WARM = 28
HOURS = (0.1, 0.225, 0.375, 0.3)


def _quarters(counts: list[int]) -> list[int]:
    """Return the counts of days by quarters, most of them by day."""
    found: list[int] = []
    for count in counts:
        cuts = [round(count * sum(HOURS[:n])) for n in range(5)]
        found += [later - sooner for sooner, later in pairwise(cuts)]
    return found


def _told(
    counts: list[int], first_day: int = MONDAY, config: DetectorConfig = DEFAULT
) -> list[tuple[float, RampFinding]]:
    """Return what is told of these daily counts, each with the days that were over by then."""
    first, told = first_day * QUARTERS, []
    ramp = Ramp(first)
    for n, count in enumerate([*_quarters(counts), 0]):
        if ramp.close(first + n):
            found = ramp.judge(config)
            if found is not None:
                ramp.tell()
                told.append((n / QUARTERS, found))
        if count:
            ramp.add(first + n, count)
    return told


def _fed(counts: list[int], first_day: int = MONDAY) -> Ramp:
    """Return a ramp that has seen these daily counts and judged nothing."""
    ramp = Ramp(first_day * QUARTERS)
    for n, count in enumerate(_quarters(counts)):
        ramp.add(first_day * QUARTERS + n, count)
    ramp.close((first_day + len(counts)) * QUARTERS)
    return ramp


def _days(means: list[float], weekend: float = 1.0, first_day: int = MONDAY, noise: float = 0.1) -> list[int]:
    """Return counts near these means, with a weekly season; the same in every run."""
    dice = random.Random(first_day)
    return [
        round(mean * (weekend if is_weekend(first_day + n) else 1) * (1 + noise * dice.uniform(-1.7, 1.7)))
        for n, mean in enumerate(means)
    ]


def _grown(start: float, growth: float, days: int = 30, warm: int = WARM) -> list[float]:
    """Return the mean of each day of a level that begins to grow when the days `warm` are over."""
    a_day = math.log(growth)
    return [start] * warm + [
        min(start * math.exp(a_day * n) * math.expm1(a_day) / a_day, 200 * start) for n in range(days)
    ]


def _to_ten_thousand(start: float) -> float:
    return math.exp(math.log(10_000 / start) / 30)


@pytest.mark.parametrize("first_day", range(MONDAY, MONDAY + 7))
@pytest.mark.parametrize("start", [5, 10, 20, 50, 99])
@pytest.mark.parametrize("warm", [7, WARM])
def test_a_ramp_to_ten_thousand_in_a_month_is_told_in_its_first_week(first_day: int, start: float, warm: int) -> None:
    told = _told(_days(_grown(start, _to_ten_thousand(start), 7, warm), 0.5, first_day), first_day)
    assert told
    assert told[0][0] - warm <= 7


@pytest.mark.parametrize("first_day", range(MONDAY, MONDAY + 7))
@pytest.mark.parametrize("start", [10, 50, 99])
def test_four_days_are_enough_to_know_before_it_grows(first_day: int, start: float) -> None:
    told = _told(_days(_grown(start, _to_ten_thousand(start), 7, 4), 0.5, first_day), first_day)
    assert told
    assert told[0][0] - 4 <= 7


def test_four_days_that_saw_no_weekend_say_nothing_of_one() -> None:
    without, with_one = (_fed([50] * 9, first_day).look(DEFAULT) for first_day in (MONDAY - 1, MONDAY + 4))
    assert [(gate.name, gate.observed, gate.limit) for gate in without.gates] == [("days before the newest 4", 4, 7)]
    assert (with_one.days, with_one.expected) == (4, pytest.approx(200, rel=0.05))


@pytest.mark.parametrize("start", [1, 2])
def test_from_one_or_two_a_day_it_is_told_in_the_week_after(start: float) -> None:
    told = _told(_days(_grown(start, _to_ten_thousand(start), 12)))
    assert told
    assert told[0][0] - WARM <= 9


@pytest.mark.parametrize(("start", "growth"), [(500, 1.17), (50, 1.3), (500, 1.3)])
def test_other_ramps_are_told_in_their_first_week(start: float, growth: float) -> None:
    assert _told(_days(_grown(start, growth), 0.5))[0][0] - WARM <= 7


def test_it_is_told_in_the_middle_of_a_day() -> None:
    ends = {_told(_days(_grown(50, growth), noise=0))[0][0] % 1 for growth in (1.15, 1.2, 1.25, 1.3, 1.4)}
    assert ends - {0.0}


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
    assert told[0][0] <= WARM + 21


def test_a_finding_says_what_was_expected_and_where_the_rise_began() -> None:
    (_, found), *_ = _told(_days(_grown(50, 1.3), noise=0))
    assert found.fired
    assert found.score >= found.threshold == DEFAULT.ramp_score_opens
    assert found.score == round(found.score, 6)
    assert found.expected == pytest.approx(50 * found.days, rel=0.05)
    assert found.observed > 1.5 * found.expected
    assert abs(found.onset / QUARTER_MS / QUARTERS - (MONDAY + WARM)) <= 1


@pytest.mark.parametrize("weekend", [0.2, 0.5, 1.5])
@pytest.mark.parametrize("a_day", [1, 5, 50, 5_000])
@pytest.mark.parametrize("first_day", range(MONDAY, MONDAY + 7))
def test_a_weekly_season_is_no_ramp(weekend: float, a_day: float, first_day: int) -> None:
    assert _told(_days([a_day] * 70, weekend, first_day, noise=0.2), first_day) == []


def test_growth_of_one_percent_a_day_is_no_ramp() -> None:
    assert _told(_days(_grown(100, 1.01, 150), 0.5)) == []


def test_a_level_that_goes_up_and_down_by_three_percent_a_day_is_no_ramp() -> None:
    assert _told(_days([100 * 1.03 ** abs(n % 20 - 10) for n in range(120)], 0.5)) == []


def test_a_burst_of_one_day_is_the_business_of_the_spike() -> None:
    for burst in (5, 100, 10_000):
        counts = _days([40] * 60, 0.5)
        counts[40] *= burst
        assert _told(counts) == []


def test_a_burst_of_a_night_and_a_day_is_still_one_burst() -> None:
    first = MONDAY * QUARTERS
    ramp, told = Ramp(first), 0
    for n, count in enumerate(_quarters(_days([40] * 50))):
        if ramp.add(first + n, count + 500 * (163 <= n < 167)):
            told += ramp.judge(DEFAULT) is not None
    assert not told


def test_a_burst_between_two_days_that_are_only_a_little_high_is_still_a_burst_of_one_day() -> None:
    assert _told(_days([40] * 40 + [56, 4_000, 56] + [40] * 20, noise=0)) == []


def test_two_bursts_do_not_make_a_long_window_grow() -> None:
    bursts = [400, 400, 50, 50, 50, 400, 400, 50, 50, 50]
    steady, shown = days([10] * 40, 40), days([count // QUARTERS for count in bursts for _ in range(QUARTERS)], 40)
    of_steady, of_bursts = (window(each, 10, Baseline(50, 50, 1.0, 1_000), DEFAULT) for each in (steady, shown))
    assert of_steady.ratio < of_bursts.ratio < DEFAULT.ramp_ratio


def test_more_lumps_than_usual_are_not_growth_where_as_many_events_one_by_one_are() -> None:
    days = [12, 0, 0, 0] * 7 + [12, 0, 12, 12, 12, 12, 12]
    lumpy, smooth = Ramp(MONDAY * QUARTERS), Ramp(MONDAY * QUARTERS)
    for n, count in enumerate(days):
        for quarter in range(QUARTERS):
            lumpy.add((MONDAY + n) * QUARTERS + quarter, count if quarter == n % QUARTERS else 0)
            smooth.add((MONDAY + n) * QUARTERS + quarter, 3 if n >= 28 else quarter == n % QUARTERS)
    for ramp in (lumpy, smooth):
        ramp.close((MONDAY + len(days)) * QUARTERS)
    assert smooth.look(DEFAULT).fired
    assert not lumpy.look(DEFAULT).fired
    assert lumpy.look(DEFAULT).dispersion > 3 * smooth.look(DEFAULT).dispersion


def test_a_burst_before_a_ramp_does_not_hide_it() -> None:
    counts = _days(_grown(50, 1.17), 0.5)
    counts[WARM - 10] *= 100
    assert WARM <= _told(counts)[0][0] <= WARM + 8


@pytest.mark.parametrize("height", [2.5, 4, 10])
def test_a_step_to_a_level_that_stays_is_told_once(height: float) -> None:
    assert len(_told(_days([50] * 40 + [50 * height] * 100, 0.5))) == 1


def test_a_level_that_was_accepted_is_what_the_next_ramp_is_measured_against() -> None:
    told = _told(_days([50] * 40 + [250] * 24 + [250 * 1.2**n for n in range(1, 15)]))
    assert len(told) >= 2
    assert told[1][1].expected == pytest.approx(250 * told[1][1].days, rel=0.15)


def test_a_ramp_that_came_down_and_comes_back_is_told_again_against_the_days_before_the_first() -> None:
    outbreak = [50 * 1.3**n for n in range(1, 9)]
    told = _told(_days([50] * 28 + outbreak + [50] * 12 + outbreak))
    last = told[-1][1]
    assert len(told) >= 2
    assert told[-1][0] > 28 + 8 + 12
    assert last.expected == pytest.approx(50 * last.days, rel=0.15)


def _judged(counts: list[int], muted: bool = False) -> tuple[Ramp, list[float]]:
    """Return the ramp that a gate held back each time it was found, and the days on which it was found."""
    first, days = MONDAY * QUARTERS, []
    ramp = Ramp(first)
    for n, count in enumerate(_quarters(counts)):
        if ramp.add(first + n, count) and ramp.judge(DEFAULT, muted) is not None:
            ramp.hold()
            days.append(n / QUARTERS)
    return ramp, days


def test_what_was_held_back_stays_news_for_as_long_as_it_stands_and_its_baseline_stays() -> None:
    ramp, days = _judged(_days([50] * 28 + [50 * 1.2**n for n in range(12)] + [400] * 30))
    assert days[-1] >= 69
    found = ramp.look(DEFAULT)
    assert found.fired
    assert found.expected == pytest.approx(50 * found.days, rel=0.1)
    ramp.judge(DEFAULT)
    ramp.tell()
    assert not ramp.look(DEFAULT).fired


def test_a_muted_level_is_not_accepted_before_the_mute_ends() -> None:
    counts = _days([50] * 28 + [50 * 1.2**n for n in range(12)] + [400] * 30)
    first = MONDAY * QUARTERS
    open_, muted = Ramp(first), Ramp(first)
    for n, count in enumerate(_quarters(counts)):
        for ramp in (open_, muted):
            calls = ramp.add(first + n, count)
            found = ramp.judge(DEFAULT, ramp is muted and n > 45 * QUARTERS) if calls else None
            if found is not None:
                ramp.tell()
    assert open_.frozen is None
    assert muted.frozen is not None
    muted.judge(DEFAULT)
    assert muted.frozen is None


def test_a_held_ramp_that_comes_down_is_over() -> None:
    ramp, _ = _judged(_days([50] * 28 + [50 * 1.3**n for n in range(8)] + [50] * 5))
    assert ramp.frozen is None
    assert ramp.held[0] < ramp.held[1]


def test_once_it_is_over_the_next_days_are_waited_for_and_the_answer_says_so() -> None:
    ramp, _ = _judged(_days([50] * 28 + [50 * 1.3**n for n in range(8)] + [50] * 5))
    (gate,) = ramp.look(DEFAULT).gates
    assert (gate.name, gate.limit, gate.passed) == ("days since the last ramp was over", 4, False)
    assert 0 <= gate.observed < 4


def test_what_was_neither_told_nor_held_stays_news() -> None:
    counts = _days(_grown(50, 1.3, 8))
    first = MONDAY * QUARTERS
    ramp, judged = Ramp(first), []
    for n, count in enumerate(_quarters(counts)):
        if ramp.add(first + n, count):
            judged.append(ramp.judge(DEFAULT) is not None)
    assert judged.count(True) >= 3


def test_too_little_history_says_nothing_and_says_so() -> None:
    ramp = _fed([10 * 3**n for n in range(LEAST_DAYS)])
    found = ramp.look(DEFAULT)
    assert not found.fired
    assert [(gate.name, gate.observed, gate.limit) for gate in found.gates] == [
        ("days known", LEAST_DAYS - 1, LEAST_DAYS)
    ]


def test_an_error_that_grows_from_its_birth_is_told_before_two_weeks_are_known() -> None:
    told = _told(_days([50 * 1.17**n for n in range(20)], 0.5))
    assert told
    assert told[0][0] <= LEAST_DAYS + 3


def test_looking_says_which_gate_held_it_back_and_changes_nothing() -> None:
    ramp = _fed(_days([200] * 28 + [290] * 7, noise=0))
    before = ramp.pack()
    held = [gate.name for gate in ramp.look(DEFAULT).gates if not gate.passed]
    assert "times the baseline" in held
    assert ramp.pack() == before


def test_a_few_events_are_no_ramp() -> None:
    assert _told([0, 1, 0, 0, 0, 1, 0] * 5 + [1, 2, 2, 3, 3]) == []


def test_a_late_event_counts_in_its_quarter_and_asks_for_no_decision() -> None:
    ramp = Ramp(100)
    ramp.add(140)
    assert not ramp.add(130, 5)
    assert ramp.count(130) == 5
    assert ramp.count(140) == 1


def test_an_event_older_than_the_ring_changes_nothing() -> None:
    ramp = Ramp(1_000)
    before = ramp.pack()
    assert not ramp.add(1_000 - RING)
    assert ramp.pack() == before


def test_no_count_is_too_large() -> None:
    ramp = Ramp(0)
    ramp.add(0, 1 << 40)
    ramp.add(0)
    assert ramp.count(0) == 0xFFFF_FFFF


def test_a_long_silence_is_closed_at_once_and_ends_a_ramp() -> None:
    first = MONDAY * QUARTERS
    ramp = Ramp(first)
    for n, count in enumerate(_quarters(_days(_grown(50, 1.3, 8)))):
        if ramp.add(first + n, count) and ramp.judge(DEFAULT) is not None:
            ramp.tell()
    assert ramp.frozen is not None
    assert ramp.add(first + 10_000_000)
    assert ramp.judge(DEFAULT) is None
    assert ramp.frozen is None


def test_the_state_packs_small() -> None:
    first = MONDAY * QUARTERS
    sizes = []
    for start in (5, 50, 100_000):
        ramp = Ramp(first)
        for n, count in enumerate(_quarters([int(mean) for mean in _grown(start, 1.3, 12)])):
            if ramp.add(first + n, count) and ramp.judge(DEFAULT) is not None:
                ramp.tell()
        assert ramp.frozen is not None
        sizes.append(len(msgspec.msgpack.encode(ramp.pack())))
    assert sizes[0] < 200
    assert sizes[1] < 250
    assert sizes[2] < 650
    assert len(msgspec.msgpack.encode(Ramp(first).pack())) < 40
