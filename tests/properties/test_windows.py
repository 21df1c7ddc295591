"""Properties of the windows: what they hold, what they should hold, and how their residuals are sampled."""

from hypothesis import given, settings
from hypothesis import strategies as st

from premortem.domain.detection.config import DEFAULT, rates
from premortem.domain.detection.dispersion import Dispersion
from premortem.domain.detection.stretch import Stretch, spread
from premortem.domain.detection.windows import Windows

HOUR = 60 * 480_000
BUCKETS = st.lists(st.tuples(st.sampled_from([0, 0, 0, 1, 2, 30]), st.floats(0.01, 3.0)), min_size=1, max_size=420)


@given(st.sampled_from([1, 5]), st.integers(0, 59), BUCKETS, st.integers(0, 9), st.floats(0.01, 3.0))
@settings(max_examples=60, deadline=None)
def test_a_window_holds_its_buckets_and_should_hold_what_its_cells_should(
    bucket_minutes: int, start: int, buckets: list[tuple[int, float]], now: int, expected: float
) -> None:
    of, at = rates(DEFAULT, bucket_minutes), HOUR + start
    windows, counts, means = Windows(of), dict[int, int](), dict[int, float]()
    for count, mean in buckets:
        counts[at], means[at] = count, mean
        at += 1
        windows.close(count, mean, at, True, None, of, DEFAULT)
    counts[at] = now
    opens = at - at % of.cell
    for j, width in enumerate(of.buckets):
        begin = at + 1 - width if j < of.fine else opens + of.cell - width
        assert windows.held(j, now, of) == sum(counts.get(bucket, 0) for bucket in range(begin, at + 1))
        still = 1 if j < of.fine else of.cell - at % of.cell
        _near(windows.total(j, at, expected, of), _shared(means, begin, at, of.cell) + expected * still)


def _shared(means: dict[int, float], begin: int, at: int, cell: int) -> float:
    """Return what the buckets from `begin` to before `at` should hold, when those of a cell should hold the same."""
    total = 0.0
    for bucket in range(begin, at):
        opens = bucket - bucket % cell
        inside = range(opens, min(opens + cell, at))
        total += sum(means.get(each, 0.0) for each in inside) / len(inside)
    return total


@given(st.sampled_from([1, 5]), st.integers(0, 59), BUCKETS)
@settings(max_examples=60, deadline=None)
def test_a_window_is_sampled_every_quarter_of_its_width(
    bucket_minutes: int, start: int, buckets: list[tuple[int, float]]
) -> None:
    of, at = rates(DEFAULT, bucket_minutes), HOUR + start
    windows, sampled = Windows(of), Dispersion(of)
    counts, means = dict[int, int](), dict[int, float]()
    for count, mean in buckets:
        counts[at], means[at] = count, mean
        at += 1
        windows.close(count, mean, at, True, None, of, DEFAULT)
        for j, width in enumerate(of.buckets):
            if at % max(1, of.cell, width // 4 // of.cell * of.cell) == 0 or width < of.cell:
                held = sum(counts.get(bucket, 0) for bucket in range(at - width, at))
                weight = sum(means.get(bucket, 0.0) for bucket in range(at - width, at))
                sampled.take(j, held, weight, True, of, DEFAULT)
    for j in range(len(of.buckets)):
        _near(windows.dispersion.phi(j, of, DEFAULT), sampled.phi(j, of, DEFAULT))


def _near(one: float, other: float) -> None:
    assert abs(one - other) <= 1e-9 * max(1.0, abs(one)), (one, other)


@given(st.integers(0, 4), st.lists(st.tuples(st.integers(0, 9), st.floats(0.0, 9.0)), max_size=40))
def test_a_sample_counts_once_its_window_has_passed_by(j: int, samples: list[tuple[int, float]]) -> None:
    of, dispersion = rates(DEFAULT), Dispersion(rates(DEFAULT))
    for held, weight in samples:
        dispersion.take(j, held, weight, True, of, DEFAULT)
    counted = samples[: max(0, len(samples) - of.lags[j])]
    squares = weights = 0.0
    for held, weight in counted:
        squares = squares * of.phi_decays[j] + (held - weight) ** 2
        weights = weights * of.phi_decays[j] + weight
    _near(dispersion.squares[j], squares)
    _near(dispersion.weights[j], weights)
    assert dispersion.waiting[j][1::2] == [weight for _, weight in samples[len(counted) :]]


@given(st.integers(1, 4), st.lists(st.floats(0.0, 9.0), max_size=40), st.integers(0, 40))
def test_many_samples_of_an_empty_window_are_taken_at_once(j: int, weights: list[float], cut: int) -> None:
    of = rates(DEFAULT)
    swept, taken = Dispersion(of), Dispersion(of)
    for each in weights[:cut]:
        swept.take(j, 3, each, True, of, DEFAULT)
        taken.take(j, 3, each, True, of, DEFAULT)
    swept.take_empty(j, weights[cut:], of)
    for each in weights[cut:]:
        taken.take(j, 0, each, True, of, DEFAULT)
    _near(swept.squares[j], taken.squares[j])
    _near(swept.weights[j], taken.weights[j])
    assert swept.waiting == taken.waiting


@given(st.integers(3, 60), st.tuples(*[st.floats(0.0, 9.0)] * 3), st.integers(0, 60), st.integers(1, 7))
def test_sums_over_a_stretch_are_those_of_its_buckets(
    count: int, nodes: tuple[float, float, float], start: int, stride: int
) -> None:
    first, middle, last = nodes
    curve = [middle + t * ((last - first) / 2 + (first - 2 * middle + last) / 2 * t) for t in spread(count)]
    stretch = Stretch(count, 0.0, 0.0, first, middle, last)
    for each in (stretch, Stretch(count, 0.0, 0.0, first, middle, last, curve)):
        for mean, expected in zip(each.means(), curve, strict=True):
            _near(mean, expected)
        _near(each.sum(min(start, count), count), sum(curve[start:]))
        cells = [sum(curve[n : n + stride]) for n in range(start, count - stride + 1, stride)]
        for cell, expected in zip(each.cells(start, stride), cells, strict=True):
            _near(cell, expected)
