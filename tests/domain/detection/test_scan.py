"""What the spike scan learns, what it refuses to learn, and when a window may fire."""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from premortem.domain.detection.config import DEFAULT, Rates, rates
from premortem.domain.detection.scan import Finding, Scan
from premortem.domain.detection.scan_packing import pack_scan, unpack_scan

MINUTES = rates(DEFAULT, 1)
FIVES = rates(DEFAULT, 5)
MONDAY = 96 * 12 + 3000 * 168 * 12
"""A Monday 00:00 UTC, in buckets of five minutes."""
DAY = 288


def new_scan(at: int = MONDAY, of: Rates = FIVES, since: int | None = None) -> Scan:
    scan = Scan(at, of, since)
    scan.open(of, DEFAULT)
    return scan


def live(scan: Scan, counts: Iterable[int], of: Rates = FIVES, tells: bool = False) -> list[Finding]:
    """Let the scan live through buckets with these counts; return what fired, and tell it if asked to."""
    fired = []
    for count in counts:
        scan.count = count
        found = strongest(scan, of) if count else None
        if found is not None:
            fired.append(found)
            if tells and found.score >= scan.threshold(DEFAULT.score_opens, DEFAULT):
                scan.tell(found)
        scan.advance(scan.level.at + 1, of, DEFAULT)
    return fired


def strongest(scan: Scan, of: Rates = FIVES) -> Finding | None:
    firing = [found for found in scan.look(DEFAULT.score_opens, of, DEFAULT) if found.fires(DEFAULT)]
    return max(firing, key=lambda found: found.score, default=None)


def dispersions(scan: Scan, of: Rates = FIVES) -> list[float]:
    return [scan.windows.dispersion.phi(j, of, DEFAULT) for j in range(len(of.buckets))]


def score_of(scan: Scan, count: int, width: int = 0, of: Rates = FIVES) -> float:
    """Return the score that a window has with `count` events in the open bucket."""
    scan.count = count
    score = scan.look(DEFAULT.score_opens, of, DEFAULT)[width].score
    scan.count = 0
    return score


