"""A log statement goes before the statement that failed, and tells what that statement read."""

import pytest

from premortem.agents.checks.log_statements import only_records
from premortem.agents.checks.texts import applied
from premortem.agents.recording import record_before_failure
from premortem.domain.observations import Code
from tests.agents.stored import BAD, context, evidence

CART = '''"""The cart."""

import decimal


def total(cart, rates):
    rate = rates[cart.country]
    if rate > len(cart.items):
        return round(cart.sum * rate, 2)
    return 0


class Cart:
    async def ship(self, at):
        return await self.door(at, self.name)
'''


def recorded(line: int, function: str, text: str = CART, now: str | None = None) -> str:
    lines = tuple(text.splitlines())
    code = Code(repository="acme/shop", commit=BAD, path="shop/cart.py", function=function, first_line=1,
                failing_line=line, lines=lines, depth=0)  # fmt: skip
    found = record_before_failure(context(evidence("code", code)), lambda path: now or text)
    if not found.edits:
        return found.why
    (change,) = applied(found.edits, {"shop/cart.py": now or text})
    assert only_records(now or text, change.after or "") == ""
    return change.after or ""


def test_the_variables_of_the_failing_statement_are_logged_before_it_with_a_logger_of_the_module() -> None:
    lines = recorded(7, "total").splitlines()
    assert lines[2:7] == ["import decimal", "import logging", "", "_LOGGER = logging.getLogger(__name__)", ""]
    place = lines.index("    rate = rates[cart.country]")
    assert lines[place - 1] == (
        '    _LOGGER.warning("premortem: before the statement that failed", '
        'extra={"premortem_rates": repr(rates)[:200], "premortem_cart": repr(cart)[:200]})'
    )


@pytest.mark.parametrize(
    ("line", "function", "names", "indent"),
    [(8, "total", ["rate", "cart"], 4), (9, "total", ["cart", "rate"], 8), (15, "ship", ["at"], 8)],
)
def test_what_is_only_called_or_built_in_is_no_variable(
    line: int, function: str, names: list[str], indent: int
) -> None:
    (log,) = [text for text in recorded(line, function).splitlines() if "premortem:" in text]
    assert log.startswith(" " * indent + "_LOGGER")
    assert [part.partition('"')[0] for part in log.split('"premortem_')[1:]] == names


def test_a_logger_that_the_module_has_is_used() -> None:
    text = CART.replace("import decimal\n", "import logging\n\nlog = logging.getLogger(__name__)\n")
    after = recorded(9, "total", text)
    assert "    log.warning(" in after
    assert after.count("getLogger") == 1


def test_the_statement_is_found_where_the_newest_text_moved_it() -> None:
    now = CART.replace("import decimal\n", "import decimal\nimport json\n\nX = 1\n")
    assert "_LOGGER.warning" in recorded(7, "total", now=now)


@pytest.mark.parametrize(
    ("line", "function", "now"),
    [
        (7, "total", CART.replace("rates[cart.country]", "rates.get(cart.country)")),
        (7, "total", CART.replace("    rate = rates[cart.country]\n", "    rate = rates[cart.country]\n" * 2)),
        (7, "ship", None),
        (99, "total", None),
        (10, "total", "def total(:"),
    ],
    ids=["changed since", "there twice", "another function", "no such line", "no Python"],
)
def test_a_statement_that_is_not_there_just_once_gets_no_log_and_it_is_said_why(
    line: int, function: str, now: str | None
) -> None:
    assert "LOGGER" not in recorded(line, function, now=now)


def test_a_statement_that_reads_nothing_has_nothing_to_tell() -> None:
    assert "reads no variable" in recorded(10, "total")


def test_what_may_be_unbound_or_is_named_like_a_secret_is_not_read() -> None:
    text = (
        "def total(cart, rates, password):\n"
        "    return sorted(cart, key=lambda row: rates[row]) and rest or [x for x in cart if x > least]"
        " if rates else other + password\n"
    )
    (log,) = [line for line in recorded(2, "total", text).splitlines() if "premortem:" in line]
    assert [part.partition('"')[0] for part in log.split('"premortem_')[1:]] == ["rates"]
    text = "def total(cart, password):\n    return cart[password]\n"
    assert "password" not in recorded(2, "total", text).partition("warning(")[2].splitlines()[0]


def test_of_a_match_only_the_subject_is_read() -> None:
    text = "def total(cart):\n    match cart.kind:\n        case [first, *rest]:\n            return first\n"
    (log,) = [line for line in recorded(2, "total", text).splitlines() if "premortem:" in line]
    assert "first" not in log


@pytest.mark.parametrize(
    "text",
    [
        "def total(cart):\n    if not cart: return 0\n    else: return cart[0]\n",
        "def total(cart):\n    if not cart:\n        return 0\n    elif cart[0]:\n        return 1\n",
    ],
)
def test_where_no_statement_fits_none_is_put_and_it_is_said(text: str) -> None:
    line = next(n for n, said in enumerate(text.splitlines(), 1) if "cart[0]" in said)
    assert "no statement fits" in recorded(line, "total", text)


def test_a_file_keeps_its_ends_of_lines_and_a_name_that_is_taken_its_meaning() -> None:
    text = "_LOGGER = None\r\n\r\n\r\ndef total(cart):\r\n    return cart[0]\r\n"
    after = recorded(5, "total", text)
    assert after.count("\n") == after.count("\r\n") == 9
    assert "_PREMORTEM_LOGGER.warning" in after


def test_a_form_feed_moves_no_line() -> None:
    text = "def rate(x):\n    return x\n\x0c\n\ndef total(cart):\n    y = 1\n    return cart[0]\n"
    code = Code(repository="acme/shop", commit=BAD, path="shop/cart.py", function="total", first_line=1,
                failing_line=7, lines=tuple(text.split("\n")), depth=0)  # fmt: skip
    found = record_before_failure(context(evidence("code", code)), lambda path: text)
    assert found.place == "before line 7 of shop/cart.py"
