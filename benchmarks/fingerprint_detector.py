"""The whole detector with a million fingerprints in one project: memory, throughput, pauses, and a restart.

Called by `benchmarks.fingerprints --detector`. Each part runs in a process of its own; state goes into a file of SQLite
as into a checkpoint store, outside of what is timed. Microseconds are processor time, pauses are by the wall clock.
"""

import gc
import json
import os
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path

from benchmarks.fingerprint_stream import Stream
from benchmarks.servers import running_postgres
from premortem.adapters.checkpoint_store.postgres import PostgresCheckpointStore
from premortem.domain.detection import Detector
from premortem.domain.project_stream import ErrorSeen

_CHECKPOINT = 10_000
"""Records between two checkpoints, as in `log_source.Pace`."""
_MEASURED = 200_000
"""Records that are timed."""
_SLICE = 20_000_000
"""Bytes of state in one save while PostgreSQL is filled."""


def resident() -> int:
    """Return the bytes of memory that this process occupies."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Kept:
    """The state as a checkpoint store would have it, in a file."""

    def __init__(self, path: str) -> None:
        self._database = sqlite3.connect(path)
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID")

    def save(self, changed: Mapping[str, bytes | None]) -> None:
        """Store what changed."""
        with self._database:
            self._database.executemany("REPLACE INTO state VALUES (?, ?)", changed.items())
            self._database.execute("DELETE FROM state WHERE value IS NULL")

    def load(self) -> dict[str, bytes]:
        """Return everything."""
        return dict(self._database.execute("SELECT name, value FROM state"))

    def sizes(self, prefix: str) -> tuple[int, int]:
        """Return how many parts begin so, and their bytes."""
        row = self._database.execute(
            "SELECT count(*), sum(length(value)) FROM state WHERE name GLOB ?", (f"1/{prefix}*",)
        ).fetchone()
        return row[0], row[1] or 0


class Driven:
    """A detector, the stream that it sees, and what its checkpoints cost."""

    def __init__(self, stream: Stream, kept: Kept) -> None:
        self.stream, self._kept, self.detector = stream, kept, Detector()
        self.alone: list[float] = []
        self.both: list[float] = []
        self.pauses: list[float] = []
        self.written: list[tuple[int, int]] = []
        self._offset = 0

    def see(self, events: Iterable[ErrorSeen], heading: str = "") -> None:
        """Observe the events, and take a checkpoint every `_CHECKPOINT` records."""
        events = iter(events)
        while chunk := list(islice(events, _CHECKPOINT)):
            begun = time.process_time()
            for each in chunk:
                self.detector.observe(self._offset, each)
                self._offset += 1
            self.alone.append((time.process_time() - begun) / len(chunk) * 1e6)
            before = time.perf_counter()
            changed = self.detector.changed()
            self.pauses.append(time.perf_counter() - before)
            self.both.append((time.process_time() - begun) / len(chunk) * 1e6)
            self.written.append((len(changed), sum(len(value) for value in changed.values() if value is not None)))
            self._kept.save(changed)
            del changed
            if heading and len(self.alone) % 25 == 0:
                recent = statistics.fmean(self.alone[-25:])
                print(
                    f"    {heading}: {self._offset:,} records, {self.stream.hours:.0f} h of the stream, "
                    f"{recent:.1f} us a record",
                    file=sys.stderr,
                    flush=True,
                )

    def forget_costs(self) -> None:
        """Begin to measure."""
        for each in (self.alone, self.both, self.pauses, self.written):
            each.clear()


def driven(count: int, hours: float, per_hour: float, directory: str) -> float:
    """Print what a detector of so many fingerprints costs, and return microseconds a record."""
    Path(f"{directory}/state-{count}").unlink(missing_ok=True)
    kept = Kept(f"{directory}/state-{count}")
    stream = Stream(count, per_hour)
    before = resident()
    driven = Driven(stream, kept)
    driven.see(stream.begin(hours), f"{count:,} fingerprints")
    used, peak = resident() - before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    driven.forget_costs()
    driven.see(stream.go_on(min(_MEASURED, 50 * count)))
    alone, both = statistics.median(driven.alone), statistics.median(driven.both)
    parts, size = (sum(each) / len(driven.written) for each in zip(*driven.written, strict=True))
    print(
        f"  {count:,} fingerprints: {alone:.1f} us a record, {both:.1f} with checkpoints ({1e6 / both:,.0f} records/s);"
        f" pause {statistics.median(driven.pauses) * 1e3:.0f} ms at the median, {max(driven.pauses) * 1e3:.0f} at most;"
        f" {parts:,.0f} parts, {size / 1e6:.1f} MB each",
        flush=True,
    )
    blocks, remembered = kept.sizes("memory-")
    actives, active = kept.sizes("active-")
    print(
        f"    packed: {remembered / count:.0f} bytes for each in {blocks:,} blocks, {active / max(1, actives):,.0f} "
        f"more for each of {actives:,} active; {(remembered + active) / 1e6:.0f} MB"
    )
    print(
        f"    resident: {used / 1e6:.0f} MB above what it was before the first record, {peak / 1e6:.0f} MB at most",
        flush=True,
    )
    return both


def restored(count: int, directory: str, in_postgres: bool) -> None:
    """Print what a restart costs: nothing else has lived in this process."""
    state = Kept(f"{directory}/state-{count}").load()
    if in_postgres:
        with (
            tempfile.TemporaryDirectory(prefix="premortem-bench-") as place,
            running_postgres(Path(place), 2) as (_, pool),
        ):
            store = PostgresCheckpointStore(pool)
            begun = time.perf_counter()
            _fill(store, state)
            print(f"    PostgreSQL: all saved in {time.perf_counter() - begun:.1f} s", end=", ", flush=True)
            begun = time.perf_counter()
            state = dict(store.load("detect", 0).state)
            print(f"loaded in {time.perf_counter() - begun:.2f} s", end="; ")
    before, stored = resident(), sum(map(len, state.values()))
    begun, by_the_wall = time.process_time(), time.perf_counter()
    detector = Detector.restore(state)
    taken, waited = time.process_time() - begun, time.perf_counter() - by_the_wall
    del state  # what the detector has not kept of it is free now
    used = resident() - before
    print(
        f"restored in {waited:.2f} s ({taken:.2f} s of processor time): {used / 1e6:.0f} MB more than the "
        f"{stored / 1e6:.0f} MB loaded"
    )
    detector.changed()


def _fill(store: PostgresCheckpointStore, state: Mapping[str, bytes]) -> None:
    changed, size = dict[str, bytes](), 0
    for name, value in state.items():
        changed[name] = value
        size += len(value)
        if size > _SLICE:
            store.save("detect", 0, 1, changed)
            changed, size = {}, 0
    store.save("detect", 0, 1, changed)


def main(arguments: list[str]) -> None:
    """Measure one part, in a process of its own: `driven` or `restored`, and what they are asked for."""
    name, count, directory, *rest = arguments
    if name == "restored":
        restored(int(count), directory, rest == ["postgres"])
        return
    figures = Path(f"{directory}/figures-{count}.json")
    found = json.loads(figures.read_text())["us"] if figures.exists() else []
    found.append(driven(int(count), float(rest[0]), float(rest[1]), directory))
    figures.write_text(json.dumps({"us": found}))


if __name__ == "__main__":
    main(sys.argv[1:])
