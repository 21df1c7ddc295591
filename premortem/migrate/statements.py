"""Split SQL text into statements at the semicolons that separate them, in one pass.

Respected: quoted strings and names, line and block comments, dollar quotes (bodies of functions, heredocs).
Sources: PostgreSQL 18 "Lexical Structure"; ClickHouse "Syntax" (backslash escapes in quotes, `#` comments, no nesting).
"""

import re
from typing import Literal

from premortem.exceptions import Malformed

Dialect = Literal["postgres", "clickhouse"]

_OPENING = {
    "postgres": re.compile(r"""(?<![\w$])[eE]'|['";]|--|/\*|(?<![\w$])\$(?:[^\W\d]\w*)?\$"""),
    "clickhouse": re.compile(r"""['"`;]|--|\#[ !]|/\*|(?<![\w$])\$\w*\$"""),
}
_BLOCK_EDGE = re.compile(r"/\*|\*/")
_PLAIN_QUOTE = {quote: re.compile(f"{quote}{quote}|{quote}") for quote in "'\"`"}
_ESCAPED_QUOTE = {quote: re.compile(rf"\\.|{quote}{quote}|{quote}", re.DOTALL) for quote in "'\"`"}


def split_statements(sql: str, dialect: Dialect) -> list[str]:
    """Return the statements of `sql` without their semicolons; comments stay, pieces of nothing but comments go.

    Linear in the length. Raises Malformed when a quote or block comment is not closed.
    """
    statements: list[str] = []
    start = at = 0
    has_code = False
    while found := _OPENING[dialect].search(sql, at):
        has_code = has_code or bool(sql[at : found.start()].strip())
        opening = found.group()
        if opening == ";":
            at = found.end()
            if has_code:
                statements.append(sql[start : found.start()].strip())
            start, has_code = at, False
        elif opening in ("--", "# ", "#!"):
            line_end = sql.find("\n", found.end())
            at = len(sql) if line_end < 0 else line_end
        elif opening == "/*":
            at = _end_of_block(sql, found.end(), nested=dialect == "postgres")
        else:
            at = _end_of_quote(sql, found.end(), opening, dialect)
            has_code = True
    if has_code or sql[at:].strip():
        statements.append(sql[start:].strip())
    return statements


def _end_of_block(sql: str, at: int, *, nested: bool) -> int:
    depth = 1
    for edge in _BLOCK_EDGE.finditer(sql, at):
        if edge.group() == "*/":
            depth -= 1
        elif nested:
            depth += 1
        if depth == 0:
            return edge.end()
    raise _not_closed(sql, at, "/*")


def _end_of_quote(sql: str, at: int, opening: str, dialect: Dialect) -> int:
    quote = opening[-1]
    if quote == "$":
        end = sql.find(opening, at)
        if end < 0:
            raise _not_closed(sql, at, opening)
        return end + len(opening)
    escaped = dialect == "clickhouse" or opening != quote
    for edge in (_ESCAPED_QUOTE if escaped else _PLAIN_QUOTE)[quote].finditer(sql, at):
        if edge.group() == quote:
            return edge.end()
    raise _not_closed(sql, at, opening)


def _not_closed(sql: str, at: int, opening: str) -> Malformed:
    line = sql.count("\n", 0, at) + 1
    return Malformed(f"SQL line {line}: {opening} is never closed. Close it.")
