"""The exact conditional test of two rates and the interval of their ratio."""

from fractions import Fraction
from math import comb, exp, factorial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from premortem.domain.evaluation.power import ALPHA, RESIDUE, alpha_of, needed_exposure
from premortem.domain.evaluation.rates import at_most, fewer, highest_ratio, lowest_ratio, more, ratio_of

COUNTS = st.integers(0, 60)
EXPOSURES = st.integers(1, 10_000)


def exactly(before: int, before_exposure: int, after: int, after_exposure: int) -> Fraction:
    """Return the chance of `after` events or fewer on the one side, in whole numbers."""
    share = Fraction(after_exposure, before_exposure + after_exposure)
    total = before + after
    return sum((comb(total, n) * share**n * (1 - share) ** (total - n) for n in range(after + 1)), Fraction())


@given(COUNTS, EXPOSURES, COUNTS, EXPOSURES)
def test_the_chance_of_so_few_events_or_fewer_is_that_of_the_binomial_given_the_total(
    before: int, before_exposure: int, after: int, after_exposure: int
) -> None:
    exact = exactly(before, before_exposure, after, after_exposure)
    assert fewer(before, before_exposure, after, after_exposure) == pytest.approx(float(exact), abs=1.5e-6)
    so_many = 1 - exactly(before + 1, before_exposure, after - 1, after_exposure) if after else 1
    assert more(before, before_exposure, after, after_exposure) == pytest.approx(float(so_many), abs=1.5e-6)


@given(COUNTS, EXPOSURES, st.integers(1, 60), EXPOSURES, st.integers(2, 50))
def test_a_unit_of_exposure_changes_nothing_and_fewer_events_are_rarer(
    before: int, before_exposure: int, after: int, after_exposure: int, unit: int
) -> None:
    chance = fewer(before, before_exposure, after, after_exposure)
    assert fewer(before, unit * before_exposure, after, unit * after_exposure) == pytest.approx(chance, abs=1.5e-6)
    assert fewer(before, before_exposure, after - 1, after_exposure) <= chance
    assert more(before, before_exposure, after - 1, after_exposure) >= more(
        before, before_exposure, after, after_exposure
    )


def test_shares_have_the_bounds_of_the_published_tables() -> None:
    """Clopper and Pearson's 95 % interval of 3 in 10 is 0.0667 to 0.6525, and that of 0 in 10 ends at 0.3085."""
    low, high = lowest_ratio(7, 1, 3, 1, 0.025), highest_ratio(7, 1, 3, 1, 0.025)
    assert high is not None
    assert (low / (1 + low), high / (1 + high)) == (pytest.approx(0.0667, abs=5e-5), pytest.approx(0.6525, abs=5e-5))
    none = highest_ratio(10, 1, 0, 1, 0.025)
    assert none is not None
    assert none / (1 + none) == pytest.approx(0.3085, abs=5e-5)
    assert lowest_ratio(10, 1, 0, 1, 0.025) == 0.0


@pytest.mark.parametrize(("events", "low", "high"), [(0, 0.0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.39)])
def test_against_a_rate_that_is_known_the_bounds_are_garwoods(events: int, low: float, high: float) -> None:
    known = 10**9
    assert lowest_ratio(known, known, events, 1, 0.025) == pytest.approx(low, abs=1e-3)
    assert highest_ratio(known, known, events, 1, 0.025) == pytest.approx(high, abs=6e-3)


@given(st.integers(1, 60), EXPOSURES, COUNTS, EXPOSURES)
def test_the_bounds_are_where_the_test_begins_to_reject(
    before: int, before_exposure: int, after: int, after_exposure: int
) -> None:
    ratio = ratio_of(before, before_exposure, after, after_exposure)
    low = lowest_ratio(before, before_exposure, after, after_exposure, 0.025)
    high = highest_ratio(before, before_exposure, after, after_exposure, 0.025)
    assert ratio is not None
    assert high is not None
    assert low <= ratio + 1e-6
    assert high >= ratio - 1e-6
    assert fewer(before, before_exposure, after, after_exposure, high * 1.001 + 1e-5) <= 0.0251
    if after:
        assert more(before, before_exposure, after, after_exposure, low) == pytest.approx(0.025, abs=2e-3)


def test_without_events_before_there_is_no_ratio_and_nothing_is_few() -> None:
    assert ratio_of(0, 10, 5, 10) is None
    assert highest_ratio(0, 10, 5, 10, 0.025) is None
    assert fewer(0, 10, 5, 10) == more(5, 10, 0, 10) == 1.0


@given(st.integers(0, 30), st.floats(0.01, 30))
def test_the_chance_of_a_poisson_count_is_the_sum_of_its_terms(count: int, mean: float) -> None:
    assert at_most(count, mean) == pytest.approx(sum(exp(-mean) * mean**n / factorial(n) for n in range(count + 1)))


# -------------------------------------------------------------------------------------------------------- exposure
@given(st.floats(4, 5_000), st.integers(100, 100_000), st.sampled_from([0, 1, 4]))
def test_the_exposure_that_is_fixed_beforehand_tells_a_fall_to_a_tenth_four_times_in_five(
    events: float, exposure: int, weeks: int
) -> None:
    needed = needed_exposure(events, exposure, weeks)
    rate = events / exposure
    before = (rate * weeks * needed, weeks * needed) if weeks else (events, exposure)
    told = [n for n in range(int(RESIDUE * rate * needed) + 1) if fewer(*before, n, needed) <= alpha_of(0)]
    assert told
    if weeks or needed <= 64 * exposure:
        slack = 0.05 if needed < 1_000 else 1e-3  # it is a whole number of sessions or minutes
        assert at_most(max(told), 0.1 * rate * needed) >= 0.8 - slack


def test_a_single_event_before_needs_silence_that_is_long_enough_to_say_something() -> None:
    needed = needed_exposure(1, 100)
    assert fewer(1, 100, 0, needed) <= alpha_of(0) < fewer(1, 100, 0, needed * 0.98)


def test_without_events_before_no_exposure_is_enough() -> None:
    assert needed_exposure(0, 100) == needed_exposure(5, 0) == 1 << 53


def test_all_looks_together_spend_one_alpha() -> None:
    assert sum(alpha_of(look) for look in range(60)) <= ALPHA
