"""The pulse of a process, of dataflows or of a worker: a file that says when its slowest reader last did something.

A live pid proves nothing: a process may hang in a lock, or be stopped. So every thread that reads a partition beats
whenever it is asked for records, and before every call to a dependency, also the repeated ones: an idle dataflow beats,
and so does one that waits for a database. `premortem flow-health` reads the files. A thread that reads nothing (more
Bytewax workers than partitions) is not watched: its lag tells.

DIRECTORY/FLOW.PID holds one number, nanoseconds by CLOCK_MONOTONIC, which all processes of a machine share and nobody
can set. After a restart of the machine it begins anew; by then the pid is another process, or the beat is ahead of us.
"""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from premortem.exceptions import Conflict
from premortem.ports import Flow

Beating = Flow | Literal["worker"]
_WRITE_NS = 1_000_000_000
_WIDTH = 20


class Pulse:
    """The pulses of the dataflows of this process; thread-safe. Costs a microsecond but for one write a second."""

    def __init__(self, directory: Path, monotonic_ns: Callable[[], int] = time.monotonic_ns) -> None:
        """Raises Conflict when nothing can be written into the directory, which is made."""
        self._directory, self._monotonic_ns = directory, monotonic_ns
        self._beats: dict[tuple[Beating, int], int] = {}
        self._files: dict[Beating, int] = {}
        self._written: dict[Beating, int] = {}
        self._lock = threading.Lock()
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as problem:
            raise _unusable(directory, problem) from problem

    def read(self, flow: Beating) -> None:
        """Beat for the calling thread, which reads the dataflow's log, and from now on is watched."""
        now = self._monotonic_ns()
        self._beats[flow, threading.get_ident()] = now
        if now - self._written.get(flow, now - _WRITE_NS) >= _WRITE_NS:
            self._write(flow, now)

    def call(self, flow: Beating) -> None:
        """Beat for the calling thread, which is about to call a dependency, if it is watched."""
        if (flow, threading.get_ident()) in self._beats:
            self.read(flow)

    def _write(self, flow: Beating, now: int) -> None:
        with self._lock:
            self._written[flow] = now
            oldest = min(beat for (other, _), beat in self._beats.copy().items() if other == flow)
            try:
                if flow not in self._files:
                    self._files[flow] = _opened(self._directory, flow)
                os.pwrite(self._files[flow], b"%*d\n" % (_WIDTH, oldest), 0)  # one length: never a half of two
            except OSError as problem:
                raise _unusable(self._directory, problem) from problem


@dataclass(frozen=True)
class Beat:
    """How long ago the slowest reader of a live process did something."""

    pid: int
    silent_seconds: float


def beats(directory: Path, flow: Beating, monotonic_ns: Callable[[], int] = time.monotonic_ns) -> list[Beat]:
    """Return the last beat of every live process of the dataflow on this machine, in order of pid; changes nothing."""
    found = []
    for file in directory.glob(f"{flow}.*"):
        pid = file.suffix[1:]
        if pid.isdecimal() and _lives(int(pid)) and (beat := _read(file)) is not None:
            silent = (monotonic_ns() - beat) / 1e9
            if silent >= -1:  # from before the machine restarted, else
                found.append(Beat(int(pid), max(0.0, silent)))
    return sorted(found, key=lambda beat: beat.pid)


def _opened(directory: Path, flow: Beating) -> int:
    """Return our file, and take away those of processes that are gone."""
    for file in directory.glob(f"{flow}.*"):
        pid = file.suffix[1:]
        if pid.isdecimal() and not _lives(int(pid)):
            file.unlink(missing_ok=True)
    return os.open(directory / f"{flow}.{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)


def _read(file: Path) -> int | None:
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError):
        return None
    return int(text) if text.strip().isdecimal() else None


def _lives(pid: int) -> bool:
    """Tell whether the process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (OSError, IndexError):
        return False


def _unusable(directory: Path, problem: OSError) -> Conflict:
    return Conflict(f"{directory} cannot be written ({problem.strerror}). Choose another PREMORTEM_DATA_DIR.")
