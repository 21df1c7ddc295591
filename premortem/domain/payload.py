"""Payload records (`sentry.payloads`): what the gateway hands to the archive. Evidence, not truth: it may be erased.

A record is zstd-compressed JSON, tagged by its kind. An event's body is carried as the bytes that were hashed: the
archive stores them as they are and never parses them.
"""

import threading

import msgspec
from backports import zstd
from msgspec import Struct

from premortem.domain.ids import EventId, Fingerprint, ProjectId, TenantId

_LEVEL = 1
MAX_BYTES = 16 << 20
"""Larger decompressed records are refused: none that the gateway wrote comes near it."""


class _Body(Struct, frozen=True, tag_field="kind", omit_defaults=True, kw_only=True):
    """What every payload record says."""

    tenant_id: TenantId
    project_id: ProjectId
    v: int = 1


class EventBody(_Body, frozen=True, tag="event", omit_defaults=True, kw_only=True):
    """A normalised, scrubbed error event."""

    event_id: EventId
    fingerprint: Fingerprint
    occurred_at: int
    received_at: int
    level: str
    platform: str
    release: str
    environment: str
    user_hash: str
    title: str
    tags: tuple[tuple[str, str], ...]
    payload: msgspec.Raw


class LogBody(_Body, frozen=True, tag="log", omit_defaults=True, kw_only=True):
    """One log line (or check-in)."""

    log_id: str
    occurred_at: int
    level: str
    body: str
    trace_id: str
    attributes: msgspec.Raw


class SessionsBody(_Body, frozen=True, tag="sessions", omit_defaults=True, kw_only=True):
    """Sessions of one minute, release and environment, as one request reported them."""

    row_id: str
    started_at: int
    release: str
    environment: str
    exited: int
    errored: int
    crashed: int
    abnormal: int


class DeployBody(_Body, frozen=True, tag="deploy", omit_defaults=True, kw_only=True):
    """A deploy."""

    deploy_id: str
    deployed_at: int
    release: str
    environment: str


Body = EventBody | LogBody | SessionsBody | DeployBody

_ENCODER = msgspec.json.Encoder(order="deterministic")
_OF_THREAD = threading.local()
"""A compressor a thread: making one costs as much as compressing with it."""
_DECODER: msgspec.json.Decoder[Body] = msgspec.json.Decoder(Body)


def encode(body: Body) -> bytes:
    """Return the record's bytes."""
    compressor = getattr(_OF_THREAD, "compressor", None)
    if compressor is None:
        compressor = _OF_THREAD.compressor = zstd.ZstdCompressor(_LEVEL)
    return bytes(compressor.compress(_ENCODER.encode(body), zstd.ZstdCompressor.FLUSH_FRAME))


def decode(record: bytes) -> Body:
    """Return the body in a record; raises ValueError for bytes that no version of ours wrote."""
    decompressor = zstd.ZstdDecompressor()
    try:
        raw = decompressor.decompress(record, MAX_BYTES)
    except zstd.ZstdError as exception:
        raise ValueError(f"payload record is not zstd: {exception}") from exception
    if not decompressor.eof:
        raise ValueError(f"payload record is cut off or larger than {MAX_BYTES} bytes")
    return _DECODER.decode(raw)
