"""The project stream (`sentry.events`): the closed union of all that detection ever needs to know.

Key = project, so one project has one total order. Times are integers: milliseconds since 1970, UTC. `v` is the
version of the record's shape; every version ever written has an example in `tests/examples/`.
"""

from typing import Literal, assert_never, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from premortem.domain.ids import EventId, Fingerprint, ProjectId, TenantId
from premortem.domain.versions import reader

Level = Literal["debug", "info", "warning", "error", "fatal"]
Rule = Literal["minimum_events", "minimum_users", "sensitivity", "quiet_from", "quiet_until"]


class _Record(Struct, frozen=True, tag_field="kind", omit_defaults=True, kw_only=True):
    """What every record says: whose it is, and when the gateway took it in."""

    tenant_id: TenantId
    project_id: ProjectId
    received_at: int
    v: int = 1


class ErrorSeen(_Record, frozen=True, tag="ErrorSeen", omit_defaults=True, kw_only=True):
    """One error event: a header of a few hundred bytes; its body is on `sentry.payloads`. Version 2 knows its tags."""

    event_id: EventId
    hashes: tuple[Fingerprint, ...]
    """Sentry's variants, strongest first (app before system); two events group together when these intersect."""
    occurred_at: int
    """Event time, clamped as Relay clamps it (at most 60 s after and 30 days before `received_at`)."""
    level: Level
    handled: bool | None = None
    """False = unhandled, None = the client did not say."""
    title: str = "<unlabeled event>"
    culprit: str = ""
    platform: str = "other"
    root_type: str = ""
    """Type of the root exception of the chain; joins siblings of one failing dependency."""
    release: str | None = None
    environment: str | None = None
    user_hash: str | None = None
    trace_id: str | None = None
    origin_url: str | None = None
    """Where a person opens the event in the system that it came from; None for events sent to us by an SDK."""
    body_hash: str = ""
    """SHA-256 (hex) of the scrubbed body as appended to `sentry.payloads`."""
    tag_hashes: tuple[str, ...] = ()
    """Keyed hashes of the event's tags, in order, from version 2 on: what a suppression by tag is matched with. Their
    texts may be about a person, and what is on this stream stays."""


class SessionsCounted(_Record, frozen=True, tag="SessionsCounted", omit_defaults=True, kw_only=True):
    """Exposure: sessions or transactions that ended, as one request reported them. `exited` excludes the others.

    Version 2 tells its row. What equals another record to the last byte is that record, written twice.
    """

    started_at: int
    """Start of the minute that the sessions began in."""
    exited: int = 0
    errored: int = 0
    crashed: int = 0
    abnormal: int = 0
    unit: Literal["session", "transaction"] = "session"
    release: str | None = None
    environment: str | None = None
    row: str = ""
    """Begins the id of the row in the archive: it tells reports of equal counts in one millisecond apart."""


class DropsCounted(_Record, frozen=True, tag="DropsCounted", omit_defaults=True, kw_only=True):
    """Events that never arrived: dropped inside an SDK (client report) or refused by the gateway (rate limit)."""

    source: Literal["client", "gateway"]
    reason: str
    category: str
    quantity: int


class Deployed(_Record, frozen=True, tag="Deployed", omit_defaults=True, kw_only=True):
    """A release reached an environment."""

    release: str
    environment: str
    deployed_at: int
    name: str | None = None
    url: str | None = None


class Resolved(_Record, frozen=True, tag="Resolved", omit_defaults=True, kw_only=True):
    """A person, Sentry, or a verdict says that an error is fixed; in a release when one is named."""

    fingerprint: Fingerprint
    resolved_at: int
    release: str | None = None
    environment: str | None = None


class Muted(_Record, frozen=True, tag="Muted", omit_defaults=True, kw_only=True):
    """A fingerprint opens nothing until `until`; `until` at or before `received_at` lifts the mute. Version 2 may name
    a tripwire.
    """

    fingerprint: Fingerprint
    until: int
    tripwire: float | None = None
    """The mute breaks when the error comes this many times as often as when it was muted; None = it holds."""


