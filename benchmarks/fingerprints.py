"""One million fingerprints in one project: what each costs in memory, to find, to save and to restore.

`python -m benchmarks.fingerprints [--count 1000000] [--detector [--days 30]] [--postgres]`. Fingerprints have one to
three hashes. Every line is measured in a process of its own, so that no other's memory is counted; times of look-ups
are this process's processor time, pauses are by the wall clock. `--detector` takes the whole detector through the same:
5 % of the fingerprints are active, and a detector of a thousand fingerprints stands beside it.
"""

import argparse
import gc
import os
import random
import subprocess
import sys
import tempfile
import time
import tracemalloc
from bisect import bisect
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path

import msgspec

from benchmarks.fingerprint_designs import DESIGNS
from benchmarks.servers import running_postgres
from premortem.adapters.checkpoint_store.postgres import PostgresCheckpointStore
from premortem.domain.detection import Detector
from premortem.domain.detection.memory import Memory
from premortem.domain.ids import EventId, Fingerprint, ProjectId, TenantId
from premortem.domain.project_stream import ErrorSeen

_SPREAD = 0x9E3779B97F4A7C15F39CC0605CEDC835
_VALUE_BYTES = 60
_CHECKPOINT = 10_000
"""Records between two checkpoints, as in `log_source.Pace`."""
_START = 1_795_360_907_000
_DAY_MS = 86_400_000
_LOOKS = 100_000


def hashes(number: int) -> tuple[Fingerprint, ...]:
    """Return the one to three hashes of a fingerprint."""
    return tuple(Fingerprint(f"{(3 * number + k + 1) * _SPREAD % (1 << 128):032x}") for k in range(1 + number % 3))


def popular(count: int, of: int, seed: int = 1) -> list[int]:
    """Return `count` of the numbers below `of`, by Zipf's law; who is popular has nothing to do with who came first."""
    chance = random.Random(seed)
    cumulative = list(accumulate(1 / rank for rank in range(1, of + 1)))
    return [bisect(cumulative, chance.random() * cumulative[-1]) * 7_368_787 % of for _ in range(count)]


def resident() -> int:
    """Return the bytes of memory that this process occupies."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def spent(look: Callable[[Sequence[str]], object], of: int) -> float:
    """Return microseconds of processor time for one look at the first hash of a fingerprint below `of`."""
    chance = random.Random(2)
    asked = [hashes(chance.randrange(of))[:1] for _ in range(_LOOKS)]
    begun = time.process_time()
    for each in asked:
        look(each)
    return (time.process_time() - begun) / _LOOKS * 1e6


def design(name: str, count: int) -> None:
    """Print what one design costs for each hash."""
    owners, before, longest = DESIGNS[name](), resident(), 0.0
    added = 0
    for number in range(count):
        for text in hashes(number):
            begun = time.perf_counter()
            owners.add(text, number)
            longest = max(longest, time.perf_counter() - begun)
            added += 1
    size = (resident() - before) / added
    few, all_of_them = (spent(lambda texts: owners.find(texts[0]), of) for of in (1000, count))
    missed = spent(lambda texts: owners.find("f" + texts[0][1:]), count)
    print(
        f"  {name:30} {size:6.1f} bytes a hash   find {few:.2f} us among 1,000, {all_of_them:.2f} among all, "
        f"{missed:.2f} of none   longest add {longest * 1e3:,.1f} ms"
    )


def memory(count: int) -> None:
    """Print what `Memory` costs, its snapshots, and its restoring."""
    before = resident()
    remembered = Memory()
    begun = time.process_time()
    for number in range(count):
        remembered.add(hashes(number), os.urandom(_VALUE_BYTES))
    added = (time.process_time() - begun) / count * 1e6
    size = (resident() - before) / count
    few, all_of_them = spent(remembered.find, 1000), spent(remembered.find, count)
    print(f"  resident: {size:.0f} bytes a fingerprint, its value of {_VALUE_BYTES} and its 1 to 3 hashes included")
    print(f"  find {few:.2f} us among 1,000, {all_of_them:.2f} us among all; add {added:.1f} us")
    begun = time.perf_counter()
    parts = dict(remembered.changed())
    size = sum(map(len, parts.values()))
    print(f"  snapshot of all: {time.perf_counter() - begun:.2f} s, {len(parts):,} parts, {size / 1e6:.0f} MB")
    for number in popular(_CHECKPOINT, count):
        remembered.put(remembered.find(hashes(number)), os.urandom(_VALUE_BYTES))
    begun = time.perf_counter()
    changed = dict(remembered.changed())
    size = sum(map(len, changed.values()))
    print(
        f"  snapshot after {_CHECKPOINT:,} records: {(time.perf_counter() - begun) * 1e3:.0f} ms, "
        f"{len(changed):,} parts, {size / 1e6:.1f} MB"
    )
    del remembered
    gc.collect()
    begun = time.process_time()
    again = Memory.restore(parts)
    print(f"  restore: {time.process_time() - begun:.2f} s of processor time for {len(again):,}")


def traced(count: int) -> None:
    """Print what Python's own count of memory says, beside dictionaries as the detector had them."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    remembered = Memory()
    for number in range(count):
        remembered.add(hashes(number), os.urandom(_VALUE_BYTES))
    middle = tracemalloc.get_traced_memory()[0]
    owners: dict[str, str] = {}
    values: dict[str, bytes] = {}
    mine: dict[str, list[str]] = {}
    for number in range(count):
        texts = hashes(number)
        values[texts[0]] = os.urandom(_VALUE_BYTES)
        mine[texts[0]] = list(texts)
        owners.update(dict.fromkeys(texts, texts[0]))
    after = tracemalloc.get_traced_memory()[0]
    print(
        f"  tracemalloc, {count:,} fingerprints: {(middle - before) / count:.0f} bytes each, "
        f"{(after - middle) / count:.0f} in dictionaries (baseline)"
    )


