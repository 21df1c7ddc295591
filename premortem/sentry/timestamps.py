"""Timestamps as Relay takes them: float or integer seconds, or RFC 3339 with a T; clamped around the time received."""

from datetime import UTC, datetime
from math import isfinite
from typing import Any

FUTURE_MS = 60_000
PAST_MS = 30 * 24 * 3_600_000


def parse_timestamp(value: Any, received_at: int) -> int:
    """Return milliseconds since 1970 UTC.

    `received_at` (ms) stands in for a time that is missing, unreadable, more than a minute ahead of it or more than
    30 days behind (Relay: `invalid_data`, `future_timestamp`, `past_timestamp`). A time without a zone is UTC.
    """
    moment = _milliseconds(value)
    if moment is None or moment > received_at + FUTURE_MS or moment < received_at - PAST_MS:
        return received_at
    return moment


def _milliseconds(value: Any) -> int | None:
    if isinstance(value, str):
        if not 19 <= len(value) <= 40 or value[10] not in "Tt":
            return None
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        since = moment - _EPOCH
        return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or abs(value) > 1e11:
        return None
    return int(value * 1000)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
