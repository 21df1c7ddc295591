"""The scores of one key's counts, by the class of the dataflow: what `detection_quality` spreads over processes.

A module of its own, because a bench may load `detection_quality` by its path, and processes import by name.
"""

from collections.abc import Sequence
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from premortem.domain.detection.config import DEFAULT, rates
from premortem.domain.detection.scan import Scan

KEPT: dict[Any, NDArray[np.float32]] = {}
"""What was scored before in this process: a bench and what is printed beside it ask of the same streams."""
_HELD_BACK = 1.5
"""What a window shows at most that a recurring peak explains: less than any threshold that a person may set (2)."""
_MONDAY_HOUR = 96
"""Hours from 1970-01-01 00:00 UTC, a Thursday, to the first Monday 00:00 UTC."""


def scores_of_key(counts: Sequence[int], bucket_minutes: int, start_bucket: int) -> list[float]:
    """Return the scores of one key, bucket by bucket."""
    config, of = DEFAULT, rates(DEFAULT, bucket_minutes)
    start = _MONDAY_HOUR * of.per_hour + start_bucket
    scan = Scan(start, of)
    scan.open(of, config)
    found = list(repeat(0.0, len(counts)))
    for n, count in enumerate(counts):
        if not count:
            continue
        if start + n > scan.level.at:
            scan.advance(start + n, of, config)
        scan.count = count
        threshold = scan.threshold(config.score_opens, config)
        shown = scan.look(0.0, of, config)
        firing = [each for each in shown if each.fires(config)]
        strongest = max(firing, key=lambda each: each.score, default=None)
        held_back = max((each.score for each in shown if each.observed >= config.least_events), default=0.0)
        found[n] = max(strongest.score if strongest is not None else 0.0, min(held_back, _HELD_BACK))
        if strongest is not None and strongest.score >= threshold:
            scan.tell(strongest)
    return found
