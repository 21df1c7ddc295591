"""`premortem worker`: work on the tasks of the queues, until told to stop."""

import logging
import os
import signal
from threading import Event, Timer
from types import FrameType
from typing import Annotated

import typer

from premortem.settings import Settings

_GOODBYE_SECONDS = 9.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def worker(
    queues: Annotated[str, typer.Option(help="Names by commas; empty = every queue whose tasks it can do.")] = "",
    threads: Annotated[int, typer.Option(min=1, max=64, help="So many tasks of each queue at a time.")] = 1,
) -> None:
    """Work on tasks until SIGTERM, which ends it within ten seconds; what is unfinished then is handed out again."""
    from premortem import bootstrap

    settings, stop = Settings(), Event()
    form = "%(asctime)s %(levelname)s %(name)s %(message)s"
    logging.basicConfig(level=settings.log_level.upper(), format=form, force=True)
    _stop_on_signals(stop)
    code = bootstrap.run_worker(settings, [name.strip() for name in queues.split(",") if name.strip()], threads, stop)
    logging.shutdown()
    os._exit(code)  # a thread may still be working: its task is handed out again


def _stop_on_signals(stop: Event) -> None:
    """Set `stop` on the first signal; a further one says nothing new. Where a dependency hangs the process leaves after
    nine seconds all the same.
    """

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        stop.set()
        timer = Timer(_GOODBYE_SECONDS, os._exit, (0,))
        timer.daemon = True
        timer.start()

    for number in _SIGNALS:
        signal.signal(number, on_signal)
