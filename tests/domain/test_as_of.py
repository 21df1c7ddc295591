"""What was known at a moment, and how a moment is written."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from premortem.domain.as_of import AsOf, as_of, known, not_yet, state
from premortem.domain.moments import parsed, utc
from premortem.domain.timeline import HumanResponded, IncidentFact, encode
from premortem.ports import StoredFact
from tests.builders import NOW, detected
from tests.workers.bench import about


def row(offset: int, fact: IncidentFact) -> StoredFact:
    return StoredFact(fact.incident_id, fact.id, 0, offset, type(fact).__name__, fact.occurred_at, encode(fact))


ROWS = [
    row(3, detected()),
    row(7, about(HumanResponded, id="slow", occurred_at=NOW + 50, by="ann", text="mine", action="acknowledge")),
    row(9, about(HumanResponded, id="note", occurred_at=NOW + 20, by="bob", text="a note")),
]


@pytest.mark.parametrize(
    ("text", "offsets"),
    [
        (str(NOW - 1), []),
        (str(NOW), [3]),
        (str(NOW + 20), [3, 9]),
        (str(NOW + 50), [3, 7, 9]),
        ("offset:2", []),
        ("offset:3", [3]),
        ("offset:8", [3, 7]),
        ("offset:999", [3, 7, 9]),
    ],
)
def test_a_time_takes_what_had_happened_in_the_logs_order_and_a_place_takes_what_stood_before_it(
    text: str, offsets: list[int]
) -> None:
    assert [each.offset for each in known(ROWS, as_of(text))] == offsets


def test_the_state_then_is_the_fold_of_what_was_known() -> None:
    before, after = state(known(ROWS, AsOf(at=NOW + 20))), state(known(ROWS, AsOf(offset=7)))
    assert before is not None
    assert after is not None
    assert (before.acknowledged_by, after.acknowledged_by) == (None, "ann")
    assert state(known(ROWS, AsOf(at=NOW - 1))) is None


def test_what_did_not_exist_yet_says_from_when_on_it_did() -> None:
    said = not_yet("one", ROWS, AsOf(at=NOW - 1))
    assert said == (
        f"As of {utc(NOW - 1)} UTC there was no incident one yet. It was opened at {utc(NOW)} UTC, offset 3: "
        "ask as of then."
    )


@given(st.integers(86_400, 253_402_200_000), st.sampled_from("T "))
def test_a_moment_is_read_as_it_is_written(seconds: int, between: str) -> None:
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S").rjust(19, "0")
    written = text.replace(" ", between)
    assert parsed(written) == parsed(f"{written}Z") == parsed(f"{written}.000+00:00") == seconds * 1000
    assert parsed(f"{written}.25-01:30") == seconds * 1000 + 90 * 60_000 + 250
    assert utc(seconds * 1000) == text


def test_a_moment_may_be_a_day_or_minutes_or_milliseconds() -> None:
    assert parsed("2026-11-25") == parsed("2026-11-25T00:00") == parsed("1795564800000")
    assert parsed("2026-11-25T04:12+01:00") == parsed("2026-11-25T03:12")


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-02-30", "2026-13-01", "2026-00-10", "1969-12-31", "2026-11-25T24:00", "2026-11-25T3:12", "12345",
     "9" * 16, "offset:", "offset:-1", "offset:x", "2026-11-25T03:12 ", "٢٠٢٦-١١-٢٥"],
)  # fmt: skip
def test_what_is_no_moment_says_how_one_is_written(text: str) -> None:
    with pytest.raises(ValueError, match="Write it like"):
        as_of(text)
