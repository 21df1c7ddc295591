"""How archived rows become columns of ClickHouse's tables, and a row of `raw_events` an event again. Pure."""

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any, assert_never

from msgspec import Struct

from premortem.domain.archive import ArchivedDeploy, ArchivedEvent, ArchivedLog, ArchivedRow, ArchivedSessions
from premortem.domain.ids import EventId, Fingerprint, ProjectId, TenantId

_WORD, _TIME = "LowCardinality(String)", "DateTime64(3, 'UTC')"
_Row = Any
_PORTION_BYTES, _ROW_BYTES = 32 << 20, 512


class Column(Struct, frozen=True):
    """A column: its name and ClickHouse type, and what a row puts into it."""

    name: str
    type: str
    value: Callable[[_Row], object]


class Table(Struct, frozen=True):
    """A table's name and columns."""

    name: str
    columns: tuple[Column, ...]

    def data(self, rows: Sequence[_Row]) -> list[list[object]]:
        """Return the rows' values, column by column. Texts are bytes: ClickHouse's strings are."""
        return [[column.value(row) for row in rows] for column in self.columns]


def text(value: str) -> bytes:
    """Return the text in UTF-8; a lone surrogate, which has no UTF-8, becomes a question mark."""
    return value.encode(errors="replace")


def _text(name: str, type_: str = "String") -> Column:
    return Column(name, type_, lambda row: text(getattr(row, name)))


def _same(name: str, type_: str) -> Column:
    return Column(name, type_, attrgetter(name))


def _tags(name: str, type_: str, index: int) -> Column:
    return Column(name, type_, lambda row: [text(tag[index]) for tag in row.tags])


_OWNER = (_text("tenant_id", _WORD), _same("project_id", "Int64"))
_WHERE_FROM = (_text("release", _WORD), _text("environment", _WORD))

TABLES: dict[type[ArchivedRow], Table] = {
    ArchivedEvent: Table(
        "raw_events",
        (
            *_OWNER,
            _text("event_id"),
            _text("fingerprint"),
            _same("occurred_at", _TIME),
            _same("received_at", _TIME),
            _text("level", _WORD),
            _text("platform", _WORD),
            *_WHERE_FROM,
            _text("user_hash"),
            _text("title"),
            _tags("tag_names", f"Array({_WORD})", 0),
            _tags("tag_values", "Array(String)", 1),
            _same("payload", "String"),
        ),
    ),
    ArchivedLog: Table(
        "logs",
        (
            *_OWNER,
            _text("log_id"),
            _same("occurred_at", _TIME),
            _text("level", _WORD),
            _text("body"),
            _text("trace_id"),
            _same("attributes", "String"),
        ),
    ),
    ArchivedSessions: Table(
        "sessions",
        (
            *_OWNER,
            _text("row_id"),
            _same("started_at", _TIME),
            *_WHERE_FROM,
            *(_same(name, "UInt64") for name in ("exited", "errored", "crashed", "abnormal")),
        ),
    ),
    ArchivedDeploy: Table("deploys", (*_OWNER, _text("deploy_id"), _same("deployed_at", _TIME), *_WHERE_FROM)),
}


def portions(rows: Sequence[ArchivedRow]) -> Iterator[tuple[Table, list[ArchivedRow]]]:
    """Yield the rows of each kind, in order, in portions that a server takes as one body."""
    for kind, table in TABLES.items():
        portion: list[ArchivedRow] = []
        size = 0
        for row in rows:
            if type(row) is not kind:
                continue
            weight = _weight(row)
            if portion and size + weight > _PORTION_BYTES:
                yield table, portion
                portion, size = [], 0
            portion.append(row)
            size += weight
        if portion:
            yield table, portion


def _weight(row: ArchivedRow) -> int:
    """Return about how many bytes the row takes."""
    match row:
        case ArchivedEvent():
            return _ROW_BYTES + len(row.payload) + sum(len(name) + len(value) for name, value in row.tags)
        case ArchivedLog():
            return _ROW_BYTES + len(row.body) + len(row.attributes)
        case ArchivedSessions() | ArchivedDeploy():
            return _ROW_BYTES
    assert_never(row)


def archived_event(row: Sequence[Any]) -> ArchivedEvent:
    """Return the event of a row of `event.sql`, whose texts are bytes."""
    (tenant, project, event_id, fingerprint, occurred_at, received_at, *words, names, values, payload) = row
    level, platform, release, environment, user_hash, title = (word.decode() for word in words)
    return ArchivedEvent(
        tenant_id=TenantId(tenant.decode()),
        project_id=ProjectId(project),
        event_id=EventId(event_id.decode()),
        fingerprint=Fingerprint(fingerprint.decode()),
        occurred_at=occurred_at,
        received_at=received_at,
        level=level,
        platform=platform,
        release=release,
        environment=environment,
        user_hash=user_hash,
        title=title,
        tags=tuple((name.decode(), value.decode()) for name, value in zip(names, values, strict=True)),
        payload=payload,
    )


def archived_deploy(row: Sequence[Any]) -> ArchivedDeploy:
    """Return the deploy of a row of `deploys_since.sql`, whose texts are bytes."""
    tenant, project, deploy_id, deployed_at, release, environment = row
    return ArchivedDeploy(
        tenant_id=TenantId(tenant.decode()),
        project_id=ProjectId(project),
        deploy_id=deploy_id.decode(),
        deployed_at=deployed_at,
        release=release.decode(),
        environment=environment.decode(),
    )
