"""Ports: what Premortem needs from the outside, in its own words. Each docstring is a promise that one conformance
suite (`tests/conformance/test_<port>.py`) tests over every adapter in `premortem/adapters/<port>/`.

Every call has a deadline of its own and raises `Unavailable` when a dependency does not answer in time. Times are
integer milliseconds since 1970 UTC. Adapters are thread-safe unless they say otherwise.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from msgspec import Struct

from premortem.domain.archive import ArchivedEvent, ArchivedRow
from premortem.domain.ids import EventId, Fingerprint, IncidentId, ProjectId, TenantId
from premortem.domain.incident import Incident, Status
from premortem.domain.tasks import Task

Topic = Literal["sentry.events", "debugging.timeline", "sentry.payloads", "dead-letters"]
TOPICS: tuple[Topic, ...] = ("sentry.events", "debugging.timeline", "sentry.payloads", "dead-letters")
Flow = Literal["archive", "detect", "materialize", "route"]


# ---------------------------------------------------------------------------------------------------------- clock
class Clock(Protocol):
    """The only source of time; held by the gateway alone."""

    def now(self) -> int:
        """Return milliseconds since 1970 UTC; never less than an earlier answer of the same clock."""


# ------------------------------------------------------------------------------------------------------ event log
class Append(Struct, frozen=True):
    """A record to append. `partition` None = chosen from the key by `partition_of`; ticks name theirs."""

    topic: Topic
    key: str
    value: bytes
    partition: int | None = None


class Position(Struct, frozen=True, order=True):
    """Where a record stands."""

    topic: Topic
    partition: int
    offset: int


class LogRecord(Struct, frozen=True):
    """A record as read back. `recorded_at` is for operators; nothing that is stored depends on it."""

    partition: int
    offset: int
    key: str
    value: bytes
    recorded_at: int


class TopicState(Struct, frozen=True, kw_only=True):
    """A topic as administrators see it."""

    name: str
    """As the log calls it: with the prefix, or the name of the table."""
    partitions: int
    records: int
    """How many can be read."""
    retention_days: float | None
    """None = for ever."""
    replication: int
    problems: tuple[str, ...] = ()
    """What would lose data or stop a reader: a sentence each, with the mend."""


class EventLog(Protocol):
    """An append-only log of topics, each cut into partitions that are fixed when the log is created.

    - Offsets of a partition start at 0 and have no gaps, and become visible in their order: a reader that has seen
      offset n has seen all before it, under any number of writers.
    - When `append` returns, every record survives a crash of every process. When it raises Malformed, none was
      appended; when it raises Unavailable, any of them may have been (PostgreSQL: all or none), and the caller may
      append again: a record may then stand twice; ids inside it tell.
    - The partition of a key is `adapters.event_log.partitioner.partition_of`, the same in every adapter.
    - Records of one `append` to one partition keep their order.
    """

    def partitions(self, topic: Topic) -> int:
        """Return how many partitions the topic has."""

    def append(self, records: Sequence[Append]) -> Sequence[Position]:
        """Append all records durably and return where each stands, in the order given."""

    def read(self, topic: Topic, partition: int, offset: int, limit: int) -> Sequence[LogRecord]:
        """Return up to `limit` records from `offset` on, possibly none; raise OffsetLost below the low watermark."""

    def heads(self, topic: Topic) -> Sequence[int]:
        """Return, per partition, the offset that the next record will get."""

    def low_watermarks(self, topic: Topic) -> Sequence[int]:
        """Return, per partition, the lowest offset that can still be read (or the head when none can)."""

    def trim(self, topic: Topic, before: int) -> int:
        """Drop records of `topic` recorded before the time `before`, whole days at most; return how many went."""


class Appender(Protocol):
    """The writing end of an event log for an event loop: what `EventLog.append` promises, without a thread."""

    async def append(self, records: Sequence[Append]) -> Sequence[Position]:
        """Append all records durably and return where each stands, in the order given."""

    async def close(self) -> None:
        """Let go of what is held."""


# ----------------------------------------------------------------------------------------------------- checkpoints
class Checkpoint(Struct, frozen=True):
    """How far a dataflow has come in one partition, and the state it had there."""

    next_offset: int
    state: Mapping[str, bytes]


class CheckpointStore(Protocol):
    """Positions and state of the dataflows; one transaction per save.

    A save with a lower `next_offset` than the stored one is refused with Conflict: a second, older worker is alive.
    """

    def load(self, flow: Flow, partition: int) -> Checkpoint:
        """Return the checkpoint, `next_offset` 0 and no state when there is none."""

    def save(self, flow: Flow, partition: int, next_offset: int, changed: Mapping[str, bytes | None]) -> None:
        """Store the position and the changed parts of the state (None removes a part), all or nothing."""

    def positions(self) -> Mapping[tuple[Flow, int], int]:
        """Return `next_offset` per flow and partition: the lag is the head minus this."""

    def parts(self, name: str) -> Mapping[tuple[Flow, int], bytes]:
        """Return the part `name` of every state that has one."""


# ------------------------------------------------------------------------------------------------------ task queue
class Received(Struct, frozen=True):
    """A task in the hands of a worker until its visibility timeout runs out."""

    task: Task
    receipt: str
    receive_count: int


class QueueState(Struct, frozen=True, kw_only=True):
    """A queue as administrators see it."""

    name: str
    """As the server calls it."""
    waiting: int
    """Tasks that wait or are hidden."""
    dead: int
    """Tasks in its dead-letter queue."""
    problems: tuple[str, ...] = ()
    """What would lose tasks: a sentence each, with the mend."""


class TaskQueue(Protocol):
    """Queues with SQS's words: at-least-once, visibility timeout, receive count, dead-letter queue.

    A task id is accepted once: sending it again, before or after its deletion, changes nothing. A task received
    more than `max_receives` times moves to `<queue>-dlq` instead of being handed out again.
    """

    def send(self, tasks: Sequence[Task]) -> None:
        """Make the tasks durable on their queues (`domain.tasks.QUEUES`)."""

    def receive(self, queue: str, limit: int, visibility_seconds: int, wait_seconds: int = 0) -> Sequence[Received]:
        """Hand out up to `limit` visible tasks, hiding each for `visibility_seconds`.

        Where there is none it waits for one, up to `wait_seconds` (0 to 20). Nothing cuts a wait short: a worker that
        has to stop within ten seconds waits for five.
        """

    def extend(self, queue: str, receipt: str, visibility_seconds: int) -> None:
        """Hide the task for `visibility_seconds` from now; Conflict when the receipt is no longer the newest."""

    def delete(self, queue: str, receipts: Sequence[str]) -> None:
        """Remove the tasks for good; a stale receipt removes nothing."""

    def depth(self, queue: str) -> int:
        """Return how many tasks wait on the queue or are hidden in it."""

    def redrive(self, queue: str) -> int:
        """Move the tasks of `<queue>-dlq` that nobody holds back to `queue`, as if never received; return how many."""


# -------------------------------------------------------------------------------------------------- incident store
class StoredFact(Struct, frozen=True):
    """A fact with its place on the timeline, for the store's table of timeline events."""

    incident_id: IncidentId
    fact_id: str
    partition: int
    offset: int
    kind: str
    occurred_at: int
    value: bytes


