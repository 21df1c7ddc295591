"""Crash points: named places where a process kills itself, so that tests can prove what a crash there does.

gateway.before_append  gateway.after_append  event_log.before_commit  event_log.before_flush (Kafka)
detect.after_findings  materialize.after_save  route.after_send  archive.after_insert
FLOW.before_checkpoint  FLOW.after_checkpoint        for each of the four dataflows
worker.before_append  worker.after_append            of an answer, or of the fact that a task is given up
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path

Crash = Callable[[str], None]


def crash_points(wanted: str) -> Crash:
    """Return the function to call at each point with its name; it kills the process where that is wanted.

    `wanted` is `NAME` or `NAME:N` to die when that point is passed for the N-th time, several with commas between.
    With `@DIRECTORY` at its end each point kills once and no more, however often the process is started again: a file
    of the point's name says that it happened. Empty = never.
    """
    points, _, directory = wanted.partition("@")
    left: dict[str, int] = {}
    for point in filter(None, points.split(",")):
        name, _, times = point.partition(":")
        left[name] = int(times or 1)

    def crash(name: str) -> None:
        if name in left:
            left[name] -= 1
            if left[name] == 0 and (not directory or _first_time(Path(directory) / name)):
                os.kill(os.getpid(), signal.SIGKILL)

    return crash if left else _go_on


def _go_on(_name: str) -> None:
    """Pass a point of which nobody wants anything."""


def _first_time(mark: Path) -> bool:
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
