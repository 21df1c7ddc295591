"""One child in the supervisor's hands: started, watched, put off after a failure."""

import logging
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from premortem.embedded.child import SETTLED_SECONDS, Child, back_off
from premortem.embedded.spawn import spawn
from premortem.embedded.status import ChildStatus, State

_log = logging.getLogger(__name__)
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""No proxy of the environment stands between us and our own children."""


class Supervised:
    """The life of one child. Times are seconds of the monotonic clock."""

    def __init__(self, child: Child, log: Path) -> None:
        self.child = child
        self.log = log
        self.state: State = "waiting"
        self.restarts = 0
        self.failures = 0
        self.last_exit: str | None = None
        self.running: subprocess.Popen[bytes] | None = None
        self._started_at: int | None = None
        self._since = time.monotonic()
        self._not_before = 0.0

    @property
    def pid(self) -> int | None:
        """The pid while it lives."""
        return self.running.pid if self.running else None

    def status(self) -> ChildStatus:
        """Return what the status file says of it."""
        return ChildStatus(
            name=self.child.name,
            state=self.state,
            pid=self.pid,
            started_at=self._started_at if self.running else None,
            restarts=self.restarts,
            last_exit=self.last_exit,
            once=self.child.once,
        )

    def waited(self) -> float:
        """Return for how many seconds it has been in its state."""
        return time.monotonic() - self._since

    def start_when_due(self) -> None:
        """Start it, unless its back-off is not over yet."""
        if time.monotonic() < self._not_before:
            return
        child = self.child
        try:
            self.running = spawn(child.module, child.args, child.env, self.log, child.death_signal, child.niceness)
        except OSError as problem:
            self._failed(f"could not be started: {problem}")
            return
        self._started_at = time.time_ns() // 1_000_000
        self._enter("starting")
        _log.info("%s: started, pid %d", child.name, self.running.pid)

    def look_whether_ready(self) -> None:
        """Move a starting child on: to `running` when it is ready, to its end when that takes too long."""
        if self.running is None or self.child.once:
            return
        if self._is_ready(self.running.pid):
            _log.info("%s: ready after %.1f s", self.child.name, self.waited())
            self._enter("running")
        elif self.waited() > self.child.ready_seconds:
            _log.error("%s: not ready after %.0f s, ended; see %s", self.child.name, self.waited(), self.log)
            self.send(signal.SIGKILL)
            self._since = time.monotonic()

    def ended(self, wait_status: int) -> None:
        """Note that its process ended."""
        code = os.waitstatus_to_exitcode(wait_status)
        if self.running:
            self.running.returncode = code
            self.running = None
        if self.state == "running" and self.waited() > SETTLED_SECONDS:
            self.failures = 0
        if self.state == "stopped":
            self.last_exit = _words(code)
        elif self.child.once and code == 0:
            self.last_exit = _words(code)
            self._enter("done")
            _log.info("%s: done", self.child.name)
        else:
            self._failed(_words(code))

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it lives."""
        if self.running:
            try:
                os.kill(self.running.pid, number)
            except ProcessLookupError:
                pass

    def stop(self) -> None:
        """Ask it to stop; it is not started again."""
        self._enter("stopped")
        self.send(self.child.stop_signal)

    def _is_ready(self, pid: int) -> bool:
        ready = self.child.ready
        if ready is None:
            return self.waited() >= self.child.settle_seconds
        return ready(pid) if callable(ready) else _answers(ready)

    def _failed(self, how: str) -> None:
        self.last_exit = how
        self.failures += 1
        self.restarts += 1
        wait = back_off(self.failures)
        self._not_before = time.monotonic() + wait
        self._enter("backing off")
        _log.error("%s: ended (%s), next try in %.1f s; see %s", self.child.name, how, wait, self.log)

    def _enter(self, state: State) -> None:
        self.state = state
        self._since = time.monotonic()


def _words(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit {code}"


def _answers(url: str) -> bool:
    try:
        with _OPENER.open(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False
