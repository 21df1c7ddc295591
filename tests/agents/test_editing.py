"""Edits: each in a place that is the only one, and what a change brought taken out again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from premortem.agents.checks.texts import applied
from premortem.agents.editing import NotRevertible, Versions, edits_to, reverted

CART = "".join(f"line {n}\n" for n in range(40))


def after(text: str, edits: object) -> str | None:
    (change,) = applied(edits, {"a.py": text})  # type: ignore[arg-type]
    return change.after


def test_a_change_is_taken_out_of_a_text_that_went_on_elsewhere() -> None:
    changed = CART.replace("line 20\n", "line twenty\nand more\n")
    now = changed.replace("line 3\n", "line three\n")
    edits = reverted([Versions("a.py", CART, changed, now)])
    assert after(now, edits) == CART.replace("line 3\n", "line three\n")


def test_several_places_and_a_text_that_stands_twice_get_the_context_that_they_need() -> None:
    text = "a\nx = 1\nb\n" + "\n" * 30 + "c\nx = 1\nd\n"
    changed = text.replace("b\n", "b\nx = 1\n", 1).replace("d\n", "x = 2\nd\n", 1)
    assert after(changed, reverted([Versions("a.py", text, changed, changed)])) == text


def test_what_was_written_since_at_the_same_place_is_not_overwritten() -> None:
    changed = CART.replace("line 20\n", "line twenty\n")
    now = changed.replace("line twenty\n", "line 20, again another\n")
    with pytest.raises(NotRevertible, match=r"a\.py, line 21"):
        reverted([Versions("a.py", CART, changed, now)])


def test_a_file_that_the_change_brought_goes_and_one_that_it_took_comes_back() -> None:
    edits = reverted([Versions("new.py", None, "x\n", "x\n"), Versions("old.py", "y\n", None, None)])
    changes = applied(edits, {"new.py": "x\n", "old.py": None})
    assert [(change.path, change.after) for change in changes] == [("new.py", None), ("old.py", "y\n")]


@pytest.mark.parametrize(
    "versions",
    [
        Versions("a.py", None, "x\n", "x\ny\n"),
        Versions("a.py", "y\n", None, "z\n"),
        Versions("a.py", "x\n", "y\n", None),
    ],
)
def test_a_file_that_went_another_way_since_is_left_alone(versions: Versions) -> None:
    with pytest.raises(NotRevertible):
        reverted([versions])


lines = st.lists(st.sampled_from(["a", "b", "c", "d", "", "  e"]), max_size=25).map(
    lambda found: "".join(f"{x}\n" for x in found)
)


@given(lines, lines)
def test_whatever_is_edited_the_edits_give_exactly_the_text_that_was_wanted(now: str, wanted: str) -> None:
    try:
        edits = edits_to("a.py", now, wanted)
    except NotRevertible:
        return
    assert (after(now, edits) or "" if edits else now) == wanted


@given(lines, lines)
def test_taking_a_change_out_never_gives_another_text_than_before_where_nothing_else_changed(
    before: str, changed: str
) -> None:
    if not before or not changed:
        return
    try:
        edits = reverted([Versions("a.py", before, changed, changed)])
    except NotRevertible:
        return
    assert (after(changed, edits) if edits else changed) == before
