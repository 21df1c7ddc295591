"""Several dataflows in one process, each in a thread of its own, with one end for all."""

import logging
import time
from collections.abc import Sequence
from threading import Event, Thread

from bytewax.dataflow import Dataflow
from bytewax.run import cli_main

from premortem.adapters.streams.stopping import GOODBYE_SECONDS

_LOGGER = logging.getLogger(__name__)
_LOOK_SECONDS = 0.1
_STEP_BACK_NS = 1_000_000_000


def run_together(dataflows: Sequence[Dataflow], stop: Event) -> int:
    """Run until `stop` is set, one of them ends, or the machine's clock is set back; return the exit code.

    The exit code is 0 only after a stop that nothing failed in. A thread may be left that still waits for a dependency:
    leave with `os._exit`.
    """
    runs = [_Run(dataflow) for dataflow in dataflows]
    for run in runs:
        run.thread.start()
    clock = _WallClock()
    while all(run.thread.is_alive() for run in runs) and not stop.wait(_LOOK_SECONDS):
        if clock.was_set_back():
            _LOGGER.error("the clock was set back, and Bytewax waits by it: starting anew")
            return 1
    asked = stop.is_set()
    stop.set()
    deadline = time.monotonic() + GOODBYE_SECONDS
    for run in runs:
        run.thread.join(max(0.0, deadline - time.monotonic()))
    return 0 if asked and not any(run.failed for run in runs) else 1


class _Run:
    """One dataflow in its thread."""

    def __init__(self, dataflow: Dataflow) -> None:
        self._dataflow = dataflow
        self.failed = False
        self.thread = Thread(target=self._run, name=dataflow.flow_id, daemon=True)

    def _run(self) -> None:
        try:
            cli_main(self._dataflow)  # type: ignore[no-untyped-call]  # its stub has no types
        except BaseException:
            self.failed = True
            _LOGGER.exception("dataflow %s failed", self._dataflow.flow_id)


class _WallClock:
    """Notices when the wall clock is set back by more than a second: a sleeping source would sleep so much longer."""

    def __init__(self) -> None:
        self._ahead = self._now_ahead()

    def was_set_back(self) -> bool:
        before, self._ahead = self._ahead, self._now_ahead()
        return before - self._ahead > _STEP_BACK_NS

    @staticmethod
    def _now_ahead() -> int:
        return time.time_ns() - time.monotonic_ns()
