"""Splitting SQL: what is quoted or commented never separates, and nothing is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from premortem.exceptions import Malformed
from premortem.migrate.statements import Dialect, split_statements

DIALECTS: tuple[Dialect, ...] = ("postgres", "clickhouse")
TEXT = st.text("ab;'\"`$-/*#\\ \n", max_size=12)
WORDS = st.sampled_from(["SELECT 1", "x", "CREATE TABLE a (n Int32)", "e1", "a$b$c", "1-2/3*4"])


def quoted(dialect: Dialect) -> st.SearchStrategy[str]:
    """Text that must never be cut: strings, names, dollar quotes, comments."""
    escape = "\\" if dialect == "clickhouse" else ""
    pieces = [TEXT.map(lambda text: f"'{_escaped(text, chr(39), escape)}'")]
    pieces.append(TEXT.map(lambda text: f'"{_escaped(text, chr(34), escape)}"'))
    pieces.append(st.text("ab;'\"-/*", max_size=12).map(lambda text: f"$${text}$$"))
    pieces.append(st.text("ab;'\"$-/*", max_size=12).map(lambda text: f" $t1$ {text} $t1$"))
    pieces.append(st.text("ab;'\"`$ ", max_size=12).map(lambda text: f"/* {text} */"))
    pieces.append(st.text("ab;'\"`$/* ", max_size=12).map(lambda text: f"-- {text}\n"))
    if dialect == "postgres":
        pieces.append(TEXT.map(lambda text: f" E'{_escaped(text, chr(39), chr(92))}'"))
        pieces.append(st.text("ab;'", max_size=8).map(lambda text: f"/* {text} /* ; */ {text} */"))
    else:
        pieces.append(TEXT.map(lambda text: f"`{_escaped(text, '`', escape)}`"))
        pieces.append(st.text("ab;'\"`$/*", max_size=12).map(lambda text: f"# {text}\n"))
    return st.one_of(pieces)


def _escaped(text: str, quote: str, escape: str) -> str:
    if escape:
        text = text.replace("\\", "\\\\")
    return text.replace(quote, quote * 2)


def statements(dialect: Dialect) -> st.SearchStrategy[str]:
    parts = st.lists(st.one_of(WORDS, quoted(dialect)), max_size=5).map(" ".join)
    return st.tuples(WORDS, parts).map(lambda pair: f"{pair[0]} {pair[1]}".strip())


@pytest.mark.parametrize("dialect", DIALECTS)
@given(data=st.data())
def test_statements_that_were_joined_come_back(dialect: Dialect, data: st.DataObject) -> None:
    wanted = data.draw(st.lists(statements(dialect), max_size=5))
    assert split_statements("".join(f"{statement}\n;\n" for statement in wanted), dialect) == wanted
    assert split_statements("\n;".join(wanted), dialect) == wanted


@pytest.mark.parametrize("dialect", DIALECTS)
@given(sql=st.text("aE;'\"`$-/*#!\\ \n", max_size=60))
def test_any_text_is_split_or_malformed_and_no_code_is_lost(dialect: Dialect, sql: str) -> None:
    try:
        parts = split_statements(sql, dialect)
    except Malformed:
        return
    at = 0
    for part in parts:
        assert part
        begin = sql.index(part, at)
        assert split_statements(sql[at:begin], dialect) == []
        at = begin + len(part)
    assert split_statements(sql[at:], dialect) == []


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("opening", ["'", '"', "/*", "$$", "$x$"])
def test_a_quote_that_is_never_closed_is_malformed_with_its_line(dialect: Dialect, opening: str) -> None:
    with pytest.raises(Malformed, match="line 2"):
        split_statements(f"SELECT 1;\nSELECT {opening} a;", dialect)


def test_backslashes_escape_where_the_dialect_says_so() -> None:
    sql = r"SELECT '\'; SELECT 1"
    assert split_statements(sql, "postgres") == [r"SELECT '\'", "SELECT 1"]
    with pytest.raises(Malformed):
        split_statements(sql, "clickhouse")
    assert split_statements(r"SELECT E'\'; ' ; 1", "postgres") == [r"SELECT E'\'; '", "1"]


def test_pieces_of_nothing_but_comments_are_no_statements() -> None:
    assert split_statements(" ; -- a;\n ; /* b; */ ;\n", "postgres") == []
    assert split_statements("-- why\nSELECT 1;\n-- end\n", "clickhouse") == ["-- why\nSELECT 1"]


def test_time_is_linear_in_the_length() -> None:
    for hostile in ("'" * 200_000, "/*" * 100_000 + "*/" * 100_000, "$a$b" * 50_000, "--;\n" * 70_000, "$1$" * 70_001):
        for dialect in DIALECTS:
            try:
                split_statements(hostile, dialect)
            except Malformed:
                continue
