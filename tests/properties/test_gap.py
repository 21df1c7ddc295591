"""Properties of gaps: to cross empty buckets by hours is to close each of them, whatever came before."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from premortem.domain.detection.config import DEFAULT, DetectorConfig, Rates, rates
from premortem.domain.detection.scan import Scan
from premortem.domain.detection.scan_packing import pack_scan, unpack_scan

MONDAY = 3000 * 168 * 60 + 96 * 60
SEASONAL = DetectorConfig(season_proof=0.05, prior_weight_hours=48.0)
"""Any evidence of a season is believed, so that gaps lead through hours that differ."""
YOUNG = DetectorConfig(prior_weight_hours=0.1, learning_minutes=7.0)
"""A level that knows little changes from minute to minute, and its first time does not end with a cell."""


@dataclass
class Life:
    """Counts of buckets in a row, then a gap of empty ones."""

    counts: list[int]
    gap: int


LIVES = st.lists(
    st.builds(
        Life,
        st.lists(st.sampled_from([0, 0, 0, 1, 1, 2, 7, 60]), min_size=1, max_size=40),
        st.one_of(st.integers(5, 130), st.integers(130, 1_600), st.integers(1_600, 6_000)),
    ),
    min_size=1,
    max_size=4,
)


SETTINGS = [(1, DEFAULT), (1, DEFAULT), (1, SEASONAL), (1, YOUNG), (5, DEFAULT), (5, SEASONAL), (60, DEFAULT)]


@given(st.sampled_from(SETTINGS), st.integers(0, 2_000), LIVES)
@settings(max_examples=40, deadline=None)
def test_crossing_a_gap_equals_closing_its_buckets_one_by_one(
    setting: tuple[int, DetectorConfig], start: int, lives: list[Life]
) -> None:
    bucket_minutes, config = setting
    of = rates(config, bucket_minutes)
    crossing, closing = (Scan(MONDAY // bucket_minutes + start, of) for _ in range(2))
    for life in lives:
        for scan in (crossing, closing):
            for count in life.counts:
                scan.count = count
                scan.advance(scan.level.at + 1, of, config)
        crossing.advance(crossing.level.at + life.gap, of, config)
        for _ in range(life.gap):
            closing.advance(closing.level.at + 1, of, config)
        _same(crossing, closing, of, config)


def _same(one: Scan, other: Scan, of: Rates, config: DetectorConfig) -> None:
    level, windows, dispersion = one.level, one.windows, one.windows.dispersion
    assert (level.at, level.first) == (other.level.at, other.level.first)
    for name in ("a", "b", "p", "q", "expected", "season", "proof", "hour_count", "hour_exposure"):
        _near(getattr(level, name), getattr(other.level, name), 1e-3)
    for name in ("seasonal_counts", "seasonal_exposure", "factors"):
        _all_near(getattr(level, name), getattr(other.level, name), 1e-3)
    for name in ("recent", "counts", "sums", "largest", "open_count"):
        assert getattr(windows, name) == getattr(other.windows, name), name
    _all_near([*windows.means, windows.open_mean], [*other.windows.means, other.windows.open_mean], 1e-3)
    _all_near(windows.totals, other.windows.totals, 1e-3)
    for j in range(len(of.buckets)):
        phi, expected = dispersion.phi(j, of, config), other.windows.dispersion.phi(j, of, config)
        _near(phi, expected, 5e-3)
        _all_near(dispersion.waiting[j], other.windows.dispersion.waiting[j], 1e-3)
    assert (one.peaks.hours, one.peaks.counts) == (other.peaks.hours, other.peaks.counts)
    _near(one.tail.factor, other.tail.factor, 1e-2)


def _all_near(some: object, others: object, share: float) -> None:
    for left, right in zip(some, others, strict=True):  # type: ignore[call-overload]
        _near(left, right, share)


def _near(one: float, other: float, share: float) -> None:
    assert abs(one - other) <= share * max(1.0, abs(one), abs(other)), (one, other)


@given(st.integers(1, 4_000), st.integers(1, 4_000))
@settings(max_examples=20, deadline=None)
def test_a_scan_that_was_packed_before_a_gap_comes_out_of_it_bit_for_bit_the_same(before: int, gap: int) -> None:
    of = rates(DEFAULT)
    scan = Scan(MONDAY, of)
    for count in (9, 0, 3):
        scan.count = count
        scan.advance(scan.level.at + before, of, DEFAULT)
    again = unpack_scan(pack_scan(scan))
    for each in (scan, again):
        each.count = 2
        each.advance(each.level.at + gap, of, DEFAULT)
    assert pack_scan(scan) == pack_scan(again)
