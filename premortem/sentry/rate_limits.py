"""Rate limits: Sentry's headers that tell a client to wait, and a window that counts what a project sent."""

from collections import OrderedDict
from collections.abc import Sequence

from msgspec import Struct

CATEGORIES: dict[str, str] = {
    "event": "error",
    "transaction": "transaction",
    "attachment": "attachment",
    "session": "session",
    "sessions": "session",
    "profile": "profile",
    "profile_chunk": "profile",
    "replay_event": "replay",
    "replay_recording": "replay",
    "replay_video": "replay",
    "check_in": "monitor",
    "span": "span",
    "log": "log_item",
    "statsd": "metric_bucket",
    "metric_meta": "metric_bucket",
    "trace_metric": "metric_bucket",
    "feedback": "feedback",
    "user_report": "feedback",
    "client_report": "internal",
}
"""Item type -> the category that limits name. Client reports are internal: never limited."""

ITEM_TYPES = frozenset(CATEGORIES)
"""Item types that Sentry's clients are known to send; anything else counts as `unknown`."""


class Limit(Struct, frozen=True):
    """A client shall not send these categories for so many seconds; no category = all."""

    seconds: int
    categories: tuple[str, ...]
    scope: str
    reason: str


def category(item_type: str) -> str:
    """Return the category of an item type, `default` for one that is not known."""
    return CATEGORIES.get(item_type, "default")


def headers(limits: Sequence[Limit]) -> dict[str, str]:
    """Return `retry-after` and `x-sentry-rate-limits` (develop.sentry.dev, SDK: rate limiting)."""
    if not limits:
        return {}
    values = (f"{x.seconds}:{';'.join(x.categories)}:{x.scope}:{x.reason}" for x in limits)
    return {"retry-after": str(max(x.seconds for x in limits)), "x-sentry-rate-limits": ", ".join(values)}


class Window:
    """Counts per key in fixed minutes of the gateway's clock; remembers at most `size` keys."""

    def __init__(self, size: int = 10_000) -> None:
        self._size = size
        self._counts: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def admit(self, key: str, now: int, quantity: int, limit_per_minute: int) -> int:
        """Count `quantity` for `key` at `now` (ms); return 0 when admitted, else the seconds to wait.

        What is refused is not counted, so a client that obeys gets its whole share of the next minute.
        """
        minute, used = now // 60_000, 0
        entry = self._counts.get(key)
        if entry is not None and entry[0] == minute:
            used = entry[1]
        if used + quantity > limit_per_minute:
            return max(1, -(-((minute + 1) * 60_000 - now) // 1000))
        self._counts[key] = (minute, used + quantity)
        self._counts.move_to_end(key)
        if len(self._counts) > self._size:
            self._counts.popitem(last=False)
        return 0