# ------------------------------------------------------------------------------------------- protected baseline
def test_an_outage_teaches_neither_level_nor_dispersion_once_it_is_told() -> None:
    told, untold = new_scan(), new_scan()
    for scan in (told, untold):
        live(scan, [2, 0, 1, 1] * (3 * DAY // 4))
    before, expected = dispersions(told), told.level.expected
    live(told, [60] * 24, tells=True)
    live(untold, [60] * 24)
    assert all(after <= 1.05 * first for first, after in zip(before, dispersions(told), strict=True))
    assert told.level.expected == pytest.approx(expected, rel=0.05)
    assert dispersions(untold)[0] > 3 * before[0]
    assert untold.level.expected > 1.1 * expected


def test_a_job_that_fails_every_night_is_learned_although_it_opened_incidents() -> None:
    scan = new_scan()
    opened = [len(live(scan, [40 if n == 36 else 0 for n in range(DAY)], tells=True)) for _ in range(9)]
    assert opened[0] > 0
    assert opened[3:] == [0] * 6


def test_an_outage_of_days_leaves_no_peaks_but_those_of_its_beginning() -> None:
    scan = new_scan()
    live(scan, [1, 0] * DAY)
    began = scan.level.at // 12
    live(scan, [50] * 240, tells=True)
    width = len(scan.peaks.counts) // len(scan.peaks.hours)
    loud = [hour for n, hour in enumerate(scan.peaks.hours) if scan.peaks.counts[n * width] >= 50]
    assert loud == [began, began + 1]


# ---------------------------------------------------------------------------------------------------- a new life
def test_the_first_hour_is_judged_by_no_window() -> None:
    scan = new_scan()
    assert live(scan, [50] * 12) == []
    assert live(scan, [50] * 12) == []
    scan.count = 5_000
    assert [found.score > 0 for found in scan.look(5.0, FIVES, DEFAULT)] == [True, True, True, False]


def test_nor_does_it_make_the_scan_ask_more_than_once_a_bucket() -> None:
    scan = new_scan()
    asked = 0
    for n in range(12 * 30):
        if scan.add(MONDAY + n // 30, FIVES, DEFAULT):
            asked += 1
            assert scan.judge(DEFAULT.score_opens, FIVES, DEFAULT) is None
    assert asked <= 12


def test_a_fingerprint_that_was_known_long_before_its_baseline_was_made_is_judged_at_once() -> None:
    scan = new_scan(since=MONDAY - 40 * DAY)
    assert score_of(scan, 40) > DEFAULT.score_opens


def test_a_busy_first_hour_is_the_prior_and_a_quiet_one_leaves_it() -> None:
    busy, quiet = new_scan(), new_scan()
    live(busy, [100] * 12)
    live(quiet, [2, *[0] * 11])
    assert busy.level.expected == pytest.approx(100)
    assert quiet.level.expected == pytest.approx((4.8 + 2) / 25 / 12, rel=0.01)


def test_a_young_fingerprint_must_rise_further_than_an_old_one() -> None:
    scan = new_scan()
    live(scan, [5] * 2 * DAY)
    young = score_of(scan, 25)
    live(scan, [5] * 19 * DAY)
    assert young < DEFAULT.score_opens < score_of(scan, 25)


def test_one_peak_explains_the_next_to_the_young_and_to_the_old_only_a_second_one() -> None:
    for days, explained in ((3, True), (12, False)):
        scan = new_scan()
        live(scan, [0, 1] * (days * DAY // 2))
        live(scan, [30, *[0] * (DAY - 1)], tells=True)
        scan.count = 30
        assert (strongest(scan) is None) is explained


# -------------------------------------------------------------------------------------------------------- season
def test_a_season_is_believed_when_it_has_predicted_and_not_before() -> None:
    diurnal, flat = new_scan(), new_scan()
    day = [12 if 96 <= n < 192 else 2 for n in range(DAY)]
    live(diurnal, day)
    assert diurnal.level.trust == 0
    live(diurnal, day * 13)
    live(flat, [5, 7, 3, 5] * (14 * DAY // 4))
    assert diurnal.level.trust == 1
    assert diurnal.level.factor(diurnal.level.at + 144, FIVES) > 3 * diurnal.level.factor(diurnal.level.at, FIVES)
    assert flat.level.trust < 0.2
    assert flat.level.factor(flat.level.at + 144, FIVES) == pytest.approx(1, abs=0.05)


def test_evidence_against_a_season_does_not_pile_up_for_ever() -> None:
    scan = new_scan()
    for _ in range(10):
        live(scan, [9 if 96 <= n < 192 else 1 for n in range(DAY)])
        live(scan, [1 if 96 <= n < 192 else 9 for n in range(DAY)])
    assert scan.level.proof >= -DEFAULT.season_proof


# ---------------------------------------------------------------------------------------------------------- tail
def test_a_fingerprint_of_bursts_has_its_scores_shortened() -> None:
    bursty, calm = new_scan(), new_scan()
    for day in range(14):
        for hour in range(24):
            burst = 14 if (day * 24 + hour) % 17 == 5 else 1
            live(bursty, [burst, *[1] * 11])
        live(calm, [1] * DAY)
    assert bursty.tail.factor > 1.2
    assert calm.tail.factor == 1
    bursty.count = 60
    found = bursty.look(5.0, FIVES, DEFAULT)[0]
    assert found.tail == pytest.approx(bursty.tail.factor, abs=1e-6)
    easing = found.tail
    bursty.tail.factor = 1.0
    raw = bursty.look(5.0, FIVES, DEFAULT)[0].score
    assert found.score == pytest.approx(2.5 + (raw - 2.5) / easing, abs=1e-5)


def test_one_outage_says_little_about_the_tail_however_high_it_scores() -> None:
    scan = new_scan()
    live(scan, [1] * 7 * DAY)
    live(scan, [500] * 6, tells=True)
    live(scan, [1] * DAY)
    assert 1 <= scan.tail.factor < 1.4


# ------------------------------------------------------------------------------------------------------- traffic
def test_a_surge_of_traffic_is_no_outage_and_one_in_a_quiet_hour_is() -> None:
    scan = new_scan()
    live(scan, [10] * 21 * DAY)
    at = scan.level.at
    scan.open(FIVES, DEFAULT, (5.0,) * 4)
    scan.count = 50
    assert strongest(scan) is None
    assert [found.exposure for found in scan.look(5.0, FIVES, DEFAULT)] == [5.0] * 4
    scan.open(FIVES, DEFAULT)
    assert strongest(scan) is not None
    scan.open(FIVES, DEFAULT, (0.1,) * 4)
    scan.count = 10
    found = strongest(scan)
    assert found is not None
    assert found.expected == pytest.approx(0.1 * found.observed, rel=0.05)
    assert scan.level.at == at


def test_the_level_learns_the_rate_at_usual_traffic() -> None:
    usual, surging = new_scan(), new_scan()
    live(usual, [10] * DAY)
    live(surging, [10] * DAY)
    for _ in range(DAY):
        usual.count, surging.count = 10, 30
        usual.advance(usual.level.at + 1, FIVES, DEFAULT)
        surging.advance(surging.level.at + 1, FIVES, DEFAULT, (3.0,) * 4)
    assert surging.level.expected == pytest.approx(usual.level.expected, rel=0.01)
    assert dispersions(surging)[0] == pytest.approx(dispersions(usual)[0], rel=0.1)


def test_a_wild_ratio_is_bounded_and_a_gap_has_none() -> None:
    scan = new_scan()
    scan.open(FIVES, DEFAULT, (0.0, 1.0, 1e9, 2.0))
    assert scan.exposure == (0.05, 1.0, 20.0, 2.0)
    scan.advance(scan.level.at + 3, FIVES, DEFAULT)
    assert scan.exposure is None


def test_the_ratio_is_fixed_when_the_bucket_opens() -> None:
    scan = new_scan()
    scan.add(MONDAY + 1, FIVES, DEFAULT, (2.0,) * 4)
    scan.add(MONDAY + 1, FIVES, DEFAULT, (9.0,) * 4)
    assert scan.exposure == (2.0,) * 4


# ------------------------------------------------------------------------------------------------- hot path, state
@given(
    st.lists(st.integers(0, 9), min_size=12, max_size=80),
    st.integers(0, 3_000),
    st.sampled_from([None, (0.3,) * 5, (4.0, 4.0, 2.0, 2.0, 1.0)]),
    st.sampled_from([1.0, 1.7]),
)
@settings(max_examples=60, deadline=None)
def test_event_by_event_the_limits_find_the_very_event_with_which_a_window_fires(
    counts: list[int], gap: int, exposure: tuple[float, ...] | None, tail: float
) -> None:
    scan = new_scan(MONDAY * 5, MINUTES, since=MONDAY * 5 - 5_000)
    live(scan, counts, MINUTES)
    scan.tail.factor = tail
    scan.advance(scan.level.at + gap + 1, MINUTES, DEFAULT, exposure)
    for _ in range(120):
        asks = scan.add(scan.level.at, MINUTES, DEFAULT)
        judged = scan.judge(DEFAULT.score_opens, MINUTES, DEFAULT) if asks else None
        shown = strongest(scan, MINUTES)
        assert (judged is None) == (shown is None)
        if judged is not None:
            assert judged == shown
            return


def test_a_packed_scan_is_the_same_scan_and_small() -> None:
    scan = new_scan(MONDAY * 5, MINUTES)
    for day in range(9):
        live(scan, [(n * n + day) % 7 // 5 for n in range(1_440)], MINUTES)
        live(scan, [9] * 30, MINUTES, tells=True)
    scan.open(MINUTES, DEFAULT, (1.5,) * 5)
    packed = pack_scan(scan)
    again = unpack_scan(packed)
    assert pack_scan(again) == packed
    assert len(packed) < 6_000
    assert again.look(5.0, MINUTES, DEFAULT) == scan.look(5.0, MINUTES, DEFAULT)
    live(scan, [3, 0, 40, 1] * 20, MINUTES)
    live(again, [3, 0, 40, 1] * 20, MINUTES)
    assert pack_scan(again) == pack_scan(scan)
