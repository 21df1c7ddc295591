"""Processes that have imported already: `python -m MODULE` in a fork, for a tenth of what a new interpreter costs.

One server imports once. It has no thread and no connection when it forks, and the fork is what `python -m` is: the
module as `__main__`, its words and its environment.
"""

import multiprocessing
import os
import runpy
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_IMPORTED = ("bytewax.operators", "dataflows.launch", "premortem.bootstrap", "tests.dataflows.four_flows")
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload([*_IMPORTED])


class WarmProcess:
    """A running module, with as much of subprocess.Popen's interface as is needed here."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str]) -> None:
        self._process = _SERVER.Process(target=_run, args=(list(words), dict(environment)), daemon=True)
        self._process.start()
        assert self._process.pid
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, the negative number of the signal that ended it, or None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code when there is one; TimeoutExpired when there is none in time."""
        self._process.join(timeout)
        if (code := self._process.exitcode) is None:
            raise subprocess.TimeoutExpired([str(self.pid)], timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self._process.exitcode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()


def _run(words: list[str], environment: dict[str, str]) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    os.chdir(_ROOT)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = words
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)
