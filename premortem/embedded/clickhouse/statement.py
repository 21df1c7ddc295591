"""Read just enough of a statement's text: where the data of an INSERT begins, which format the answer has. Pure.

Every function is linear in the text, also for quotes and comments that never close.
"""

import re

from msgspec import Struct

_INSERT = re.compile(rb"\s*+INSERT\b", re.IGNORECASE)
_MARK = re.compile(rb"""['"`]|--|/\*|\bFORMAT\s++(?P<format>\w++)(?:[ \t]*+\r?\n|\s*+;?\s*+\Z)""", re.IGNORECASE)
_END = {
    b"'": re.compile(rb"(?:[^'\\]|\\.)*+'", re.DOTALL),
    b'"': re.compile(rb'(?:[^"\\]|\\.)*+"', re.DOTALL),
    b"`": re.compile(rb"(?:[^`\\]|\\.)*+`", re.DOTALL),
    b"--": re.compile(rb"[^\n]*+\n"),
    b"/*": re.compile(rb".*?\*/", re.DOTALL),
}
_LEADING = re.compile(rb"(?:\s++|--[^\n]*+(?:\n|\Z)|/\*.*?\*/|\()*+([a-zA-Z]*+)", re.DOTALL)
_SETTINGS = rb"""(?:\bSETTINGS\b(?:[^'"`;]|'[^']*+')*+)?"""
_TRAILING_FORMAT = re.compile(rb"\bFORMAT\s++(\w++)\s*+" + _SETTINGS + rb";?\s*+\Z", re.IGNORECASE)
_ANSWERING = frozenset(b"SELECT WITH SHOW DESCRIBE DESC EXISTS EXPLAIN CHECK KILL VALUES FROM".split())
_STREAMED = frozenset(("Native", "TabSeparated", "TSV", "CSV", "RowBinary", "JSONEachRow"))
_HEAD, _TAIL = 256 << 10, 4096
"""An INSERT's own text is looked for in the head (ClickHouse's `max_query_size`), a format in the tail, in bytes."""


class Insertion(Struct, frozen=True):
    """An INSERT whose rows follow in a format: `sql` without its FORMAT clause."""

    sql: str
    format: str
    data: bytes


def insertion(sql: bytes, body: bytes) -> Insertion | None:
    """Return the INSERT with its rows, given the statement of the URL and the body of the request; None for any other.

    The rows follow `FORMAT name` and a line's end, or are the whole body when the statement came by URL.
    """
    text = sql or body
    head = text[:_HEAD]
    if not _INSERT.match(head):
        return None
    found = _format_clause(head)
    if found is None or not (sql or found.end() < len(text)):
        return None
    data = text[found.end() :] + body if sql else text[found.end() :]
    return Insertion(head[: found.start()].decode(errors="replace"), found.group("format").decode(), data)


def _format_clause(head: bytes) -> re.Match[bytes] | None:
    """Return the first FORMAT clause outside of quotes and comments."""
    at = 0
    while found := _MARK.search(head, at):
        if found.group("format"):
            return found
        end = _END[found.group()].match(head, found.end())
        if end is None:
            return None
        at = end.end()
    return None


def answers_rows(sql: bytes) -> bool:
    """Tell whether the statement is of a kind that answers with rows."""
    found = _LEADING.match(sql)
    return found is not None and found.group(1).upper() in _ANSWERING


def answer_format(sql: bytes, default: str) -> tuple[str, bool]:
    """Return the format of the answer, and whether the statement is a SELECT whose blocks may be sent as they come.

    Only the formats without head and foot can be streamed, and only when no odd place (a comment after it, a word in a
    text) leaves a doubt which one the statement names.
    """
    found = _TRAILING_FORMAT.search(sql, max(0, len(sql) - _TAIL))
    name = found.group(1).decode() if found else default
    leading = _LEADING.match(sql)
    is_select = leading is not None and leading.group(1).upper() in (b"SELECT", b"WITH")
    certain = found is not None or b"format" not in sql.lower()
    return name, is_select and certain and name in _STREAMED


def without_format(sql: bytes) -> bytes:
    """Return the statement without its FORMAT clause and what follows it."""
    found = _TRAILING_FORMAT.search(sql, max(0, len(sql) - _TAIL))
    return sql[: found.start()] if found else sql
