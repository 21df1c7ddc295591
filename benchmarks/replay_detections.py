"""`python -m benchmarks.replay_detections [records]`: records a second of `premortem replay detections`, on one core.

Beside it, in the same run: the same log read and decoded by a bare loop, the floor of anything that replays. The log is
in memory, the timeline on it is what the detector tells of it, so that every fact is found and compared. From offset
zero on: every error is new once, and its first hour is in the figure. Of this process's own processor time.

- steady: 500 fingerprints of ten projects, 1,000 a minute (the stream of `benchmarks.dataflow_detect`);
- many: 10,000 fingerprints of 200 projects, 300 a second: most of a short log is errors that nobody knew;
- thin: the same at 3 a second, where nearly every event opens a minute behind a gap: the worst case.

On a machine that does other work, too, caches are shared and figures fall by half: compare ratios.
"""

import gc
import os
import sys
import time
from collections.abc import Iterable
from itertools import islice

from msgspec.structs import replace

from benchmarks import dataflow_detect, detect
from premortem.adapters.event_log.memory import MemoryEventLog
from premortem.domain import timeline
from premortem.domain.project_stream import ErrorSeen, ProjectRecord, decode, encode
from premortem.ports import Append
from replay.detecting.detections import detections
from replay.detecting.observed import Observation
from replay.detecting.recorded import AT_ONCE
from replay.reading import batches


def log_of(records: Iterable[ProjectRecord]) -> MemoryEventLog:
    """Return a log of one partition that holds the records, as the gateway writes them, and what they show."""
    log = MemoryEventLog(partitions=1)
    newest = (replace(record, v=2) if isinstance(record, ErrorSeen) else record for record in records)
    log.append([Append("sentry.events", str(record.project_id), encode(record), 0) for record in newest])
    observation = Observation(0)
    for found in batches(log, "sentry.events", 0, 0, log.heads("sentry.events")[0], AT_ONCE):
        told = observation.take(found)
        log.append([Append("debugging.timeline", fact.incident_id, timeline.encode(fact)) for _, fact in told])
    return log


def decode_only(log: MemoryEventLog) -> None:
    """The floor: every record read and decoded, nothing done."""
    for found in batches(log, "sentry.events", 0, 0, log.heads("sentry.events")[0], AT_ONCE):
        for record in found:
            decode(record.value)


def compare(name: str, records: Iterable[ProjectRecord]) -> None:
    """Print the figures of one stream."""
    log = log_of(records)
    (count,) = log.heads("sentry.events")
    gc.collect()
    floors: list[float] = []
    before = time.process_time()
    decode_only(log)
    floors.append(time.process_time() - before)
    before = time.process_time()
    report = detections(log, {0: count})
    spent = time.process_time() - before
    before = time.process_time()
    decode_only(log)
    floors.append(time.process_time() - before)
    assert report.matched == report.recorded == report.replayed
    floor = sum(floors) / 2
    print(
        f"  {name:8} {count:9,} records {count / spent:9,.0f} a second {spent / count * 1e6:6.2f} us a record; "
        f"decoding alone {count / floor:11,.0f} a second, {spent / floor:.1f} times as fast; {report.matched:,} facts",
        flush=True,
    )


def main(count: int = 300_000) -> None:
    """Print the figures."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    compare("steady", dataflow_detect.records(count))
    compare("many", islice(detect.records(300), count))
    compare("thin", islice(detect.records(3), count // 10))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
