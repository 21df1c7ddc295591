"""Distinct users: few are counted exactly, many nearly, in the same small state."""

import math
from hashlib import blake2b

import pytest

from premortem.domain.detection import users
from premortem.domain.detection.users import BITS, PERIOD_MINUTES, SATURATED, UsersWindow


def _hash(n: int) -> str:
    """Return what the gateway makes of a user's id."""
    return blake2b(str(n).encode(), digest_size=16).hexdigest()


def _bitmap(start: int, count: int) -> int:
    bitmap = 0
    for n in range(start, start + count):
        bitmap = users.add(bitmap, _hash(n))
    return bitmap


def test_nobody_is_nobody_and_one_user_is_one_however_often_they_come() -> None:
    assert users.estimate(0) == 0
    for n in range(50):
        bitmap = users.add(0, _hash(n))
        assert users.estimate(users.add(bitmap, _hash(n))) == 1


def test_two_users_are_two_but_for_one_pair_in_five_hundred() -> None:
    wrong = sum(users.estimate(_bitmap(2 * n, 2)) != 2 for n in range(4_000))
    assert wrong <= 4_000 / BITS * 2


@pytest.mark.parametrize("count", [5, 20, 100, 500, 1_000, 2_000])
def test_the_error_is_the_one_that_the_paper_gives(count: int) -> None:
    t = count / BITS
    standard_error = math.sqrt(BITS * (math.exp(t) - t - 1))
    errors = [users.estimate(_bitmap(10_000 * n, count)) - count for n in range(60)]
    assert abs(sum(errors) / len(errors)) <= max(0.5, 0.6 * standard_error)
    assert math.sqrt(sum(e * e for e in errors) / len(errors)) <= 1.4 * standard_error + 0.3


def test_a_full_bitmap_says_the_most_that_it_can_say() -> None:
    assert users.estimate((1 << BITS) - 1) == SATURATED == 3_549
    assert users.estimate(_bitmap(0, 20_000)) == SATURATED


def test_no_estimate_hangs_on_the_last_digit_of_a_logarithm() -> None:
    exact = [BITS * math.log(BITS / zeros) for zeros in range(1, BITS + 1)]
    assert min(abs(value % 1 - 0.5) for value in exact) > 1e-6


def test_a_user_has_the_same_bit_on_every_machine() -> None:
    assert users.add(0, "00ff") == 1 << 0x61
    assert users.add(0, "a" * 32) == 1 << 375


def test_a_bitmap_packs_to_two_bytes_a_user_and_never_more_than_64() -> None:
    for count, size in ((0, 0), (1, 2), (10, 20), (5_000, 64)):
        bitmap = _bitmap(0, count)
        assert len(users.pack(bitmap)) == size
        assert users.unpack(users.pack(bitmap)) == bitmap


def test_a_window_holds_the_open_period_and_the_one_before() -> None:
    window = UsersWindow()
    start = 100_000 * PERIOD_MINUTES
    window.add(start, _hash(1))
    window.add(start + PERIOD_MINUTES, _hash(2))
    assert window.estimate(start + PERIOD_MINUTES) == 2
    window.add(start + 2 * PERIOD_MINUTES, _hash(3))
    assert window.estimate(start + 2 * PERIOD_MINUTES) == 2


def test_a_user_of_both_periods_is_one_user() -> None:
    window = UsersWindow()
    window.add(PERIOD_MINUTES, _hash(1))
    window.add(2 * PERIOD_MINUTES, _hash(1))
    assert window.estimate(2 * PERIOD_MINUTES) == 1


def test_who_came_before_a_long_silence_is_not_counted_after_it() -> None:
    window = UsersWindow()
    window.add(0, _hash(1))
    assert window.estimate(PERIOD_MINUTES) == 1
    assert window.estimate(2 * PERIOD_MINUTES) == 0
    window.add(2 * PERIOD_MINUTES, _hash(2))
    assert window.estimate(2 * PERIOD_MINUTES) == 1


def test_a_late_user_counts_in_the_period_before_and_not_in_an_older_one() -> None:
    window = UsersWindow()
    window.add(5 * PERIOD_MINUTES, _hash(1))
    window.add(4 * PERIOD_MINUTES, _hash(2))
    assert window.estimate(5 * PERIOD_MINUTES) == 2
    window.add(3 * PERIOD_MINUTES, _hash(3))
    assert window.estimate(5 * PERIOD_MINUTES) == 2
