"""A bench of two keys, with what `benchmarks.detection_quality` asks of the large one: its names, shapes and units.

One key fails steadily; the other has an outbreak that nobody can miss. It is run by its path, as the large one is.
"""

import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

_DAYS, _WARM_DAYS = 20, 14
_OUTBREAK_DAY = 17


class Calendar(NamedTuple):
    """Where in time a matrix of counts is: minutes a bucket, and the bucket of the week of its first column."""

    b: int
    slot0: int


POPS = [("steady keys", lambda key: key == "steady"), ("all keys", lambda key: True)]


def simulate(seed: int, reps: int, days: int = _DAYS, bucket: int = 5, outbreaks: bool = True) -> dict[str, Any]:
    """Return `reps` times both keys: counts, and (key, first minute, last minute) of each outbreak."""
    a_day = 1_440 // bucket
    keys = [name for _ in range(reps) for name in ("steady", "outbreak")]
    counts = np.random.default_rng(seed).poisson(0.02 * bucket, (len(keys), days * a_day))
    truth = []
    if outbreaks:
        for number, name in enumerate(keys):
            if name == "outbreak":
                counts[number, _OUTBREAK_DAY * a_day : _OUTBREAK_DAY * a_day + 6] += 60
                truth.append((number, _OUTBREAK_DAY * 1_440, _OUTBREAK_DAY * 1_440 + 6 * bucket))
    return {"Y": counts, "keys": keys, "truth": truth, "cx": Calendar(bucket, 0)}


def subset(streams: dict[str, Any], keep: Callable[[str], bool]) -> tuple[dict[str, Any], list[int]]:
    """Return the keys that are kept, numbered anew, and their old numbers."""
    places = [number for number, key in enumerate(streams["keys"]) if keep(key)]
    truth = [(places.index(number), *times) for number, *times in streams["truth"] if number in places]
    return {**streams, "Y": streams["Y"][places], "truth": truth}, places


def alerts(shown: Any, threshold: float, where: Calendar, warm: int) -> Any:
    """Return where a score rises over the threshold."""
    over = shown[:, warm:] >= threshold
    return over & ~np.pad(over, ((0, 0), (1, 0)))[:, :-1]


def score_outbreaks(shown: Any, threshold: float, streams: dict[str, Any]) -> tuple[list[Any], float]:
    """Return (shape, size, found, minutes to the alert) of each outbreak, and the other alerts per key-day."""
    where, starts = streams["cx"], alerts(shown, threshold, streams["cx"], 0)
    rows = []
    for number, first, last in streams["truth"]:
        at = np.nonzero(starts[number, first // where.b : last // where.b])[0]
        starts[number, first // where.b : last // where.b + 72] = False
        rows.append(("spike", "L", at.size > 0, (at[0] + 1) * where.b if at.size else np.nan))
    return rows, float(starts.sum()) / (len(shown) * _DAYS)


def summarise(rows: list[Any]) -> dict[tuple[str, str], tuple[int, float, float]]:
    """Return (outbreaks, share that was found, median delay) by shape and size."""

    def of(some: list[Any]) -> tuple[int, float, float]:
        found = [row for row in some if row[2]]
        share = len(found) / len(some) if some else np.nan
        return len(some), share, float(np.median([row[3] for row in found])) if found else np.nan

    shapes, sizes = ("spike", "ramp", "sustained", "all"), ("S", "M", "L", "all")
    return {
        (shape, size): of([row for row in rows if shape in ("all", row[0]) and size in ("all", row[1])])
        for shape in shapes
        for size in sizes
    }


def accept(arguments: Sequence[str], out: Callable[[str], None]) -> None:
    """Load the project's scores by their path, as the large bench does, and say what they are."""
    options = dict(zip(arguments[::2], arguments[1::2], strict=True))
    path = Path(options["--repo"]) / "benchmarks" / "detection_quality.py"
    spec = importlib.util.spec_from_file_location("detection_quality", path)
    assert spec is not None
    assert spec.loader is not None
    project = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(project)
    streams = simulate(int(options["--test"]), int(options["--reps"]))
    shown = project.scores(streams["Y"], 5, 0)
    scan = sys.modules["benchmarks.scan_scores"].Scan
    out(f"accepted {shown.shape[0]} keys of {scan.__module__}.{scan.__name__}, highest score {shown.max() > 5}")
