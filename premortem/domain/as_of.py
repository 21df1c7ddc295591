"""As of: an incident as it was known at a moment or at a place of the timeline, with nothing that was learned later.

A time takes the facts that had happened by then, in the log's order. A fact of a worker happens when its answer was
there, not when it was asked for; a detector's fact happens when the event did that fired it, which may be a moment
before anybody could know of it. A place takes exactly what stood on the log up to it, whenever that happened.
"""

import re
from collections.abc import Iterable
from typing import Protocol, TypeVar

from msgspec import Struct

from premortem.domain.incident import Incident, fold
from premortem.domain.moments import parsed, utc
from premortem.domain.timeline import TimelineTicked, decode

_OFFSET = re.compile(r"offset:(\d{1,18})")


class Row(Protocol):
    """A stored fact."""

    @property
    def offset(self) -> int:
        """Return its place on the timeline."""

    @property
    def occurred_at(self) -> int:
        """Return when it happened, in milliseconds since 1970 UTC."""

    @property
    def value(self) -> bytes:
        """Return the record."""


AnyRow = TypeVar("AnyRow", bound=Row)


class AsOf(Struct, frozen=True):
    """A moment (milliseconds since 1970 UTC), or a place of the timeline; one of them is given."""

    at: int | None = None
    offset: int | None = None

    def __str__(self) -> str:
        return f"{utc(self.at)} UTC" if self.at is not None else f"offset {self.offset}"


def as_of(text: str) -> AsOf:
    """Return what `2026-11-25T03:12`, `1795663920000` (milliseconds) or `offset:123` means.

    Raises ValueError, with the mend, for anything else.
    """
    place = _OFFSET.fullmatch(text)
    return AsOf(offset=int(place[1])) if place else AsOf(at=parsed(text))


def known(rows: Iterable[AnyRow], moment: AsOf) -> list[AnyRow]:
    """Return the rows that were known then, in their order."""
    if moment.at is not None:
        return [row for row in rows if row.occurred_at <= moment.at]
    return [row for row in rows if moment.offset is not None and row.offset <= moment.offset]


def state(rows: Iterable[Row]) -> Incident | None:
    """Return the fold of the rows; None when the incident was not open yet."""
    facts = (decode(row.value) for row in rows)
    return fold(fact for fact in facts if not isinstance(fact, TimelineTicked))


def not_yet(incident_id: str, rows: Iterable[Row], moment: AsOf) -> str:
    """Return that the incident did not exist then, and when it did."""
    first = next(iter(rows), None)
    opened = f" It was opened at {utc(first.occurred_at)} UTC, offset {first.offset}: ask as of then." if first else ""
    return f"As of {moment} there was no incident {incident_id} yet.{opened}"
