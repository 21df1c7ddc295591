"""Packing: a fingerprint's state as bytes that are the same on every machine, and back, bit for bit."""

from array import array
from typing import Any

import msgspec

from premortem.domain.detection.config import Rates
from premortem.domain.detection.known import Known
from premortem.domain.detection.level import Level
from premortem.domain.detection.scan import Scan
from premortem.domain.detection.windows import Windows

FORMAT = 2
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list)


def pack(known: Known) -> bytes:
    """Return the bytes of one fingerprint's state."""
    scan = known.scan
    return _ENCODER.encode(
        [
            *(FORMAT, known.first_seen, known.last_seen, known.total, known.late, known.novel_count),
            *(known.novel_users, known.incident_id, known.judged, pack_scan(scan) if scan is not None else None),
        ]
    )


def unpack(value: bytes, of: Rates) -> Known:
    """Return the state in `value`. Raises ValueError for bytes of another format: rebuild the state from the log."""
    fields: list[Any] = _DECODER.decode(value)
    if fields[0] != FORMAT:
        raise ValueError(f"detector state of format {fields[0]}, and {FORMAT} is known. Reset `detect` to rebuild it.")
    known = Known(fields[1])
    known.last_seen, known.total, known.late, known.novel_count = fields[2:6]
    known.novel_users, known.incident_id, known.judged = fields[6:9]
    known.scan = unpack_scan(fields[9], of) if fields[9] is not None else None
    return known


def pack_scan(scan: Scan) -> list[Any]:
    """Return a scan as values of msgpack."""
    level = scan.level
    return [
        [level.a, level.at, level.b, level.expected, level.p, level.q, level.started],
        [level.seasonal_counts.tobytes(), level.seasonal_exposure.tobytes(), level.factors.tobytes()],
        [_windows(windows) for windows in scan.windows],
        [scan.cell_counts, scan.cell_means, scan.count, scan.room, scan.limits, scan.exact],
        [scan.opened_at, scan.fired_at, scan.closed_at, scan.protects, scan.told],
        [[hour, *counts] for hour, counts in scan.peaks.items()],
    ]


def _windows(windows: Windows) -> list[Any]:
    pending = [[number for pair in queue for number in pair] for queue in windows.pending]
    return [
        *(windows.closed, windows.counts, windows.means, windows.sums, windows.totals),
        *(windows.dispersion, windows.exposure, pending, windows.largest),
    ]


def unpack_scan(fields: list[Any], of: Rates) -> Scan:
    """Return the scan whose values `pack_scan` gave."""
    numbers, tables, windows, cells, incident, peaks = fields
    scan = Scan(numbers[1], of)
    level: Level = scan.level
    level.a, level.at, level.b, level.expected, level.p, level.q, level.started = numbers
    level.seasonal_counts, level.seasonal_exposure, level.factors = (array("d", table) for table in tables)
    for target, packed in zip(scan.windows, windows, strict=True):
        _unwindow(target, packed)
    scan.cell_counts, scan.cell_means, scan.count, scan.room, scan.limits, scan.exact = cells
    scan.opened_at, scan.fired_at, scan.closed_at, scan.protects, scan.told = incident
    scan.peaks = {hour: tuple(counts) for hour, *counts in peaks}
    return scan


def _unwindow(target: Windows, packed: list[Any]) -> None:
    target.closed, counts, means, target.sums, target.totals = packed[:5]
    target.dispersion, target.exposure, pending, target.largest = packed[5:]
    target.counts, target.means = counts, means
    target.pending = [list(zip(numbers[::2], numbers[1::2], strict=True)) for numbers in pending]
