"""Packing: a fingerprint's state as bytes that are the same on every machine, and back, bit for bit.

In two parts: what is remembered for ever, small, and what is counted while the error is alive.
"""

from typing import Any

import msgspec

from premortem.domain.detection.known import Known
from premortem.domain.detection.novelty import Young
from premortem.domain.detection.ramp import Ramp
from premortem.domain.detection.scan_packing import pack_scan, unpack_scan
from premortem.domain.detection.users import UsersWindow

FORMAT = 8
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list)


def pack(known: Known) -> bytes:
    """Return the bytes of what is remembered for ever.

    What every event changes stands in the active part while there is one, so that an event is one write.
    """
    volatile = [] if known.is_active else _volatile(known)
    young = known.young.pack() if known.young is not None and not known.is_active else None
    return _ENCODER.encode(
        [
            *(FORMAT, known.first_seen, known.incident_id, known.waiting, known.first_release, known.environments),
            *(volatile, young),
        ]
    )


def pack_active(known: Known) -> bytes:
    """Return the bytes of what is counted while the error is alive."""
    scan, ramp, people, young = known.scan, known.ramp, known.people, known.young
    return _ENCODER.encode(
        [
            _volatile(known),
            young.pack() if young is not None else None,
            pack_scan(scan) if scan is not None else None,
            ramp.pack() if ramp is not None else None,
            people.pack() if people is not None else None,
        ]
    )


def unpack(value: bytes, active: bytes | None) -> Known:
    """Return the state. Raises ValueError for bytes of another format: rebuild the state from the log."""
    fields: list[Any] = _DECODER.decode(value)
    if fields[0] != FORMAT:
        raise ValueError(f"detector state of format {fields[0]}, and {FORMAT} is known. Reset `detect` to rebuild it.")
    known = Known(fields[1])
    known.incident_id, known.waiting, known.first_release, known.environments, volatile, young = fields[2:]
    if active is not None:
        volatile, young, scan, ramp, people = _DECODER.decode(active)
        known.scan = unpack_scan(scan) if scan is not None else None
        known.ramp = Ramp.unpack(ramp) if ramp is not None else None
        known.people = UsersWindow.unpack(people) if people is not None else None
    known.last_seen, known.total, known.late, known.early = volatile
    known.young = Young.unpack(young) if young is not None else None
    return known


def _volatile(known: Known) -> list[Any]:
    return [known.last_seen, known.total, known.late, known.early]
