"""Budgets: how much models may take for an incident, and for a tenant in a day (UTC, of the log's time)."""

from msgspec import Struct

from premortem.ports import Allowance

_DAY_MS = 86_400_000


class Budgets(Struct, frozen=True, kw_only=True):
    """Tokens and microdollars; where models cost nothing, only tokens count."""

    incident_tokens: int = 200_000
    incident_microdollars: int = 2_000_000
    day_tokens: int = 5_000_000
    day_microdollars: int = 20_000_000

    def left(self, incident: tuple[int, int], day: tuple[int, int]) -> Allowance:
        """Return what is left, given (tokens, microdollars) spent by both."""
        return Allowance(
            tokens=max(0, min(self.incident_tokens - incident[0], self.day_tokens - day[0])),
            cost_microdollars=max(0, min(self.incident_microdollars - incident[1], self.day_microdollars - day[1])),
        )


def day_of(at: int) -> int:
    """Return the number of the UTC day since 1970."""
    return at // _DAY_MS
