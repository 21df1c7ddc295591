"""A clock that starts where it is told and runs `rate` times as fast: an hour of traffic in half a minute."""

import time

from premortem.exceptions import Malformed


class ScaledClock:
    """Milliseconds since 1970 UTC, from `start` on, `rate` times real time.

    `epoch_ns` is the reading of `time.time_ns` at which the clock shows `start`; two processes that are given the
    same one agree, and a restarted process goes on where it would have been.
    """

    def __init__(self, start: int, rate: float, epoch_ns: int) -> None:
        self._start, self._rate, self._epoch_ns = start, rate, epoch_ns
        self._latest = start

    def now(self) -> int:
        """Return the time; never less than an earlier answer."""
        elapsed_ms = (time.time_ns() - self._epoch_ns) / 1_000_000
        self._latest = max(self._latest, self._start + int(elapsed_ms * self._rate))
        return self._latest


def parse(text: str) -> ScaledClock:
    """Return the clock of `scaled:<start ms>:<rate>:<epoch ns>`; Malformed says what is wrong with the text."""
    try:
        kind, start, rate, epoch_ns = text.split(":")
        if kind != "scaled" or float(rate) <= 0:
            raise ValueError(text)
        return ScaledClock(int(start), float(rate), int(epoch_ns))
    except ValueError as exception:
        raise Malformed(
            f"{text!r} is no clock. Set PREMORTEM_CLOCK to 'system' or 'scaled:<start ms>:<rate>:<epoch ns>'."
        ) from exception
