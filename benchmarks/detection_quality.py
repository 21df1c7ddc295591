"""What the detector's spike scan finds on counts: the scores that the dataflow would give, bucket by bucket.

`scores` is what a bench calls; it drives `Scan`, the class of the dataflow, as `Detector` does: the open bucket is
judged when it holds events, a finding opens an incident, and the incident protects its baseline.
"""

from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.scan_scores import scores_of_key
from premortem.domain.detection.config import DEFAULT

THRESHOLD = DEFAULT.score_opens


def scores(counts: NDArray[np.int64], bucket_minutes: int, start_bucket: int) -> NDArray[np.float32]:
    """Return, of each key and bucket, the score of the strongest window that passes its own gates; one that a gate
    holds back ranks, below every one that may fire.

    `counts`: keys x buckets. `start_bucket`: bucket of the week, from Monday 00:00 UTC, of the first column.
    """
    work = partial(scores_of_key, bucket_minutes=bucket_minutes, start_bucket=start_bucket)
    with ProcessPoolExecutor() as pool:
        return np.array(list(pool.map(work, counts.tolist(), chunksize=4)), np.float32)
