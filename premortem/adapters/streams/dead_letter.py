"""Dead letters: records that a dataflow could not use, kept with their place and the reason."""

from base64 import b64encode

import msgspec
from msgspec import Struct

from premortem.ports import Append, Flow, LogRecord, Topic

TOPIC: Topic = "dead-letters"
_REASON_LENGTH = 500


class DeadLetter(Struct, frozen=True, kw_only=True):
    """Which record was refused, where it stands, and why. The same record may be refused twice, after a crash."""

    flow: Flow
    topic: Topic
    partition: int
    offset: int
    reason: str
    value: str | None
    """The record in base64. None for `sentry.payloads`: bodies can be erased, and dead letters are kept."""
    v: int = 1


def dead_letter(flow: Flow, topic: Topic, record: LogRecord, reason: str) -> Append:
    """Return the record to append to `dead-letters`."""
    letter = DeadLetter(
        flow=flow,
        topic=topic,
        partition=record.partition,
        offset=record.offset,
        reason=reason.encode(errors="replace").decode()[:_REASON_LENGTH],
        value=None if topic == "sentry.payloads" else b64encode(record.value).decode(),
    )
    return Append(TOPIC, flow, _encode(letter))


_encode = msgspec.json.Encoder(order="deterministic").encode
decode = msgspec.json.Decoder(DeadLetter).decode
"""Bytes to dead letter; raises `msgspec.DecodeError`."""
