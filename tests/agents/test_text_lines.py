"""Lines are those of git, diffs are those that git applies, and no file is so odd or so large that it takes long."""

import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from premortem.agents.checks.texts import Changed, applied, unified
from premortem.agents.editing import NotRevertible, Versions, reverted
from premortem.agents.patch_texts import hunks
from premortem.agents.text_lines import differences, lines_of
from premortem.domain.evidence import Edit
from premortem.exceptions import Malformed

ODD = {
    "CRLF": ("a\r\nb\r\nc\r\n", "a\r\nx\r\nc\r\n"),
    "only the ends of lines": ("a\nb\n", "a\r\nb\n"),
    "no last line feed": ("a\nb", "a\nc"),
    "a last line feed": ("a\nb", "a\nb\n"),
    "form feed": ("a\x0cb\nc\n", "a\x0cb\nd\n"),
    "line separator": ("a = '\u2028'\nc\n", "a = '\u2028'\nd\n"),
    "lone CR": ("a\rb\nc\n", "a\rb\nd\n"),
    "byte order mark": ("\ufeffa\nb\n", "\ufeffa\nc\n"),
    "far apart": ("".join(f"{n}\n" for n in range(60)), "".join(f"{n}\n" for n in range(1, 60) if n != 30) + "x\n"),
    "new": (None, "a\nb\n"),
    "gone": ("a\nb\n", None),
}


@pytest.mark.parametrize(("before", "after"), ODD.values(), ids=ODD)
def test_git_applies_the_diff_of_any_text_and_has_the_text_that_was_meant(
    before: str | None, after: str | None, tmp_path: Path
) -> None:
    place = tmp_path / "shop" / "cart.py"
    place.parent.mkdir()
    if before is not None:
        place.write_bytes(before.encode())
    change = Changed("shop/cart.py", before, after)
    assert change.changed_lines() > 0
    subprocess.run(["git", "apply", "-"], input=unified([change]).encode(), cwd=tmp_path, check=True)
    assert (place.read_bytes().decode() if place.exists() else None) == after


@pytest.mark.parametrize(
    ("before", "after"), [pair for name, pair in ODD.items() if None not in pair and name != "far apart"]
)
def test_a_change_is_taken_out_of_a_text_with_odd_lines(before: str, after: str) -> None:
    (change,) = applied(reverted([Versions("a.py", before, after, after)]), {"a.py": after})
    assert change.after == before


def test_a_file_that_was_empty_is_not_taken_away_where_it_should_be_emptied() -> None:
    with pytest.raises(NotRevertible, match="was empty before"):
        reverted([Versions("shop/__init__.py", "", "import evil\n", "import evil\n")])


def test_a_file_that_is_no_utf_8_is_not_written_back_with_other_letters() -> None:
    with pytest.raises(Malformed, match="not in UTF-8"):
        applied([Edit("a.py", "x = 1", "x = 2")], {"a.py": "# caf\ufffd\nx = 1\n"})


texts = st.text(st.sampled_from("ab\n\r\x0c\u2028"), max_size=30)


@given(texts, texts)
def test_the_differences_make_the_one_text_of_the_other(one: str, other: str) -> None:
    old, new = lines_of(one), lines_of(other)
    assert "".join(old) == one
    made: list[str] = []
    at = 0
    for each in differences(old, new):
        made += [*old[at : each.a], *new[each.c : each.d]]
        at = each.b
    assert made + old[at:] == new


def test_no_file_takes_long_to_compare() -> None:
    many = ["x = 1\n"] * 20_000
    few = [f"{n * n % 7}\n" for n in range(20_000)]
    started = time.process_time()
    for old, new in ((many, ["y\n", *many[1:], "z\n"]), (few, few[::-1]), (many, [*few, *many]), (few, few[1:])):
        differences(old, new)
    assert time.process_time() - started < 5


def test_an_added_line_that_looks_like_a_files_name_does_not_name_the_next_file() -> None:
    patch = (
        "--- a/notes.txt\n+++ b/notes.txt\n@@ -1,2 +1,2 @@\n keep\n--- gone\n+++ b/shop/cart.py\n@@ -9 +9 @@\n-x\n+y\n"
    )
    assert [(hunk.path, hunk.first, hunk.changed) for hunk in hunks(patch)] == [
        ("notes.txt", 1, ("-- gone", "++ b/shop/cart.py")),
        ("notes.txt", 9, ("x", "y")),
    ]
