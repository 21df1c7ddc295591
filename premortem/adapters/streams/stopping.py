"""How a dataflow ends: SIGTERM sets a flag, sources end behind it, the last positions are saved."""

import os
import signal
import sys
from collections.abc import Callable
from threading import Event, Timer
from types import FrameType

GOODBYE_SECONDS = 2.5
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Abandoned(Exception):
    """The dataflow was told to stop while it waited: what it has not settled is read again after the next start."""


def stop_on_signals(stop: Event, leave: Callable[[int], None] = os._exit) -> None:
    """Set `stop` on the first SIGTERM or SIGINT; a process that is still there 2.5 s later leaves with exit code 0.

    A further signal says nothing new and is ignored to the very end: an interpreter that winds down would die of it.
    Whoever then still waits waits for a dependency. What it holds is not settled, so the next start reads it again.
    Call it in the main thread.
    """

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        stop.set()
        timer = Timer(GOODBYE_SECONDS, _leave, (leave,))
        timer.daemon = True
        timer.start()

    for number in _SIGNALS:
        signal.signal(number, on_signal)


def _leave(leave: Callable[[int], None]) -> None:
    print("Left without waiting for a dependency; the next start reads again what was not settled.", file=sys.stderr)
    sys.stderr.flush()
    leave(0)
