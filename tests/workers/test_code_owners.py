"""The owners of a file are those of the last pattern that names it, as GitHub reads CODEOWNERS."""

import pytest

from premortem.workers.code_owners import owners


@pytest.mark.parametrize(
    ("pattern", "path", "named"),
    [
        ("*", "shop/price.py", True),
        ("*.py", "shop/deep/price.py", True),
        ("*.py", "shop/price.pyc", False),
        ("/shop/", "shop/deep/price.py", True),
        ("/shop/", "old/shop/price.py", False),
        ("shop/", "old/shop/price.py", True),
        ("docs/*", "docs/a.md", True),
        ("docs/*", "docs/deep/a.md", False),
        ("/shop/**/tax.py", "shop/a/b/tax.py", True),
        ("/shop/**/tax.py", "shop/tax.py", True),
        ("**/logs", "a/b/logs/x.txt", True),
        ("/shop/**", "shop/a/b.py", True),
        ("/shop", "shop/price.py", True),
        ("price.??", "shop/price.py", True),
        ("shop/price", "shop/price.py", False),
        ("[ab].py", "a.py", False),
    ],
)
def test_a_pattern_names_what_gits_ignore_files_name(pattern: str, path: str, named: bool) -> None:
    assert (owners(f"{pattern} @acme/payments", path) == ("acme/payments",)) is named


def test_the_last_pattern_that_matches_decides_also_when_it_names_nobody() -> None:
    text = "# who\n*  @acme/all\n/shop/ @ann mail@example.org # both\n/shop/free/\n"
    assert owners(text, "README.md") == ("acme/all",)
    assert owners(text, "shop/price.py") == ("ann", "mail@example.org")
    assert owners(text, "shop/free/gift.py") == ()


def test_a_pattern_full_of_stars_takes_no_time() -> None:
    assert owners("*a" * 12 + "b @ann", "a" * 40) == ()
