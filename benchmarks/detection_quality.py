"""`python -m benchmarks.detection_quality HARNESS.py [--reps 6 --cal 7 --test 8]`: what the spike scan finds.

The bench is not part of this repository: a file with labelled streams, simulated and real, and other detectors (the
first argument or `PREMORTEM_BENCH` names it; it needs `pip install -e '.[bench]'`). Printed are

- its own tables: every detector's threshold set for a rate of false alerts on the seed `--cal`, tried on `--test`;
- the same table of this scan at the default threshold, which is what a user has who tunes nothing;
- the false alerts of a key's first fortnight.

The bench calls `scores`, which drives `Scan`, the class of the dataflow, as `Detector` does: the open bucket is judged
when it holds events, a finding opens an incident, and the incident protects its baseline. `--reps 1` (42 keys) takes
about two minutes on two cores, `--reps 6` six times as long. Without the bench, or without scipy, one line says so.
"""

import importlib.util
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.scan_scores import KEPT, scores_of_key
from premortem.domain.detection.config import DEFAULT

THRESHOLD = DEFAULT.score_opens
_FORTNIGHT = 14
_SHAPES = ("spike", "ramp", "sustained")
_SIZES = ("S", "M", "L", "all")


def scores(counts: NDArray[np.int64], bucket_minutes: int, start_bucket: int) -> NDArray[np.float32]:
    """Return, of each key and bucket, the score of the strongest window that passes its own gates; one that a gate
    holds back ranks below every one that may fire.

    `counts`: keys x buckets. `start_bucket`: bucket of the week, from Monday 00:00 UTC, of the first column.
    """
    asked = (counts.tobytes(), counts.shape, bucket_minutes, start_bucket)
    if asked not in KEPT:
        work = partial(scores_of_key, bucket_minutes=bucket_minutes, start_bucket=start_bucket)
        with ProcessPoolExecutor() as pool:
            KEPT[asked] = np.array(list(pool.map(work, counts.tolist(), chunksize=4)), np.float32)
    return KEPT[asked]


def bench_at(path: Path) -> ModuleType:
    """Return the bench, loaded from its file. Raises ImportError where it or what it needs is absent."""
    spec = importlib.util.spec_from_file_location("bench", path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise ImportError(f"no bench at {str(path)!r} (name its file in PREMORTEM_BENCH or as the first argument)")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def at_default_threshold(bench: Any, seed: int, reps: int) -> Iterator[str]:
    """Yield the bench's table of this scan at the default threshold: of each population of keys, POD and delays."""
    streams = bench.simulate(seed, reps)
    where = streams["cx"]
    shown = scores(streams["Y"], where.b, where.slot0)
    yield f"\n### this scan at its default threshold {THRESHOLD:g}, the same for every key; test seed {seed}\n"
    heads = (
        "keys",
        "FA/key-day on test",
        "POD small",
        "medium",
        "large",
        "all",
        *(f"{s} POD / delay" for s in _SHAPES),
    )
    yield f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}"
    for keys, keep in bench.POPS:
        some, places = bench.subset(streams, keep)
        rows, false_alerts = bench.score_outbreaks(shown[places], THRESHOLD, some)
        found = bench.summarise(rows)
        sizes = (f"{found['all', size][1]:.3f}" for size in _SIZES)
        shapes = (f"{found[shape, 'all'][1]:.2f} / {found[shape, 'all'][2]:.0f} min" for shape in _SHAPES)
        yield f"| {keys} | {false_alerts:.4f} | {' | '.join((*sizes, *shapes))} |"


def first_fortnight(bench: Any, seed: int, reps: int, bucket_minutes: int) -> str:
    """Return a line with the false alerts of new keys, at the default threshold, in streams without outbreaks."""
    streams = bench.simulate(seed, reps, days=_FORTNIGHT, bucket=bucket_minutes, outbreaks=False)
    shown = scores(streams["Y"], bucket_minutes, 0)
    alerts = int(bench.alerts(shown, THRESHOLD, streams["cx"], 0).sum())
    return (
        f"first {_FORTNIGHT} days of {len(shown)} keys, buckets of {bucket_minutes} min, threshold {THRESHOLD:g}: "
        f"{alerts / (len(shown) * _FORTNIGHT):.4f} false alerts per key-day (seed {seed})"
    )


def main(arguments: list[str]) -> None:
    """Print the bench's tables for this detector and its rivals, and the figure of a key's first fortnight."""
    named = os.environ.get("PREMORTEM_BENCH", "")
    if arguments and not arguments[0].startswith("--"):
        named, *arguments = arguments
    options = {"--reps": "1", "--cal": "7", "--test": "8", **dict(zip(arguments[::2], arguments[1::2], strict=True))}
    try:
        bench: Any = bench_at(Path(named))
    except ImportError as reason:
        print(f"left out: {reason}")
        return
    root = str(Path(__file__).parents[1])
    bench.accept(["--repo", root, *(part for pair in options.items() for part in pair)], print)
    for line in at_default_threshold(bench, int(options["--test"]), int(options["--reps"])):
        print(line, flush=True)
    for bucket_minutes in (5, 1):
        print(first_fortnight(bench, int(options["--cal"]), int(options["--reps"]), bucket_minutes), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
