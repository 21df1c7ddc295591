"""Identifiers: the types that keep them apart, and the one way to make a new one from what caused it."""

from typing import NewType
from uuid import UUID, uuid5

TenantId = NewType("TenantId", str)
ProjectId = NewType("ProjectId", int)
EventId = NewType("EventId", str)
"""A Sentry event id: 32 lower-case hexadecimal digits."""
Fingerprint = NewType("Fingerprint", str)
"""A grouping key: 32 lower-case hexadecimal digits."""
IncidentId = NewType("IncidentId", str)
FactId = NewType("FactId", str)
TaskId = NewType("TaskId", str)

_NAMESPACE = UUID("6b1f3c0e-5d0c-5a59-9d5f-0f7d0d6f7a11")


def derive(*parts: str | int) -> str:
    """Return the id (a UUID version 5 as text) of whatever `parts` name.

    The same parts give the same id on every machine, so a redelivery or a replay can never make a second one.
    Each part is written with its length first: `("ab", "c")` and `("a", "bc")` have different ids.
    """
    return str(uuid5(_NAMESPACE, "".join(f"{len(text)}:{text}" for text in map(str, parts))))
