"""Packing of a scan: its state as bytes that are the same on every machine, and back, bit for bit."""

from array import array
from typing import Any

import msgspec

from premortem.domain.detection.config import Rates
from premortem.domain.detection.level import Level
from premortem.domain.detection.scan import Scan
from premortem.domain.detection.windows import Windows

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list)


def pack_scan(scan: Scan) -> bytes:
    """Return the bytes of a scan."""
    level, tail = scan.level, scan.tail
    return _ENCODER.encode(
        [
            [level.a, level.at, level.b, level.expected, level.p, level.q, level.started],
            [level.first, level.proof, level.trust, level.hour_count, level.hour_exposure],
            [level.seasonal_counts.tobytes(), level.seasonal_exposure.tobytes(), level.factors.tobytes()],
            [_windows(windows) for windows in scan.windows],
            [scan.count, scan.room, scan.limits, scan.exact],
            [scan.opened_at, scan.fired_at, scan.closed_at, scan.protects, scan.told],
            [scan.exposure, tail.factor, tail.sum, tail.runs, tail.run],
            [scan.peaks.hours.tolist(), scan.peaks.counts.tolist()],
        ]
    )


def _windows(windows: Windows) -> list[Any]:
    pending = [[part.tobytes() for part in parts] for parts in (windows.squares, windows.weights)]
    return [
        *(windows.closed, windows.counts, windows.means, windows.sums, windows.totals),
        *(windows.dispersion, windows.exposure, pending, windows.largest, windows.open_count, windows.open_mean),
    ]


def unpack_scan(value: bytes, of: Rates) -> Scan:
    """Return the scan whose bytes `pack_scan` gave."""
    numbers, season, tables, windows, cells, incident, traffic, peaks = _DECODER.decode(value)
    scan = Scan(numbers[1], of)
    level: Level = scan.level
    level.a, level.at, level.b, level.expected, level.p, level.q, level.started = numbers
    level.first, level.proof, level.trust, level.hour_count, level.hour_exposure = season
    level.seasonal_counts, level.seasonal_exposure, level.factors = (array("d", table) for table in tables)
    for target, packed in zip(scan.windows, windows, strict=True):
        _unwindow(target, packed)
    scan.count, scan.room, scan.limits, scan.exact = cells
    scan.opened_at, scan.fired_at, scan.closed_at, scan.protects, scan.told = incident
    tail = scan.tail
    exposure, tail.factor, tail.sum, tail.runs, tail.run = traffic
    scan.exposure = tuple(exposure) if exposure is not None else None
    scan.peaks.hours, scan.peaks.counts = (array("I", part) for part in peaks)
    return scan


def _unwindow(target: Windows, packed: list[Any]) -> None:
    target.closed, target.counts, target.means, target.sums, target.totals = packed[:5]
    target.dispersion, target.exposure, pending, target.largest, target.open_count, target.open_mean = packed[5:]
    target.squares, target.weights = ([array("d", part) for part in parts] for parts in pending)
