"""One million fingerprints in one project: what each costs in memory, to find, to save and to restore.

`python -m benchmarks.fingerprints [--count 1000000] [--detector [--hours 24] [--per-hour 1]] [--postgres]`.
Fingerprints have one to three hashes. Every line is measured in a process of its own, so that no other's memory is
counted; times of look-ups are this process's processor time, pauses are by the wall clock. `--detector` takes the whole
detector through the same: 5 % of the fingerprints are active, and a detector of a thousand fingerprints, each as
frequent as those, stands beside it, before and after. `--parts` names the parts to run.
"""

import argparse
import gc
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from bisect import bisect
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path

from benchmarks.fingerprint_designs import DESIGNS
from benchmarks.fingerprint_detector import resident
from benchmarks.fingerprint_stream import hashes
from benchmarks.servers import running_postgres
from premortem.adapters.checkpoint_store.postgres import PostgresCheckpointStore
from premortem.domain.detection.memory import Memory

_VALUE_BYTES = 60
_CHECKPOINT = 10_000
"""Records between two checkpoints, as in `log_source.Pace`."""
_LOOKS = 100_000
_FEW = 1_000
"""Fingerprints that a million are compared with."""


def popular(count: int, of: int, seed: int = 1) -> list[int]:
    """Return `count` of the numbers below `of`, by Zipf's law; who is popular has nothing to do with who came first."""
    chance = random.Random(seed)
    cumulative = list(accumulate(1 / rank for rank in range(1, of + 1)))
    return [bisect(cumulative, chance.random() * cumulative[-1]) * 7_368_787 % of for _ in range(count)]


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


def detector(count: int, hours: float, per_hour: float, in_postgres: bool) -> None:
    """Print what the whole detector makes of it, and of a restart, beside a thousand fingerprints."""
    with tempfile.TemporaryDirectory(prefix="premortem-bench-") as directory:
        for each in (_FEW, count, _FEW):
            _child("benchmarks.fingerprint_detector", "driven", each, directory, hours, per_hour)
        store = "postgres" if in_postgres else "file"
        _child("benchmarks.fingerprint_detector", "restored", count, directory, store)
        many, few = (json.loads(Path(f"{directory}/figures-{each}.json").read_text()) for each in (count, _FEW))
    baseline = statistics.fmean(few["us"])
    print(
        f"  throughput with {count:,} fingerprints is {baseline / many['us'][0]:.2f} of that with {_FEW:,} "
        f"({many['us'][0]:.1f} and {baseline:.1f} us a record, checkpoints included)"
    )


def _child(*arguments: object) -> None:
    """Measure one thing in a process of its own."""
    subprocess.run([sys.executable, "-m", *map(str, arguments)], check=True)


def main() -> None:
    """Print the figures, each from a process of its own."""
    parser = argparse.ArgumentParser(prog="benchmarks.fingerprints")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--detector", action="store_true", help="the whole detector as well (minutes)")
    parser.add_argument("--postgres", action="store_true", help="saving to PostgreSQL as well")
    parser.add_argument("--hours", type=float, default=24.0, help="of the stream, in which each is seen a first time")
    parser.add_argument("--per-hour", type=float, default=1.0, help="events of an active fingerprint, on average")
    parser.add_argument("--parts", help="only these, by their names and commas: hashes, memory, detector, postgres")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    options = parser.parse_args()
    count = options.count
    alone: dict[str, Callable[[int], None]] = {name: partial(design, name) for name in DESIGNS}
    alone |= {"Memory": memory, "traced": lambda count: traced(count // 10), "saving": saving}
    if options.only:
        alone[options.only](count)
        return
    parts = options.parts.split(",") if options.parts else ["hashes", "memory"]
    parts += ["detector"] * (options.detector and not options.parts)
    parts += ["postgres"] * (options.postgres and not options.parts)
    print(f"{count:,} fingerprints of one to three hashes", flush=True)
    for part, names in (("hashes", list(DESIGNS)), ("memory", ["Memory", "traced"]), ("postgres", ["saving"])):
        if part in parts:
            print(part.capitalize(), flush=True)
            for name in names:
                _child("benchmarks.fingerprints", "--count", count, "--only", name)
    if "detector" in parts:
        print(f"Detector, {options.per_hour:g} events an hour of each active fingerprint on average", flush=True)
        detector(count, options.hours, options.per_hour, options.postgres or "postgres" in parts)


if __name__ == "__main__":
    main()
