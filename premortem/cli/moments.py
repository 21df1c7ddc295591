"""Moments and durations as a person writes them, and as they are shown."""

import re
from datetime import UTC, datetime

from premortem.domain.moments import utc
from premortem.exceptions import Malformed

_UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}


def parse_moment(text: str) -> int:
    """Return milliseconds since 1970 UTC. ISO 8601, UTC when it names no zone; or the milliseconds themselves.

    Raises Malformed for anything else.
    """
    if text.isascii() and text.isdigit() and len(text) > 8:
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exception:
        raise Malformed(f"{text!r} is no time. Write it like 2026-11-25T03:12 (UTC), or with its zone.") from exception
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def parse_duration(text: str) -> int:
    """Return the milliseconds of `90m`, `12h`, `30d` or `4w`; raises Malformed for anything else."""
    found = re.fullmatch(r"(\d{1,6})([mhdw])", text)
    if found is None:
        raise Malformed(f"{text!r} is no length of time. Write it like 90m, 12h, 30d or 4w.")
    return int(found[1]) * _UNITS_MS[found[2]]


def show_moment(milliseconds: int) -> str:
    """Return the moment to the second, in UTC; the end of the year 9999 for what is later."""
    return utc(milliseconds)
