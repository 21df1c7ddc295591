"""A clock for demonstrations and tests: it starts where it is told and runs as fast as it is told, leg by leg."""

import time

from premortem.exceptions import Malformed

Leg = tuple[float, float]
"""Rate (times real time) and how many real seconds it holds."""


class ScaledClock:
    """Milliseconds since 1970 UTC, from `start` on.

    `epoch_ns` is the reading of `time.time_ns` at which the clock shows `start`: processes that are given the same
    one agree, and a restarted process goes on where it would have been. After the last leg its rate holds on.
    """

    def __init__(self, start: int, epoch_ns: int, legs: tuple[Leg, ...]) -> None:
        self._start, self._epoch_ns, self._legs = start, epoch_ns, legs
        self._latest = start

    def now(self) -> int:
        """Return the time; never less than an earlier answer."""
        self._latest = max(self._latest, self.at((time.time_ns() - self._epoch_ns) / 1e9))
        return self._latest

    def at(self, real_seconds: float) -> int:
        """Return what the clock shows `real_seconds` after its epoch."""
        shown, left = 0.0, max(0.0, real_seconds)
        for rate, seconds in self._legs[:-1]:
            spent = min(left, seconds)
            shown += spent * rate
            left -= spent
        return self._start + int((shown + left * self._legs[-1][0]) * 1000)

    @property
    def final_rate(self) -> float:
        """How fast the clock runs after its last leg began."""
        return self._legs[-1][0]


def parse(text: str) -> ScaledClock:
    """Return the clock of `scaled:<start ms>:<epoch ns>:<rate>x<seconds>,...,<rate>`.

    The last leg has no length. Raises Malformed.
    """
    try:
        kind, start, epoch_ns, legs_text = text.split(":")
        *timed, last = legs_text.split(",")
        legs = [(float(rate), float(seconds)) for rate, seconds in (leg.split("x") for leg in timed)]
        legs.append((float(last), 0.0))
        if kind != "scaled" or any(rate <= 0 or seconds < 0 for rate, seconds in legs):
            raise ValueError(text)
        return ScaledClock(int(start), int(epoch_ns), tuple(legs))
    except ValueError as exception:
        raise Malformed(
            f"{text!r} is no clock. Set PREMORTEM_CLOCK to 'system' or 'scaled:<start ms>:<epoch ns>:<rate>'."
        ) from exception
