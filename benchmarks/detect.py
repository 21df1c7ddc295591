"""`python -m benchmarks.detect [records]`: records a second through decode and `observe`, on one core.

Beside it, in the same run: decoding alone, and decoding with a count in a dictionary, the least that any detector does.
The stream: 200 projects, 10,000 fingerprints, popularity falling with rank (Zipf), a tick a minute, two hashes each.

Three streams: one that begins, in which every error is new; the same after 75 minutes, when all are known and most
events meet a minute of their fingerprint that is open; and a thin one, where nearly every event opens a minute of its
own behind a gap of many minutes: the worst case for a detector that works by minutes. So that 75 minutes suffice to
know a rate, the prior weighs six minutes here instead of a day.
"""

import os
import random
import sys
import time
from bisect import bisect
from collections.abc import Callable, Iterator
from itertools import accumulate, islice

from premortem.domain.detection import Detector
from premortem.domain.detection.config import DetectorConfig
from premortem.domain.ids import EventId, Fingerprint, ProjectId, TenantId
from premortem.domain.project_stream import ErrorSeen, ProjectRecord, decode, encode, tick

_START = 1_795_360_907_000
_FINGERPRINTS = 10_000
_PROJECTS = 200
_CUMULATIVE = list(accumulate(1 / rank for rank in range(1, _FINGERPRINTS + 1)))
_WARM_MINUTES = 75
_CONFIG = DetectorConfig(prior_weight_hours=0.1)


def records(rate: float) -> Iterator[ProjectRecord]:
    """Yield errors at `rate` a second, for ever, with a tick a minute."""
    chance = random.Random(7)
    number, minute = 0, 0
    while True:
        at = _START + int(number * 1000 / rate)
        if at // 60_000 > minute:
            minute = at // 60_000
            yield tick(at)
        yield _error(bisect(_CUMULATIVE, chance.random() * _CUMULATIVE[-1]), at, chance)
        number += 1


def _error(rank: int, at: int, chance: random.Random) -> ErrorSeen:
    return ErrorSeen(
        tenant_id=TenantId("acme"),
        project_id=ProjectId(rank % _PROJECTS + 1),
        received_at=at,
        event_id=EventId(f"{chance.getrandbits(128):032x}"),
        hashes=(Fingerprint(f"{rank * 2654435761:032x}"), Fingerprint(f"{rank * 40503 + (1 << 100):032x}")),
        occurred_at=at - chance.randrange(3_000),
        level="error",
        handled=rank % 3 > 0,
        title=f"ValueError: invalid literal for int() with base 10: {rank}",
        culprit="shop.cart in checkout",
        platform="python",
        root_type="ValueError",
        release="shop@1.2.3",
        environment="production",
        user_hash=f"{chance.randrange(5_000):016x}",
        trace_id=f"{chance.getrandbits(128):032x}",
        body_hash=f"{chance.getrandbits(256):064x}",
    )


def decode_only(lines: list[bytes]) -> int:
    """The floor: every record decoded, nothing done."""
    for line in lines:
        decode(line)
    return 0


def count_only(lines: list[bytes]) -> int:
    """The baseline: every record decoded and counted by fingerprint and minute."""
    counts: dict[tuple[str, int], int] = {}
    for line in lines:
        record = decode(line)
        if isinstance(record, ErrorSeen):
            key = record.hashes[0], record.occurred_at // 60_000
            counts[key] = counts.get(key, 0) + 1
    return 0


def report(name: str, run: Callable[[list[bytes]], int], lines: list[bytes], unit: str = "") -> None:
    """Print one figure, by this process's own processor time."""
    before = time.process_time()
    result = run(lines)
    spent = time.process_time() - before
    note = f"   {result:,} {unit}" if unit else ""
    print(
        f"  {name:42} {len(lines) / spent:10,.0f} records/s {spent / len(lines) * 1e6:7.2f} us a record{note}",
        flush=True,
    )


def compare(count: int, rate: float, warm: int) -> None:
    """Print the figures of one stream, whose first `warm` records are not measured."""
    print(f"{count:,} errors at {rate:g} a second, after {warm:,} that are not measured")
    source = records(rate)
    detector = Detector(_CONFIG)
    for offset, record in enumerate(islice(source, warm)):
        detector.observe(offset, record)
    detector.changed()
    lines = [encode(record) for record in islice(source, count)]

    def detect(lines: list[bytes]) -> int:
        return sum(len(detector.observe(warm + offset, line)) for offset, line in enumerate(lines))

    report("decode only", decode_only, lines)
    report("decode and count in a dictionary", count_only, lines)
    report("decode and observe", detect, lines, "findings")
    before = time.process_time()
    size = sum(len(value) for value in detector.changed().values() if value is not None)
    print(f"  packing all state that changed: {size / 1e6:.0f} MB in {time.process_time() - before:.1f} s")


def main(count: int = 300_000) -> None:
    """Print the figures."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    compare(count, 1000, 0)
    compare(count, 300, _WARM_MINUTES * 60 * 300)
    compare(count // 10, 3, _WARM_MINUTES * 60 * 3)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