class Saved(Struct, frozen=True):
    """An incident and the highest timeline offset that is folded into it."""

    incident: Incident
    partition: int
    offset: int


class IncidentFilter(Struct, frozen=True):
    """Which incidents to list; None = any."""

    status: Status | None = None
    project_id: ProjectId | None = None
    environment: str | None = None
    text: str | None = None


class Page(Struct, frozen=True):
    """A page of incidents, newest first, and the cursor of the next one (None = this is the last)."""

    incidents: tuple[Incident, ...]
    cursor: str | None


class IncidentStore(Protocol):
    """Incidents as folded from the timeline. `save` is guarded: a row is written only when its offset is newer.

    Reads are scoped to one tenant, and the store itself (row-level security) hides every other tenant's rows.
    """

    def load(self, incident_ids: Sequence[IncidentId]) -> Mapping[IncidentId, Saved]:
        """Return what is stored of these incidents (any tenant: for the dataflows)."""

    def save(self, incidents: Sequence[Saved], facts: Sequence[StoredFact]) -> None:
        """Write incidents and timeline rows in one transaction; older ones and repeated facts change nothing."""

    def find(self, tenant: TenantId, where: IncidentFilter, cursor: str | None, limit: int) -> Page:
        """Return a page ordered by (opened_at, id) descending; Malformed for a cursor that is not ours."""

    def get(self, tenant: TenantId, incident_id: IncidentId) -> Incident | None:
        """Return one incident, or None when this tenant has none of that id."""

    def timeline(self, tenant: TenantId, incident_id: IncidentId, after: int, limit: int) -> Sequence[StoredFact]:
        """Return facts of the incident with offsets above `after`, in order."""

    def digest(self) -> str:
        """Return the SHA-256 (hex) over all incidents' canonical bytes in order of id: equal states, equal digests."""


