"""Signals: what one detector says about one fingerprint, before it is decided which incident it belongs to."""

from msgspec import Struct

from premortem.domain.decision import Decision
from premortem.domain.ids import Fingerprint
from premortem.domain.project_stream import ErrorSeen


class Signal(Struct, frozen=True, kw_only=True, array_like=True):
    """A decision that fired. Times in milliseconds since 1970 UTC, event time."""

    fingerprint: Fingerprint
    event: ErrorSeen
    """The event that fired it: what the incident will say of itself."""
    decision: Decision
    first_seen: int
    """Of the fingerprint."""
    first_release: str | None
    """The release that the fingerprint was first seen in."""
    released_at: int | None
    """When the event's release came to its environment; None = it names none, or it is the first one there."""
    urgent: bool
    """It opens an incident at once; any other may be held for a moment, to see whether it is part of a larger one."""

    @property
    def onset(self) -> int:
        """Return where the change is thought to begin."""
        return self.decision.onset

    @property
    def score(self) -> float:
        """Return the decision's score; 0 where a detector has none."""
        return self.decision.score or 0.0
