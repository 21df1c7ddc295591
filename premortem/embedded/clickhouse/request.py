"""One HTTP request as ClickHouse reads it: URL parameters, headers and form fields become a Statement. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import parse_qsl

from msgspec import Struct

from premortem.embedded.clickhouse.answer import (
    BAD_ARGUMENTS,
    NOT_IMPLEMENTED,
    SYNTAX_ERROR,
    UNKNOWN_SETTING,
    Refused,
)

# Read by the HTTP interface itself, or of no meaning to one process on a loopback; the engine would refuse them.
_TRANSPORT = frozenset(
    [
        "query",
        "database",
        "default_format",
        "query_id",
        "user",
        "password",
        "session_id",
        "session_timeout",
        "session_check",
        "quota_key",
        "role",
        "compress",
        "decompress",
        "buffer_size",
        "wait_end_of_query",
        "client_protocol_version",
        "enable_http_compression",
        "send_progress_in_http_headers",
        "http_headers_progress_interval_ms",
        "cancel_http_readonly_queries_on_client_close",
        "log_comment",
    ]
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FIELD_NAME = re.compile(rb'\bname="([^"]*)"')
_FIELDS = 1000


class Statement(Struct, frozen=True, kw_only=True):
    """What is to be run, for whom and how long."""

    id: str
    sql: bytes
    """The statement of the URL; empty when the body holds it."""
    body: bytes
    params: Mapping[str, str]
    settings: Mapping[str, str]
    database: str
    default_format: str
    read_only: bool
    seconds: float


class Limits(Struct, frozen=True, kw_only=True):
    """What one request may cost."""

    body_bytes: int = 128 << 20
    """A body, decompressed."""
    answer_bytes: int = 64 << 20
    """An answer in a format that cannot be streamed."""
    seconds: float = 30
    """A statement that does not name its own `max_execution_time`."""
    longest_seconds: float = 300
    """The most that a statement may ask for."""


def parameters(query_string: bytes) -> dict[str, str]:
    """Return the URL's parameters; of two with one name the last counts. Raises Refused for more than a thousand."""
    try:
        return dict(
            parse_qsl(query_string.decode("latin-1"), keep_blank_values=True, errors="replace", max_num_fields=_FIELDS)
        )
    except ValueError as problem:
        raise Refused(BAD_ARGUMENTS, "BAD_ARGUMENTS", "Too many parameters") from problem


def form(body: bytes, content_type: str) -> dict[str, str] | None:
    """Return the fields of a multipart form (RFC 7578), or None when the body is none. Raises Refused for files."""
    found = re.match(r'multipart/form-data;\s*boundary="?([^";]{1,70})', content_type, re.IGNORECASE)
    if not found:
        return None
    fields: dict[str, str] = {}
    for part in _parts(body, found.group(1).encode("latin-1")):
        head, _, value = part.partition(b"\r\n\r\n")
        name = _FIELD_NAME.search(head)
        if name is None or b"filename=" in head:
            raise Refused(NOT_IMPLEMENTED, "NOT_IMPLEMENTED", "Data for temporary tables cannot be sent with a query")
        # A statement may hold any bytes; everything else is text.
        exact = "surrogateescape" if name.group(1) == b"query" else "replace"
        fields[name.group(1).decode(errors="replace")] = value.decode(errors=exact)
    return fields


def statement(
    statement_id: str,
    url: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes,
    *,
    read_only: bool,
    limits: Limits,
) -> Statement:
    """Return what the request asks for. Raises Refused for what ClickHouse refuses too, or what is left out here."""
    fields = form(body, headers.get("content-type", ""))
    if fields is not None:
        url, body = {**url, **fields}, b""
    sql = url.get("query", "").encode(errors="surrogateescape")
    if not sql.strip() and not body.strip():
        raise Refused(SYNTAX_ERROR, "SYNTAX_ERROR", "Empty query")
    settings = {name: value for name, value in url.items() if name not in _TRANSPORT and not name.startswith("param_")}
    if wrong := [name for name in settings if not _NAME.fullmatch(name)]:
        raise Refused(UNKNOWN_SETTING, "UNKNOWN_SETTING", f"Unknown setting {wrong[0][:80]!r}")
    seconds = _seconds(settings.pop("max_execution_time", ""), limits)
    return Statement(
        id=statement_id,
        sql=sql,
        body=body,
        params={name[6:]: value for name, value in url.items() if name.startswith("param_")},
        settings=settings,
        database=url.get("database") or headers.get("x-clickhouse-database", ""),
        default_format=url.get("default_format") or headers.get("x-clickhouse-format", "") or "TabSeparated",
        read_only=read_only,
        seconds=seconds,
    )


def _seconds(asked: str, limits: Limits) -> float:
    try:
        seconds = float(asked or 0)
    except ValueError as problem:
        raise Refused(BAD_ARGUMENTS, "BAD_ARGUMENTS", "max_execution_time is no number") from problem
    return min(seconds, limits.longest_seconds) if seconds > 0 else limits.seconds


def _parts(body: bytes, boundary: bytes) -> Iterator[bytes]:
    pieces: Sequence[bytes] = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if len(pieces) > _FIELDS:
        raise Refused(BAD_ARGUMENTS, "BAD_ARGUMENTS", "Too many fields")
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            return
        yield piece.removeprefix(b"\r\n")
    raise Refused(BAD_ARGUMENTS, "BAD_ARGUMENTS", "The form has no end")
