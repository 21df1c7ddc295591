"""Gates: what a person set for a project, and what every finding must pass besides its own detector's test."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from premortem.domain.decision import Gate
from premortem.domain.detection.config import HOUR_MS, MINUTE_MS, DetectorConfig
from premortem.domain.project_stream import ErrorSeen, Muted

_DAY_MINUTES = 1_440
_MOST_MUTES = 10_000
_SMALLEST_RATE = 1 / 24
"""Events an hour: a tripwire on an error that hardly ever came is measured against one a day."""
OVERWHELMING = 20.0
"""A score that passes quiet hours."""

QUIET = "quiet hours until"
TRIPWIRE = "times the rate when muted"
Outcome = Literal["passed", "waits", "held"]
"""What the gates let a finding do: open, wait for the end of quiet hours, or nothing."""


class Mute(NamedTuple):
    """A fingerprint that a person does not want to hear of; `until` in milliseconds since 1970 UTC."""

    until: int
    tripwire: float | None
    per_hour: float
    """How often it came when it was muted."""


class Asked(NamedTuple):
    """What a finding shows to the gates."""

    events: int
    users: int | None
    """Distinct users, None = the detector does not count them."""
    score: float = 0.0
    per_hour: float = 0.0
    """Its rate, for a tripwire; 0 = none to compare."""


class Gates:
    """A project's rules and mutes."""

    def __init__(self) -> None:
        self.rules: dict[str, float] = {}
        self.mutes: dict[str, Mute] = {}

    def set_rule(self, rule: str, value: float | None) -> None:
        """Set or remove a gate."""
        self.rules.pop(rule, None)
        if value is not None:
            self.rules[rule] = value

    def mute(self, record: Muted, fingerprint: str, per_hour: float, clock: int) -> None:
        """Keep a fingerprint silent until then, or let it speak again."""
        self.mutes.pop(fingerprint, None)
        if record.until > clock:
            self.mutes[fingerprint] = Mute(record.until, record.tripwire, round(per_hour, 6))
        while len(self.mutes) > _MOST_MUTES:
            del self.mutes[next(iter(self.mutes))]

    def is_muted(self, fingerprint: str, clock: int) -> bool:
        """Say, at the price of a look-up, whether a mute without a tripwire holds."""
        mute = self.mutes.get(fingerprint)
        return mute is not None and mute.until > clock and mute.tripwire is None

    def has_mute(self, fingerprint: str, clock: int) -> bool:
        """Say whether a mute is on, with a tripwire or without: meanwhile the error's level is nobody's normal."""
        mute = self.mutes.get(fingerprint)
        return mute is not None and mute.until > clock

    def ask(
        self, event: ErrorSeen, fingerprint: str, asked: Asked, clock: int, config: DetectorConfig
    ) -> tuple[Gate, ...]:
        """Return every gate with its numbers: age, mute, quiet hours, and the minima that a person set."""
        hours = (clock - event.occurred_at) / HOUR_MS
        gates = [Gate("hours old", round(hours, 6), config.page_hours, hours <= config.page_hours)]
        gates += self._mute_gates(fingerprint, asked, clock)
        quiet = self.quiet_until(clock)
        if quiet:
            gates.append(Gate(QUIET, quiet, clock, passed=event.level == "fatal" or asked.score >= OVERWHELMING))
        least = self.rules.get("minimum_events")
        if least is not None:
            gates.append(Gate("minimum events", asked.events, least, asked.events >= least))
        least = self.rules.get("minimum_users")
        if least is not None and asked.users is not None:
            gates.append(Gate("minimum users", asked.users, least, asked.users >= least))
        return tuple(gates)

    def _mute_gates(self, fingerprint: str, asked: Asked, clock: int) -> list[Gate]:
        mute = self.mutes.get(fingerprint)
        if mute is None or mute.until <= clock:
            return [Gate("muted until", mute.until if mute else 0, clock, passed=True)]
        if mute.tripwire is None:
            return [Gate("muted until", mute.until, clock, passed=False)]
        times = round(asked.per_hour / max(mute.per_hour, _SMALLEST_RATE), 6)
        trips = times >= mute.tripwire
        return [
            Gate("muted until", mute.until, clock, passed=trips),
            Gate(TRIPWIRE, times, mute.tripwire, passed=trips),
        ]

    def unmute(self, fingerprint: str) -> None:
        """Forget a mute: its tripwire broke it."""
        self.mutes.pop(fingerprint, None)

    def quiet_until(self, clock: int) -> int:
        """Return the end of the quiet hours that the clock stands in, in milliseconds since 1970 UTC; 0 = in none."""
        start, end = self.rules.get("quiet_from"), self.rules.get("quiet_until")
        if start is None or end is None:
            return 0
        day, now = divmod(clock // MINUTE_MS, _DAY_MINUTES)
        start, end = start % _DAY_MINUTES, end % _DAY_MINUTES
        inside = start <= now < end if start <= end else now >= start or now < end
        if not inside:
            return 0
        ends = day * _DAY_MINUTES + int(end) + (_DAY_MINUTES if now >= end else 0)
        return ends * MINUTE_MS

    def pack(self) -> list[Any]:
        """Return the state as plain lists, in order."""
        return [list(self.rules.items()), [[name, *mute] for name, mute in self.mutes.items()]]

    @classmethod
    def unpack(cls, fields: Sequence[Any]) -> "Gates":
        """Return what `pack` gave."""
        found = cls()
        found.rules = dict(fields[0])
        found.mutes = {name: Mute(*values) for name, *values in fields[1]}
        return found


def outcome(gates: Sequence[Gate]) -> Outcome:
    """Return what the gates let a finding do."""
    closed = [gate.name for gate in gates if not gate.passed]
    if not closed:
        return "passed"
    return "waits" if closed == [QUIET] else "held"


def after_quiet(gates: Sequence[Gate]) -> tuple[Gate, ...]:
    """Return the gates once quiet hours are over."""
    return tuple(
        Gate(gate.name, gate.observed, gate.observed, passed=True) if gate.name == QUIET else gate for gate in gates
    )


def clamped(limits: Mapping[str, tuple[float, float]], name: str, value: float) -> float:
    """Return the value inside its limits; a NaN becomes the lowest."""
    low, high = limits[name]
    return min(high, max(low, value)) if value == value else low