class SuppressionChanged(_Record, frozen=True, tag="SuppressionChanged", omit_defaults=True, kw_only=True):
    """A rule under which incidents are suppressed as they open; `until` at or before `received_at` ends it.

    All that it names has to match, and it names something. An error that then comes `tripwire` times as often as
    expected breaks through. Version 2 may name a tag.
    """

    name: str
    until: int
    owner: str
    reason: str
    fingerprint: Fingerprint | None = None
    title: str = ""
    """A pattern, without regard to case: `*` stands for any text."""
    release: str = ""
    environment: str = ""
    tripwire: float = 10.0
    tag: str = ""
    """`name=value`, for people."""
    tag_hash: str = ""
    """The same as `ErrorSeen.tag_hashes` has it."""


class RuleChanged(_Record, frozen=True, tag="RuleChanged", omit_defaults=True, kw_only=True):
    """A project's gate was set by a person; None removes it.

    `minimum_events` and `minimum_users`: fewer open nothing. `sensitivity`: the score at which a spike opens.
    `quiet_from` and `quiet_until`, minutes of the UTC day: between them nothing but the worst opens, the rest waits.
    """

    rule: Rule
    value: float | None


class DetectorConfigured(_Record, frozen=True, tag="DetectorConfigured", omit_defaults=True, kw_only=True):
    """The detector's numbers from here on: names of `DetectorConfig` and their values."""

    values: dict[str, float]


class Ticked(_Record, frozen=True, tag="Ticked", omit_defaults=True, kw_only=True):
    """The gateway's clock passed `at`. Every partition gets one, so a tick belongs to no project (project 0)."""

    at: int


ProjectRecord = (
    ErrorSeen
    | SessionsCounted
    | DropsCounted
    | Deployed
    | Resolved
    | Muted
    | SuppressionChanged
    | RuleChanged
    | DetectorConfigured
    | Ticked
)

encode = msgspec.json.Encoder(order="deterministic").encode
"""Record to bytes; equal records give equal bytes."""
VERSIONS: dict[type[ProjectRecord], int] = dict.fromkeys(get_args(ProjectRecord), 1) | {
    ErrorSeen: 2,
    SessionsCounted: 2,
    Muted: 2,
    SuppressionChanged: 2,
}
"""The newest version of each kind. One that needs nothing of the newest may be written as an older one."""


def upcast(record: ProjectRecord) -> ProjectRecord:
    """Return the record as today's newest version says it; one that says it so already, as it is."""
    newest = VERSIONS[type(record)]
    if record.v >= newest:
        return record
    match record:
        case (
            ErrorSeen()
            | SessionsCounted()
            | DropsCounted()
            | Deployed()
            | Resolved()
            | Muted()
            | SuppressionChanged()
            | RuleChanged()
            | DetectorConfigured()
            | Ticked()
        ):  # what they left out still means what its default says
            return replace(record, v=newest)
        case _:
            assert_never(record)


decode_as_written = msgspec.json.Decoder(ProjectRecord).decode
"""Bytes to the record as its version said it: for whoever looks at versions. Raises `msgspec.DecodeError`."""

decode = reader(decode_as_written, VERSIONS, upcast)
"""Bytes to the record in the shape of today. Raises ValueError for bytes that no version of ours wrote, and
`versions.Newer` for what only a newer version can read.
"""


class Stamp(Struct, frozen=True, gc=False):
    """Of an encoded record only when it was received."""

    received_at: int


stamp = msgspec.json.Decoder(Stamp).decode
"""Bytes to their stamp, at half the price of `decode`; raises what it raises."""

_ERROR = b'{"kind":"ErrorSeen"'


def is_error(record: bytes) -> bool:
    """Say whether encoded bytes are those of an error: `encode` writes the kind first."""
    return record.startswith(_ERROR)


def tick(at: int) -> Ticked:
    """Return the tick that the gateway appends to every partition."""
    return Ticked(tenant_id=TenantId(""), project_id=ProjectId(0), received_at=at, at=at)
