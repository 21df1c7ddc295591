"""What the detector's spike scan finds on counts: the scores that the dataflow would give, bucket by bucket.

`scores` is what a bench calls; it drives `Scan`, the class of the dataflow, as `Detector` does: the open bucket is
judged when it holds events, a finding opens an incident, and the incident protects its baseline.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from premortem.domain.detection.config import DEFAULT, rates
from premortem.domain.detection.scan import Scan

THRESHOLD = DEFAULT.score_opens
_MONDAY_HOUR = 96
"""Hours from 1970-01-01 00:00 UTC, a Thursday, to the first Monday 00:00 UTC."""


def scores(counts: NDArray[np.int64], bucket_minutes: int, start_bucket: int) -> NDArray[np.float32]:
    """Return, of each key and bucket, the score of the strongest window that passes its own gates, else 0.

    `counts`: keys x buckets. `start_bucket`: bucket of the week, from Monday 00:00 UTC, of the first column.
    """
    work = partial(_scores_of_key, bucket_minutes=bucket_minutes, start_bucket=start_bucket)
    with ProcessPoolExecutor() as pool:
        return np.array(list(pool.map(work, counts.tolist(), chunksize=4)), np.float32)


def _scores_of_key(counts: Sequence[int], bucket_minutes: int, start_bucket: int) -> list[float]:
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
        strongest = max(
            (each for each in scan.look(0.0, of, config) if each.fires(config)),
            key=lambda each: each.score,
            default=None,
        )
        if strongest is None:
            continue
        found[n] = strongest.score
        if strongest.score >= threshold:
            scan.tell(strongest)
    return found
