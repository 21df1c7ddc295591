"""Sessions: how much a release was used, the denominator of every error rate."""

from typing import Any

from msgspec import Struct

from premortem.exceptions import Malformed
from premortem.sentry.timestamps import parse_timestamp

_MOST = 100
_MINUTE = 60_000


class SessionBucket(Struct, frozen=True):
    """Sessions that began in one minute, by how they ended. `exited` counts those that ended well."""

    started_at: int
    exited: int
    errored: int
    crashed: int
    abnormal: int
    release: str | None
    environment: str | None


def parse(item_type: str, value: Any, received_at: int) -> tuple[SessionBucket, ...]:
    """Return the buckets of a `session` or `sessions` item that was parsed from JSON.

    A single session counts once, when its first update arrives (`init`), as well as it has gone until then; a later
    update counts only when it ended worse. Entries beyond the hundredth or without numbers are left out. Raises
    Malformed when the item is no object or has no `attrs.release`.
    """
    if not isinstance(value, dict):
        raise Malformed("session is not a JSON object")
    attributes = value.get("attrs")
    if not isinstance(attributes, dict) or not isinstance(attributes.get("release"), str):
        raise Malformed("session has no attrs.release")
    release, environment = attributes["release"][:200], attributes.get("environment")
    environment = environment[:64] if isinstance(environment, str) else None
    if item_type == "session":
        return _single(value, release, environment, received_at)
    aggregates = value.get("aggregates")
    if not isinstance(aggregates, list):
        raise Malformed("sessions has no list of aggregates")
    buckets = (_aggregate(entry, release, environment, received_at) for entry in aggregates[:_MOST])
    return tuple(bucket for bucket in buckets if bucket is not None)


def _single(
    value: dict[str, Any], release: str, environment: str | None, received_at: int
) -> tuple[SessionBucket, ...]:
    status = value.get("status", "ok")
    errors = _count(value.get("errors"))
    begins, ended = value.get("init") is True, status in ("crashed", "abnormal")
    if not begins and not ended:
        return ()
    minute = _minute(value.get("started"), received_at)
    outcome = status if ended else "errored" if errors or status == "errored" else "exited"
    counts = {name: int(outcome == name) for name in ("exited", "errored", "crashed", "abnormal")}
    return (SessionBucket(minute, **counts, release=release, environment=environment),)


def _aggregate(entry: Any, release: str, environment: str | None, received_at: int) -> SessionBucket | None:
    if not isinstance(entry, dict):
        return None
    counts = {name: _count(entry.get(name)) for name in ("exited", "errored", "crashed", "abnormal")}
    if not any(counts.values()):
        return None
    return SessionBucket(_minute(entry.get("started"), received_at), **counts, release=release, environment=environment)


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31 else 0


def _minute(value: Any, received_at: int) -> int:
    return parse_timestamp(value, received_at) // _MINUTE * _MINUTE
