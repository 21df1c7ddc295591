"""Packing of a scan: its state as bytes that are the same on every machine, and back, bit for bit."""

from array import array
from typing import Any

import msgspec

from premortem.domain.detection.dispersion import Dispersion
from premortem.domain.detection.level import Level
from premortem.domain.detection.own_tail import OwnTail
from premortem.domain.detection.peaks import Peaks
from premortem.domain.detection.scan import Scan
from premortem.domain.detection.windows import Windows

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list)


def pack_scan(scan: Scan) -> bytes:
    """Return the bytes of a scan."""
    level, tail, peaks = scan.level, scan.tail, scan.peaks
    return _ENCODER.encode(
        [
            [level.a, level.at, level.b, level.expected, level.p, level.q, level.started, level.first, level.season],
            [level.proof, level.trust, level.spread, level.hour_count, level.hour_exposure],
            [level.seasonal_counts.tobytes(), level.seasonal_exposure.tobytes(), level.factors.tobytes()],
            _windows(scan.windows),
            [scan.count, scan.room, scan.rough, scan.limits, scan.exact, scan.exposure],
            [scan.opened_at, scan.fired_at, scan.closed_at, scan.protects, scan.told],
            [tail.factor, tail.sum, tail.runs, tail.run],
            [peaks.hours.tolist(), peaks.counts.tolist()],
        ]
    )


def _windows(windows: Windows) -> list[Any]:
    dispersion = windows.dispersion
    return [
        *(windows.recent, windows.counts, windows.means.tobytes(), windows.open_count, windows.open_mean),
        *(windows.sums, windows.totals, windows.largest),
        *(dispersion.squares, dispersion.weights, dispersion.waiting),
    ]


def unpack_scan(value: bytes) -> Scan:
    """Return the scan whose bytes `pack_scan` gave."""
    numbers, season, tables, windows, cells, incident, own_tail, peaks = _DECODER.decode(value)
    scan = Scan.__new__(Scan)  # every attribute is set here: to begin one anew first would double the work
    level = scan.level = Level.__new__(Level)
    level.a, level.at, level.b, level.expected, level.p, level.q, level.started, level.first, level.season = numbers
    level.proof, level.trust, level.spread, level.hour_count, level.hour_exposure = season
    level.seasonal_counts, level.seasonal_exposure, level.factors = (array("d", table) for table in tables)
    scan.windows = _unpack_windows(windows)
    scan.count, scan.room, scan.rough, scan.limits, scan.exact, exposure = cells
    scan.exposure = tuple(exposure) if exposure is not None else None
    scan.opened_at, scan.fired_at, scan.closed_at, scan.protects, scan.told = incident
    tail = scan.tail = OwnTail.__new__(OwnTail)
    tail.factor, tail.sum, tail.runs, tail.run = own_tail
    scan.peaks = Peaks.__new__(Peaks)
    scan.peaks.hours, scan.peaks.counts = (array("I", part) for part in peaks)
    return scan


def _unpack_windows(packed: list[Any]) -> Windows:
    windows = Windows.__new__(Windows)
    windows.recent, windows.counts, means, windows.open_count, windows.open_mean = packed[:5]
    windows.means = array("d", means)
    windows.sums, windows.totals, windows.largest = packed[5:8]
    dispersion = windows.dispersion = Dispersion.__new__(Dispersion)
    dispersion.squares, dispersion.weights, dispersion.waiting = packed[8:]
    return windows
