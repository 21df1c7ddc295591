"""The pulse: an idle or waiting dataflow beats, a hung one does not, and the files of the dead are not read."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Event, Thread

import pytest

from premortem.adapters.checkpoint_store.memory import MemoryCheckpointStore
from premortem.adapters.event_log.memory import MemoryEventLog
from premortem.adapters.streams.log_source import LogPart, LogSource
from premortem.adapters.streams.log_tail import LogTail
from premortem.adapters.streams.patience import Patience
from premortem.adapters.streams.pulse import Beat, Pulse, beats
from premortem.exceptions import Conflict, Unavailable


class Clock:
    """CLOCK_MONOTONIC in the hands of the test, in seconds."""

    def __init__(self, now: float = 1000) -> None:
        self.now = now

    def __call__(self) -> int:
        return int(self.now * 1e9)


def silences(directory: Path, clock: Clock) -> list[float]:
    return [beat.silent_seconds for beat in beats(directory, "detect", clock)]


def in_another_thread(call) -> None:  # type: ignore[no-untyped-def]
    thread = Thread(target=call)
    thread.start()
    thread.join()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pulse(tmp_path: Path, clock: Clock) -> Pulse:
    return Pulse(tmp_path / "run", clock)


def test_a_reader_that_reads_nothing_new_beats(tmp_path: Path, clock: Clock, pulse: Pulse) -> None:
    log, stop = MemoryEventLog(1), Event()
    source = LogSource(
        "detect", "sentry.events", log, MemoryCheckpointStore(), LogTail(log), stop, reads=lambda: pulse.read("detect")
    )
    part = source.build_part("s", "0000", None)
    assert isinstance(part, LogPart)
    assert silences(tmp_path / "run", clock) == []
    for _ in range(3):
        assert part.next_batch() == []
        assert silences(tmp_path / "run", clock) == [0]
        clock.now += 5
    assert silences(tmp_path / "run", clock) == [5]


def test_a_reader_that_waits_for_a_dependency_beats_and_one_inside_a_call_does_not(
    tmp_path: Path, clock: Clock, pulse: Pulse
) -> None:
    pulse.read("detect")
    seen: list[Sequence[float]] = []

    def call() -> None:
        clock.now += 30
        seen.append(silences(tmp_path / "run", clock))
        if len(seen) < 3:
            raise Unavailable("away")

    Patience(Event(), called=lambda: pulse.call("detect"))(call)
    assert seen == [[30], [30], [30]]


def test_the_slowest_reader_counts_and_a_thread_that_only_calls_does_not(
    tmp_path: Path, clock: Clock, pulse: Pulse
) -> None:
    in_another_thread(lambda: pulse.call("detect"))
    assert silences(tmp_path / "run", clock) == []
    pulse.read("detect")
    hold = Event()
    thread = Thread(target=lambda: (pulse.read("detect"), hold.wait()), daemon=True)
    thread.start()
    clock.now += 20
    pulse.read("detect")
    pulse.read("route")
    assert silences(tmp_path / "run", clock) == [20]  # the thread that waits still holds a partition
    hold.set()
    thread.join()


def test_only_processes_that_live_are_read_and_the_files_of_others_are_taken_away(tmp_path: Path, clock: Clock) -> None:
    run = tmp_path / "run"
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    run.mkdir()
    for name, text in {f"detect.{gone.pid}": "1\n", "detect.txt": "1\n", f"detect.{os.getppid()}": "what\n"}.items():
        (run / name).write_text(text)
    assert silences(run, clock) == []
    Pulse(run, clock).read("detect")
    assert not (run / f"detect.{gone.pid}").exists()
    assert beats(run, "detect", clock) == [Beat(os.getpid(), 0)]


def test_a_beat_from_before_the_machine_restarted_is_none(tmp_path: Path, clock: Clock, pulse: Pulse) -> None:
    pulse.read("detect")
    clock.now = 3
    assert silences(tmp_path / "run", clock) == []


def test_beating_is_cheap(tmp_path: Path) -> None:
    pulse = Pulse(tmp_path / "run")
    began = time.process_time()
    for _ in range(20_000):
        pulse.read("detect")
    assert time.process_time() - began < 0.4


def test_a_directory_that_cannot_be_written_is_a_conflict_that_says_the_mend(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Conflict, match="Choose another PREMORTEM_DATA_DIR"):
        Pulse(tmp_path / "file" / "run")
