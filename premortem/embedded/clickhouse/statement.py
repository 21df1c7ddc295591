"""Read just enough of a statement's text: where the data of an INSERT begins, which format the answer has. Pure."""

import re

from msgspec import Struct

_TOKEN = r"""(?:[^'"`/\-]|'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+"|`(?:[^`\\]|\\.)*+`|--[^\n]*+|/\*.*?\*/|[/\-])"""
_INSERT = re.compile(
    rf"(\s*+INSERT\b{_TOKEN}*?)\bFORMAT\s++(\w++)(?:[ \t]*+\r?\n|\s*+;?\s*+\Z)".encode(), re.IGNORECASE | re.DOTALL
)
_LEADING = re.compile(rb"(?:\s++|--[^\n]*+(?:\n|\Z)|/\*.*?\*/|\()*+([a-zA-Z]*+)", re.DOTALL)
_TRAILING_FORMAT = re.compile(rb"\bFORMAT\s+(\w+)\s*(?:\bSETTINGS\b[^'\"`;]*)?;?\s*\Z", re.IGNORECASE)
_ANSWERING = frozenset(b"SELECT WITH SHOW DESCRIBE DESC EXISTS EXPLAIN CHECK KILL VALUES FROM".split())
_STREAMED = frozenset(("Native", "TabSeparated", "TSV", "CSV", "RowBinary", "JSONEachRow"))
_HEAD = 256 << 10
"""An INSERT's own text is looked for in so many bytes: ClickHouse's `max_query_size`."""


class Insertion(Struct, frozen=True):
    """An INSERT whose rows follow in a format: `sql` without its FORMAT clause."""

    sql: str
    format: str
    data: bytes


def insertion(sql: bytes, body: bytes) -> Insertion | None:
    """Return the INSERT with its rows, given the statement of the URL and the body of the request; None for any other.

    The rows follow `FORMAT name` and a line's end, or are the whole body when the statement came by URL. Linear.
    """
    text = sql or body
    found = _INSERT.match(text[:_HEAD])
    if found is None or not (sql or found.end() < len(text)):
        return None
    data = text[found.end() :] + body if sql else body[found.end() :]
    return Insertion(found.group(1).decode(errors="replace"), found.group(2).decode(), data)


def answers_rows(sql: bytes) -> bool:
    """Tell whether the statement is of a kind that answers with rows."""
    found = _LEADING.match(sql)
    return found is not None and found.group(1).upper() in _ANSWERING


def is_select(sql: bytes) -> bool:
    """Tell whether the statement is a SELECT: the only kind that the engine streams, and that DESCRIBE takes."""
    found = _LEADING.match(sql)
    return found is not None and found.group(1).upper() in (b"SELECT", b"WITH")


def trailing_format(sql: bytes) -> str | None:
    """Return the format that the statement names at its end, or None."""
    found = _TRAILING_FORMAT.search(sql, max(0, len(sql) - 4096))
    return found.group(1).decode() if found else None


def without_format(sql: bytes) -> bytes:
    """Return the statement without its FORMAT clause and what follows it."""
    found = _TRAILING_FORMAT.search(sql, max(0, len(sql) - 4096))
    return sql[: found.start()] if found else sql


def can_stream(name: str) -> bool:
    """Tell whether blocks of this format can be put one after the other (no head, no foot)."""
    return name in _STREAMED
