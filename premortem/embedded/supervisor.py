"""The supervisor: keeps the children of the one-machine stack alive, and takes them down with it.

One thread and no signal handlers: signals are blocked and waited for, so nothing happens in between. It gives up on no
child, ever; it says loudly (log, status file) what fails, and tries again at most 30 s later.
"""

import ctypes
import logging
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from premortem.embedded import status
from premortem.embedded.child import Child, stop_order
from premortem.embedded.rotation import rotate
from premortem.embedded.supervised import Supervised

_PR_SET_CHILD_SUBREAPER = 36
_STOP = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
_BUSY_SECONDS = 0.05
_IDLE_SECONDS = 1.0
_KILL_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Supervisor:
    """Runs children until it gets SIGTERM, SIGINT or SIGHUP; to be used in the main thread of a process of its own."""

    def __init__(self, children: Sequence[Child], logs: Path, status_file: Path) -> None:
        self._groups = stop_order(children)
        self._all = {child.name: Supervised(child, logs / f"{child.name}.log") for child in children}
        self._logs = logs
        self._status_file = status_file
        self._stop_signals = {number for number in _STOP if signal.getsignal(number) is not signal.SIG_IGN}
        """nohup asks us to ignore SIGHUP."""
        self._written: status.StackStatus | None = None

    def run(self) -> None:
        """Start, watch and restart until told to stop; then stop all, in order, in bounded time."""
        previous = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, *_STOP})
        _adopt_orphans()
        try:
            while not self._round():
                pass
        finally:
            self._stop_all()
            signal.pthread_sigmask(signal.SIG_SETMASK, previous)

    def _round(self) -> bool:
        """Do what is due, then wait for a signal; return whether it was one to stop."""
        for supervised in self._all.values():
            if supervised.state in ("waiting", "backing off"):
                if self._may_start(supervised):
                    supervised.start_when_due()
            elif supervised.state == "starting":
                supervised.look_whether_ready()
        self._publish()
        busy = any(supervised.state not in ("running", "done") for supervised in self._all.values())
        if not busy:
            self._rotate()
        awaited = {signal.SIGCHLD, *self._stop_signals}
        told = signal.sigtimedwait(awaited, _BUSY_SECONDS if busy else _IDLE_SECONDS)
        self._reap()
        return told is not None and told.si_signo in self._stop_signals

    def _may_start(self, supervised: Supervised) -> bool:
        child = supervised.child
        if not all(self._all[name].status().is_ready for name in child.after):
            return False
        soon = all(self._all[name].status().is_ready for name in child.after_if_soon)
        return soon or supervised.waited() > child.patience_seconds

    def _reap(self) -> None:
        """Take note of every process that ended, and end those whose parent did: nothing of a child outlives it."""
        by_pid = {supervised.pid: supervised for supervised in self._all.values() if supervised.pid}
        while True:
            try:
                pid, wait_status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            if supervised := by_pid.pop(pid, None):
                supervised.ended(wait_status)
        for pid in _children_of_this_thread() - by_pid.keys():
            _log.info("pid %d lost its parent: ended", pid)
            os.kill(pid, signal.SIGKILL)

    def _stop_all(self) -> None:
        for group in self._groups:
            members = [self._all[child.name] for child in group]
            for member in members:
                member.stop()
            self._wait_for(members, max(child.stop_seconds for child in group))
            for last in (None, signal.SIGKILL):
                for member in members:
                    member.send(last or member.child.death_signal)
                self._wait_for(members, _KILL_SECONDS)
        self._publish()

    def _wait_for(self, members: Sequence[Supervised], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        self._reap()
        while any(member.pid for member in members) and (left := deadline - time.monotonic()) > 0:
            signal.sigtimedwait({signal.SIGCHLD}, min(left, _BUSY_SECONDS))
            self._reap()

    def _publish(self) -> None:
        now = status.StackStatus(os.getpid(), tuple(supervised.status() for supervised in self._all.values()))
        if now == self._written:
            return
        try:
            status.write(self._status_file, now)
            self._written = now
        except OSError as problem:
            _log.error("the status file was not written: %s", problem)

    def _rotate(self) -> None:
        for log in self._logs.glob("*.log"):
            try:
                rotate(log)
            except OSError as problem:
                _log.error("%s was not rotated: %s", log, problem)


def _adopt_orphans() -> None:
    """Become the parent of processes whose own parent dies below us, so that we see them. Source: prctl(2)."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _children_of_this_thread() -> set[int]:
    try:
        return {int(pid) for pid in Path("/proc/thread-self/children").read_text().split()}
    except OSError:
        return set()