def error(number: int, at: int, fingerprint: int) -> ErrorSeen:
    """Return the error of an event: handled, so that nothing but its numbers can make it an incident."""
    return ErrorSeen(
        tenant_id=TenantId("acme"),
        project_id=ProjectId(1),
        received_at=at,
        event_id=EventId(f"{number:032x}"),
        hashes=hashes(fingerprint),
        occurred_at=at - 200,
        level="error",
        handled=True,
        title=f"ValueError: invalid value number {fingerprint}",
        culprit="shop.cart in checkout",
        platform="python",
        root_type="ValueError",
        release="shop@1.2.3",
        environment="production",
        user_hash=f"{number % 5000:016x}",
        body_hash=f"{number:064x}",
    )


class Driven:
    """A detector that has seen `count` fingerprints: `active` of them five times in the last hour, the others once."""

    def __init__(self, count: int, active: int, days: float) -> None:
        self._detector, self.state, self._number, self._at = Detector(), dict[str, bytes](), 0, _START
        self._count, self.written, self.pauses = count, list[tuple[int, int]](), list[float]()
        for number in range(count - active):
            self._see(number, int(days * _DAY_MS) // count)
        self._at += _DAY_MS // 8
        for _ in range(5):
            for number in range(count - active, count):
                self._see(number, max(1, 3_600_000 // active))
        self.save()

    def _see(self, fingerprint: int, milliseconds: int) -> None:
        self._detector.observe(self._number, error(self._number, self._at, fingerprint))
        self._number, self._at = self._number + 1, self._at + milliseconds
        if self._number % _CHECKPOINT == 0:
            self.save()

    def save(self) -> None:
        """Take a checkpoint."""
        begun = time.perf_counter()
        changed = self._detector.changed()
        self.pauses.append(time.perf_counter() - begun)
        self.written.append((len(changed), sum(len(value) for value in changed.values() if value is not None)))
        for name, value in changed.items():
            if value is None:
                self.state.pop(name, None)
            else:
                self.state[name] = value

    def rates(self, records: int) -> tuple[float, float]:
        """Return microseconds of processor time a record of popular fingerprints, without and with checkpoints."""
        events = [error(self._number + n, self._at + n, f) for n, f in enumerate(popular(records, self._count, seed=3))]
        self.pauses, self.written = [], []
        alone = both = 0.0
        for first in range(0, records, _CHECKPOINT):
            begun = time.process_time()
            for each in events[first : first + _CHECKPOINT]:
                self._detector.observe(self._number, each)
                self._number += 1
            alone += time.process_time() - begun
            self.save()
            both += time.process_time() - begun
        self._at += records
        return alone / records * 1e6, both / records * 1e6


def detector(count: int, active: int, days: float) -> None:
    """Print what the whole detector makes of it, and of a restart."""
    driven = Driven(count, active, days)
    stored = sum(map(len, driven.state.values()))
    alone, both = driven.rates(100_000)
    parts, size = (sum(each) / len(driven.written) for each in zip(*driven.written, strict=True))
    print(
        f"  {count:,} fingerprints, {active:,} active: {alone:.1f} us a record, {both:.1f} with checkpoints", end="; "
    )
    print(f"pause {max(driven.pauses) * 1e3:.0f} ms at most, {parts:,.0f} parts, {size / 1e6:.1f} MB each")
    print(f"    state in the store: {stored / 1e6:.0f} MB, {len(driven.state):,} parts", flush=True)
    with tempfile.NamedTemporaryFile(prefix="premortem-bench-") as file:
        file.write(msgspec.msgpack.encode(driven.state))
        file.flush()
        del driven
        _again(f"restored {file.name}", count, days)


def restored(path: str) -> None:
    """Print what a detector costs after a restart: nothing else has lived in this process."""
    state = msgspec.msgpack.decode(Path(path).read_bytes(), type=dict[str, bytes])
    before, stored = resident(), sum(map(len, state.values()))
    begun = time.process_time()
    detector = Detector.restore(state)
    taken = time.process_time() - begun
    del state  # what the detector has not kept of it is free now
    used = resident() - before
    print(
        f"    restore {taken:.2f} s of processor time; {used / 1e6:.0f} MB more than the {stored / 1e6:.0f} MB read, "
        f"{resident() / 1e6:.0f} MB resident in all"
    )
    detector.changed()


def saving(count: int) -> None:
    """Print how long PostgreSQL takes for a checkpoint and for everything."""
    chance = random.Random(4)
    with (
        tempfile.TemporaryDirectory(prefix="premortem-bench-") as directory,
        running_postgres(Path(directory), 2) as (
            _,
            pool,
        ),
    ):
        store = PostgresCheckpointStore(pool)
        for parts, size in ((1000, 1500), (5000, 1500), (1000, 4000), (5000, 4000), (count // 16, 1500)):
            names = [f"1/part-{chance.randrange(1 << 40)}" for _ in range(parts)]
            times = []
            for _ in range(3):
                changed = {name: chance.randbytes(size) for name in names}
                begun = time.perf_counter()
                store.save("detect", 0, 1, changed)
                times.append(time.perf_counter() - begun)
            print(
                f"  {parts:,} parts of {size:,} bytes: {times[0] * 1e3:,.0f} ms new, "
                f"{min(times[1:]) * 1e3:,.0f} ms again"
            )
        begun = time.perf_counter()
        loaded = sum(map(len, store.load("detect", 0).state.values()))
        print(f"  load: {time.perf_counter() - begun:.2f} s for {loaded / 1e6:.0f} MB")


def _again(name: str, count: int, days: float) -> None:
    """Measure one thing in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.fingerprints", "--count", str(count), "--days", str(days)]
    subprocess.run([*command, "--only", name], check=True)


def main() -> None:
    """Print the figures, each from a process of its own."""
    parser = argparse.ArgumentParser(prog="benchmarks.fingerprints")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--detector", action="store_true", help="the whole detector as well (minutes)")
    parser.add_argument("--postgres", action="store_true", help="saving to PostgreSQL as well")
    parser.add_argument("--days", type=float, default=30.0, help="of the log, in which each is seen a first time")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    options = parser.parse_args()
    count = options.count
    parts: dict[str, Callable[[], None]] = {name: lambda name=name: design(name, count) for name in DESIGNS}  # type: ignore[misc]
    parts |= {"Memory": lambda: memory(count), "traced": lambda: traced(count // 10)}
    if options.detector or options.only:
        parts |= {
            "few": lambda: detector(1000, 1000, options.days),
            "many": lambda: detector(count, count // 20, options.days),
        }
    if options.postgres or options.only:
        parts["saving"] = lambda: saving(count)
    if options.only:
        name, _, path = options.only.partition(" ")
        if path and name == "restored":
            restored(path)
        else:
            parts[options.only]()
        return
    print(f"{count:,} fingerprints of one to three hashes")
    for name in parts:
        if name in ("Memory", "few", "saving"):
            print({"Memory": "Memory", "few": "Detector", "saving": "PostgreSQL"}[name], flush=True)
        _again(name, count, options.days)


if __name__ == "__main__":
    main()
