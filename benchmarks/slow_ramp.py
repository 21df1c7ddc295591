"""How soon a slow ramp is told, and how often one is told where there is none: `Ramp` beside its rivals.

    python -m benchmarks.slow_ramp [harness.py] [--keys 40] [--seed 11] [--only ramps silent bench]

A ramp is an error of 1 to 90 events a day that grows by the same factor every day, to 10,000 a day in 30 days. It
begins in any quarter of any day of the week, after 3, 7, 14 or 28 days, and is told with the first event that comes
after a quarter has closed. Beside it stand the rule that was here before, which added up whole dates, Sentry's ceiling,
and an oracle (benchmarks/slow_ramp_rivals.py). With the detection bench (the first argument or `PREMORTEM_BENCH` names
its file, see benchmarks/detection_quality.py) its streams are looked at, too. Every case is drawn from `--seed` anew.
"""

import argparse
import csv
import gzip
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.detection_quality import bench_at
from benchmarks.slow_ramp_rivals import ceiling_told, dates_told, oracle
from benchmarks.slow_ramp_series import (
    CREEPS,
    NOISES,
    SILENT,
    SILENT_DAYS,
    STEPS,
    Counts,
    Series,
    growth,
    ramping,
)
from premortem.domain.detection.config import DEFAULT
from premortem.domain.detection.ramp import Ramp

FIRST = 80_012
"""The first quarter of a Monday."""
STARTS = (1, 2, 5, 10, 20, 50, 90)
KNOWN = (3, 5, 7, 14, 28)
_FORTNIGHT, _YOUNG = 14, 28


def told(counts: Sequence[int], first: int, since: int = 0) -> list[int]:
    """Return the quarters, from 0, in which a ramp was told; before `since` nobody asks."""
    ramp: Ramp | None = None
    found: list[int] = []
    for n, count in enumerate(counts):
        if not count:
            continue
        ramp = ramp or Ramp(first + n)
        if ramp.add(first + n, int(count)) and n >= since and ramp.judge(DEFAULT) is not None:
            ramp.tell()
            found.append(n)
    return found


def all_keys(series: Series, keys: int, seed: int) -> Iterable[tuple[list[int], int]]:
    """Yield series that begin in every quarter of the week."""
    rng = np.random.default_rng(seed)
    for key in range(keys):
        first = FIRST + 5 * key % 28
        yield series(rng, first).tolist(), first


# ------------------------------------------------------------------------------------------------------- ramps
def print_ramps(keys: int, seed: int) -> None:
    """Print how many ramps are told by which day."""
    print(
        "Told by the end of day 3, 5, 7 and 9 of the ramp, the median day and the 9th in 10 | by day 7: sums of dates |"
    )
    print("an oracle that knows level, dispersion, slope and onset | one that has to learn the level")
    for name, noise in NOISES.items():
        print(f"{name}:")
        for start in STARTS:
            most = oracle(start, noise)
            for known in KNOWN:
                ours, theirs = [], []
                for counts, first in all_keys(ramping(start, known, noise), keys, seed):
                    ours.append(_delay(told(counts, first, known * 4), known))
                    theirs.append(_delay(dates_told(counts, first, known * 4), known))
                row = f"  {start:>2} a day x{growth(start):.3f}, known for {known:>2} days"
                bounds = f"{most:4.0%} | {oracle(start, noise, known):4.0%}"
                print(f"{row}  {_figures(ours)} | {_share(theirs, 7)} | {bounds}", flush=True)
    print("Sentry's ceiling, by day 9, known for 28 days:", end="")
    rng = np.random.default_rng(5)
    for start in STARTS:
        found = all_keys(ramping(start, 28, NOISES["Poisson"]), keys, seed)
        days = [_delay([n for n in ceiling_told(np.array(c), rng) if n >= 112], 28) for c, _ in found]
        print(f"  {start} a day {_share(days, 9)}", end="")
    print()


def _delay(quarters: Sequence[int], known: int) -> float:
    return (quarters[0] / 4 - known) if quarters else math.inf


def _share(days: Sequence[float], most: float) -> str:
    return f"{sum(day <= most for day in days) / len(days):5.0%}"


def _figures(days: Sequence[float]) -> str:
    order = sorted(days)
    shares = " ".join(_share(days, most) for most in (3, 5, 7, 9))
    return f"{shares}  {order[len(order) // 2]:5.2f} {order[len(order) * 9 // 10]:5.2f}"


