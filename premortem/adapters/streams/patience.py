"""Patience with a dependency that does not answer: back off, try again, and know when to give up."""

import logging
from collections.abc import Callable
from threading import Event
from typing import TypeVar

from premortem.adapters.streams.stopping import Abandoned
from premortem.exceptions import Unavailable

T = TypeVar("T")
_LOGGER = logging.getLogger(__name__)
_FIRST_SECONDS = 0.05
_LONGEST_SECONDS = 5.0


class Patience:
    """Calls again what raised Unavailable, after 50 ms, then twice as long each time, 5 s at most.

    After `attempts` it raises the last Unavailable, which ends the process: the supervisor starts a fresh one. None =
    never give up. While `stop` is set a failure raises Abandoned at once. `called` is told before every attempt:
    whoever waits patiently is alive.
    """

    def __init__(self, stop: Event, attempts: int | None = 7, called: Callable[[], None] = lambda: None) -> None:
        self._stop, self._attempts, self._called = stop, attempts, called

    def __call__(self, call: Callable[[], T]) -> T:
        """Return what `call` returns."""
        failures = 0
        while True:
            self._called()
            try:
                return call()
            except Unavailable as exception:
                failures += 1
                if self._stop.is_set():
                    raise Abandoned(str(exception)) from exception
                if self._attempts is not None and failures >= self._attempts:
                    raise
                seconds = min(_LONGEST_SECONDS, _FIRST_SECONDS * 2 ** min(failures - 1, 16))
                _LOGGER.warning("%s; next try in %.2g s", exception, seconds)
                self._stop.wait(seconds)
