"""Transactions: of each only its outcome is kept, as exposure: one request that went well or did not."""

from typing import Any

from msgspec import Struct

from premortem.exceptions import Malformed
from premortem.sentry.timestamps import parse_timestamp

_WELL = frozenset(("ok", "cancelled", "unknown", "not_found", "already_exists", "invalid_argument", "unauthenticated"))
"""Statuses that are the client's doing, or none at all: not a failure of the service."""


class Outcome(Struct, frozen=True):
    """How one transaction ended."""

    started_at: int
    failed: bool
    release: str | None
    environment: str | None


def parse(value: Any, received_at: int) -> Outcome:
    """Return the outcome of a transaction parsed from JSON. Raises Malformed when it is no object."""
    if not isinstance(value, dict):
        raise Malformed("transaction is not a JSON object")
    contexts = value.get("contexts")
    trace = contexts.get("trace") if isinstance(contexts, dict) else None
    status = trace.get("status") if isinstance(trace, dict) else None
    release, environment = value.get("release"), value.get("environment")
    return Outcome(
        started_at=parse_timestamp(value.get("start_timestamp"), received_at),
        failed=isinstance(status, str) and status not in _WELL,
        release=release[:200] if isinstance(release, str) else None,
        environment=environment[:64] if isinstance(environment, str) else None,
    )
