"""Crash points: named places where a test may have the process killed, as a power failure would."""

import os
import signal
from collections.abc import Callable

VARIABLE = "PREMORTEM_CRASH_AT"
"""`<point>` or `<point>:<n>`: die the n-th time the point is passed (the first when left out)."""


def from_environment() -> Callable[[str], None]:
    """Return the function to call at each point; it does nothing unless the variable names the point."""
    wanted = os.environ.get(VARIABLE, "")
    if not wanted:
        return _nothing
    point, _, times = wanted.partition(":")
    return _Countdown(point, int(times or 1))


def _nothing(_: str) -> None:
    return None


class _Countdown:
    """Kills this process with SIGKILL when its point is passed often enough."""

    def __init__(self, point: str, times: int) -> None:
        self._point, self._left = point, times

    def __call__(self, point: str) -> None:
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
