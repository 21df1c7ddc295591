"""`python -m dataflows`: all four dataflows in one process, each in a thread of its own; ends cleanly on SIGTERM.

A dataflow that fails ends the process with exit code 1: the supervisor starts it anew from its checkpoints.
"""

import logging
import os
import signal
import sys
import threading
from types import FrameType

from bytewax.testing import run_main

from dataflows.wiring import FLOWS, Wired, wire
from premortem.adapters.streams.effects import Stopped
from premortem.exceptions import PremortemException
from premortem.settings import Settings

_LOGGER = logging.getLogger(__name__)
_STOP_SECONDS = 2.5


def main() -> None:
    """Run until SIGTERM or SIGINT, or until a dataflow fails."""
    settings = Settings()
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    stopping, ended, failed = threading.Event(), threading.Event(), threading.Event()

    def stop(_: int, __: FrameType | None) -> None:
        stopping.set()
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    try:
        wired = [wire(flow, settings, stopping) for flow in FLOWS]
    except PremortemException as exception:
        sys.exit(f"premortem dataflows: {exception}")
    threads = [
        threading.Thread(target=_run, args=(each, stopping, ended, failed), name=each.flow, daemon=True)
        for each in wired
    ]
    for thread in threads:
        thread.start()
    ended.wait()
    stopping.set()
    for thread in threads:
        thread.join(_STOP_SECONDS)
    # Not sys.exit: Bytewax's threads that still wait for a dependency must not hold the process.
    logging.shutdown()
    os._exit(1 if failed.is_set() else 0)


def _run(wired: Wired, stopping: threading.Event, ended: threading.Event, failed: threading.Event) -> None:
    try:
        run_main(wired.dataflow())
    except Exception as exception:  # noqa: BLE001 -- whatever it was, the process must end and say so
        if not (stopping.is_set() and _caused_by_stopping(exception)):
            _LOGGER.error("dataflow %s failed", wired.flow, exc_info=exception)
            failed.set()
    finally:
        ended.set()


def _caused_by_stopping(exception: BaseException | None) -> bool:
    while exception is not None:
        if isinstance(exception, Stopped):
            return True
        exception = exception.__cause__ or exception.__context__
    return False


if __name__ == "__main__":
    main()
