"""`python -m benchmarks.detect [records] [hours ...]`: records a second through decode and `observe`, on one core.

Beside it, in the same run: decoding alone, and decoding with a count in a dictionary, the least that any detector does.
The stream: 200 projects, 10,000 fingerprints, popularity falling with rank (Zipf), a tick a minute, two hashes each.
The same number of records is spread over one hour (a busy site; 1,000 a second is what the gateway is built for), or
over a day, where nearly every event opens a minute of its own: the worst case for a detector that works by minutes.
"""

import os
import random
import sys
import time
from bisect import bisect
from collections.abc import Callable
from itertools import accumulate

from premortem.domain.detection import Detector
from premortem.domain.ids import EventId, Fingerprint, ProjectId, TenantId
from premortem.domain.project_stream import ErrorSeen, decode, encode, tick

_START = 1_795_360_907_000
_FINGERPRINTS = 10_000
_PROJECTS = 200


def stream(count: int, hours: float) -> list[bytes]:
    """Return the encoded records of `count` errors over `hours`, with a tick a minute."""
    chance = random.Random(7)
    cumulative = list(accumulate(1 / rank for rank in range(1, _FINGERPRINTS + 1)))
    span = hours * 3_600_000 / count
    lines: list[bytes] = []
    minute = 0
    for number in range(count):
        at = _START + int(number * span)
        if at // 60_000 > minute:
            minute = at // 60_000
            lines.append(encode(tick(at)))
        rank = bisect(cumulative, chance.random() * cumulative[-1])
        lines.append(encode(_error(rank, at, chance)))
    return lines


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


def detect(lines: list[bytes]) -> int:
    """What the dataflow does with each record; returns how many findings there were."""
    detector = Detector()
    return sum(len(detector.observe(offset, decode(line))) for offset, line in enumerate(lines))


def detect_with_snapshots(lines: list[bytes]) -> int:
    """The same, with the changed state packed after each 5,000 records, as the dataflow saves it."""
    detector = Detector()
    size = 0
    for offset, line in enumerate(lines):
        detector.observe(offset, decode(line))
        if offset % 5_000 == 4_999:
            size += sum(len(value) for value in detector.changed().values() if value is not None)
    return size


def report(name: str, run: Callable[[list[bytes]], int], lines: list[bytes], unit: str = "") -> None:
    """Print one figure, by this process's own processor time."""
    before = time.process_time()
    result = run(lines)
    spent = time.process_time() - before
    note = f"   {result:,} {unit}" if unit else ""
    print(f"  {name:42} {len(lines) / spent:10,.0f} records/s {spent / len(lines) * 1e6:7.2f} us a record{note}")


def main(count: int = 300_000, *hours: float) -> None:
    """Print the figures."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    for span in hours or (count / 3_600_000, 1.0, 24.0):
        lines = stream(count, span)
        print(f"{count:,} errors in {span:.2f} h of event time ({count / span / 3600:,.0f} a second)")
        report("decode only", decode_only, lines)
        report("decode and count in a dictionary", count_only, lines)
        report("decode and observe", detect, lines, "findings")
        report("decode, observe, pack changed state", detect_with_snapshots, lines, "bytes packed")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:2]), *map(float, sys.argv[2:]))