# -------------------------------------------------------------------------------------------------- evidence store
class MinuteCount(Struct, frozen=True, order=True):
    """Events of one fingerprint in one minute."""

    minute: int
    count: int


class Sightings(Struct, frozen=True):
    """First and last time a fingerprint was seen, and by how many distinct users (a sketch: about 2 % off)."""

    first_seen: int
    last_seen: int
    users: int
    events: int


class EvidenceStore(Protocol):
    """Raw events and their rollups. Inserting a row again (same id) changes no answer. Tenant first in every query."""

    def insert(self, rows: Sequence[ArchivedRow]) -> None:
        """Archive rows; when it returns they survive a crash."""

    def event(self, tenant: TenantId, project: ProjectId, event_id: EventId) -> ArchivedEvent | None:
        """Return one event, or None."""

    def counts(
        self, tenant: TenantId, project: ProjectId, fingerprint: Fingerprint, start: int, end: int
    ) -> Sequence[MinuteCount]:
        """Return events per minute with start <= minute < end, empty minutes left out, in order of time."""

    def sightings(self, tenant: TenantId, project: ProjectId, fingerprint: Fingerprint) -> Sightings | None:
        """Return first and last sighting, or None when the fingerprint was never archived."""

    def count_events(self) -> int:
        """Return how many distinct events are archived, for conservation checks."""

    def version(self) -> str:
        """Return what answers and its version: the cheapest question, for readiness."""


# --------------------------------------------------------------------------------------------------- administration
class ProjectKey(Struct, frozen=True):
    """A DSN's public key and the project that it opens."""

    public_key: str
    tenant_id: TenantId
    project_id: ProjectId
    active: bool
    events_per_minute: int
    """The key's events are refused once all keys of its project sent so many in a minute; 0 = never."""


class Project(Struct, frozen=True):
    """A project as administrators know it."""

    id: ProjectId
    tenant_id: TenantId
    slug: str
    name: str
    keys: tuple[str, ...]


IntegrationKind = Literal["sentry-platform", "sentry-plugin", "sentry-service-hook", "github"]


class Integration(Struct, frozen=True):
    """A sender of webhooks: its secret signs (or stands in the path of) what it sends, into one project."""

    id: int
    kind: IntegrationKind
    tenant_id: TenantId
    project_id: ProjectId
    secret: str


class Administration(Protocol):
    """Tenants, projects, keys and tokens: kept outside the log and outside replay."""

    def key(self, public_key: str) -> ProjectKey | None:
        """Return the key, active or not, or None."""

    def create_project(self, tenant: TenantId, slug: str, name: str, public_key: str) -> Project:
        """Create a project with one key (and its tenant when missing); Conflict when the slug is taken."""

    def create_key(self, tenant: TenantId, project: ProjectId, public_key: str) -> None:
        """Add a key to a project; Malformed when the tenant has no such project."""

    def disable_key(self, public_key: str) -> None:
        """Refuse the key from now on; Malformed when there is none."""

    def limit_key(self, public_key: str, events_per_minute: int) -> None:
        """Refuse the key's events once its project sent so many in a minute, 0 = never; Malformed for no key."""

    def projects(self, tenant: TenantId) -> Sequence[Project]:
        """Return the tenant's projects in order of id."""

    def create_token(self, tenant: TenantId, name: str, token_hash: str) -> None:
        """Store the SHA-256 (hex) of an API token; the token itself is never stored."""

    def tenant_of_token(self, token_hash: str) -> TenantId | None:
        """Return whose token this is, or None."""

    def tokens(self, tenant: TenantId) -> Sequence[str]:
        """Return the names of the tenant's tokens, oldest first."""

    def revoke_token(self, tenant: TenantId, name: str) -> None:
        """Forget every token of that name; Malformed when the tenant has none."""

    def integrations(self) -> Sequence[Integration]:
        """Return all integrations, in order of id."""

    def create_integration(self, tenant: TenantId, project: ProjectId, kind: IntegrationKind, secret: str) -> None:
        """Store an integration; Malformed when the secret is empty."""
