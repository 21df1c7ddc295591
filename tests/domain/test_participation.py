"""A repository takes part by a file that says everything exactly, or not at all."""

import pytest

from premortem.domain.participation import parse, protecting

WHOLE = """
version = 1
[pull_requests]
label = "robots"
open_at_most = 2
per_day = 4
[patch]
most_files = 2
most_lines = 40
protected = ["billing/", "*.sql", "/Legal"]
[tests]
command = ["python", "-m", "pytest", "-q"]
seconds = 60
memory_mb = 512
"""


def test_a_file_says_its_limits_its_label_and_its_tests() -> None:
    found = parse(WHOLE)
    assert (found.pull_requests.label, found.pull_requests.open_at_most, found.pull_requests.per_day) == (
        "robots",
        2,
        4,
    )
    assert (found.patch.most_files, found.patch.most_lines) == (2, 40)
    assert (found.tests.command[0], found.tests.seconds, found.tests.memory_mb) == ("python", 60, 512)


def test_a_version_alone_is_a_file() -> None:
    assert parse("version = 1").pull_requests.label == "premortem"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "version"),
        ("version = 2", "version"),
        ("version = 1\n[pull_requests]\nopen_at_mots = 1", "open_at_mots"),
        ("version = 1\n[pull_requests]\nopen_at_most = 1000", "open_at_most"),
        ("version = 1\n[patch]\nmost_lines = 100000", "most_lines"),
        ('version = 1\n[tests]\ncommand = "rm -rf /"', "command"),
        ("version = 1\n[surprise]", "surprise"),
        ("version = 1\n= 2", "line 2"),
    ],
)
def test_a_file_that_keeps_not_to_its_shape_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse(text)


def test_protected_are_folders_with_all_below_them_and_patterns_in_any_case() -> None:
    found = parse(WHOLE)
    protected = ("billing/tax/vat.py", "Billing/a.py", "db/up.SQL", "legal/terms.md", "legal")
    assert all(protecting(found, path) for path in protected)
    assert not any(protecting(found, path) for path in ("shop/billing.py", "mybilling/a.py", "shop/sql.py"))
