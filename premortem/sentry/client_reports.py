"""Client reports: what an SDK dropped before it could be sent; part of the true error rate."""

from typing import Any

from msgspec import Struct

from premortem.exceptions import Malformed

_MOST = 100


class Drop(Struct, frozen=True):
    """So many items of a category were dropped for a reason."""

    reason: str
    category: str
    quantity: int


def parse(value: Any) -> tuple[Drop, ...]:
    """Return the drops of a client report parsed from JSON; entries without a positive quantity are left out.

    Raises Malformed when it is no object or has no list of discarded events.
    """
    entries = value.get("discarded_events") if isinstance(value, dict) else None
    if not isinstance(entries, list):
        raise Malformed("client report has no list of discarded_events")
    return tuple(drop for drop in map(_drop, entries[:_MOST]) if drop is not None)


def _drop(entry: Any) -> Drop | None:
    if not isinstance(entry, dict):
        return None
    reason, category, quantity = entry.get("reason"), entry.get("category"), entry.get("quantity")
    if not isinstance(reason, str) or not isinstance(category, str):
        return None
    if not isinstance(quantity, int) or isinstance(quantity, bool) or not 0 < quantity < 1 << 31:
        return None
    return Drop(reason[:64], category[:64], quantity)
