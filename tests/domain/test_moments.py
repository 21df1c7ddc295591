"""Moments as a person reads them, without a clock."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from premortem.domain.moments import length, utc


@given(st.integers(0, 253_402_300_799_999))
def test_a_moment_is_what_the_calendar_says(at: int) -> None:
    assert utc(at) == datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S").rjust(19, "0")


def test_what_lies_outside_the_calendar_is_shown_as_its_end() -> None:
    assert utc(-5) == "1970-01-01 00:00:00"
    assert utc(1 << 62) == "9999-12-31 23:59:59"


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [
        (0, "0 s"),
        (340, "0.3 s"),
        (8_000, "8 s"),
        (250_000, "4 min 10 s"),
        (3_600_000, "1 h"),
        (3_605_000, "1 h"),
        (183_600_000, "2 d 3 h"),
        (-61_000, "-1 min 1 s"),
    ],
)
def test_a_length_of_time_is_told_by_its_two_largest_units(milliseconds: int, said: str) -> None:
    assert length(milliseconds) == said