# ------------------------------------------------------------------------------------------------------ silence
def print_silent(keys: int, seed: int) -> None:
    """Print how often a ramp is told where there is none."""
    print("False alerts per 10,000 key-days, of them per 10,000 in the first 28 and in the first 14 days of a life |")
    print("sums of dates | ceiling")
    total = fortnight = 0
    for name, series in SILENT.items():
        rng = np.random.default_rng(5)
        ours: list[int] = []
        dates = ceiling = 0
        for counts, first in all_keys(series, keys, seed):
            ours += told(counts, first)
            dates += len(dates_told(counts, first))
            ceiling += len(ceiling_told(np.array(counts), rng))
        share = 1e4 / (keys * SILENT_DAYS)
        born = [sum(n < days * 4 for n in ours) for days in (_YOUNG, _FORTNIGHT)]
        young = " ".join(f"{n * 1e4 / (keys * days):7.2f}" for n, days in zip(born, (_YOUNG, _FORTNIGHT), strict=True))
        total, fortnight = total + len(ours), fortnight + born[1]
        figures = f"{len(ours) * share:7.2f} {young} | {dates * share:7.2f} | {ceiling * share:7.2f}"
        print(f"  {name:38} {figures}", flush=True)
    key_days = keys * len(SILENT)
    print(f"  all of them: {total * 1e4 / key_days / SILENT_DAYS:.2f} per 10,000 key-days, ", end="")
    print(f"{fortnight / key_days / _FORTNIGHT:.5f} per key-day in the first {_FORTNIGHT} days")
    print("A step that stays: keys of which it is told never, once, more often")
    for name, series in STEPS.items():
        times = [min(2, len(told(counts, first))) for counts, first in all_keys(series, keys, seed)]
        print(f"  {name:38} {' '.join(str(times.count(n)) for n in range(3))}", flush=True)
    print("Growth that does not end, from day 28 on: told by day 7, 14, 21, 28 of it, and its median day")
    for name, series in CREEPS.items():
        days = [_delay([n for n in told(c, f) if n >= 112], 28) for c, f in all_keys(series, keys, seed)]
        shown = " ".join(_share(days, most) for most in (7, 14, 21, 28))
        print(f"  {name:38} {shown}  {sorted(days)[len(days) // 2]:5.2f}", flush=True)


# --------------------------------------------------------------------------------------------------- the bench
def print_bench(path: Path, reps: int, seed: int) -> None:
    """Print what is told of the detection bench's streams: 42 kinds of made-up keys, and counts of the real world."""
    try:
        bench: Any = bench_at(path)
    except ImportError as reason:
        print(f"The detection bench is left out: {reason}")
        return
    streams = bench.simulate(seed, reps, days=84, bucket=60, outbreaks=False)["Y"]
    rows = [row.reshape(-1, 6).sum(1).tolist() for row in streams]
    key_days = len(rows) * 84 / 1e4
    ours, dates = (sum(len(rule(row, FIRST)) for row in rows) / key_days for rule in (told, dates_told))
    print(f"The bench's 42 kinds of keys, false alerts per 10,000 key-days: {ours:.2f} | {dates:.2f}")
    print("Its real series: the days on which a ramp is told | by sums of dates")
    for name, counts, first in _real(path.parent / "data"):
        said = (", ".join(f"{n / 4:g}" for n in rule(counts, first)) or "none" for rule in (told, dates_told))
        print(f"  {name:38} {' | '.join(said)}")


def _real(folder: Path) -> Iterator[tuple[str, list[int], int]]:
    """Yield the real series by quarters, each with its first quarter since 1970."""
    for path in sorted([*folder.glob("*/*.csv"), *folder.glob("*/*.csv.gz")]):
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
            rows = list(csv.reader(file))[1:]
        times = [datetime.fromisoformat(row[0].replace("Z", "+00:00")).replace(tzinfo=UTC) for row in rows]
        quarters = np.array([int(at.timestamp()) // 21_600 for at in times])
        counts: Counts = np.bincount(quarters - quarters[0], weights=[float(row[1] or 0) for row in rows]).astype(int)
        yield path.name.partition(".")[0], counts.tolist(), int(quarters[0])


def main() -> None:
    """Print all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bench", nargs="?", default=os.environ.get("PREMORTEM_BENCH", ""), help="the detection bench")
    parser.add_argument("--keys", type=int, default=40, help="series per case")
    parser.add_argument("--seed", type=int, default=11, help="what every case is drawn from")
    parser.add_argument("--only", nargs="+", default=["ramps", "silent", "bench"], help="what to print")
    chosen = parser.parse_args()
    if "ramps" in chosen.only:
        print_ramps(chosen.keys, chosen.seed)
    if "silent" in chosen.only:
        print_silent(chosen.keys, chosen.seed)
    if "bench" in chosen.only:
        print_bench(Path(chosen.bench), max(1, chosen.keys // 40), chosen.seed)


if __name__ == "__main__":
    main()
