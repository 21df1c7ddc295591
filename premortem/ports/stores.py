"""Where what was seen and administered is kept: evidence, tenants and their keys."""

from collections.abc import Sequence
from typing import Literal, Protocol

from msgspec import Struct

from premortem.domain.archive import ArchivedDeploy, ArchivedEvent, ArchivedRow
from premortem.domain.ids import EventId, Fingerprint, IncidentId, ProjectId, TenantId
from premortem.domain.likeness import Vector
from premortem.ports.work import Repository


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


class SlotCount(Struct, frozen=True, order=True):
    """Events or sessions of one release in slot `slot` of equal slots of time, counted from the start of a question."""

    slot: int
    release: str
    """Empty = events that name none."""
    count: int


class NewError(Struct, frozen=True):
    """A fingerprint that nobody had seen before: its events where and when was asked, and the first of them."""

    fingerprint: Fingerprint
    first_seen: int
    title: str
    events: int
    event_id: EventId


class ReleaseSince(Struct, frozen=True):
    """A release and its first event or session in an environment."""

    release: str
    first_seen: int


class Errors(Struct, frozen=True, kw_only=True):
    """Events of some fingerprints with start <= time < end."""

    fingerprints: tuple[Fingerprint, ...]
    start: int
    end: int


class AttributeCount(Struct, frozen=True):
    """A value that events carry, and how many do: of those inside and of those before."""

    name: str
    """`release`, `environment`, `user` (the hash) or `tag:` and a tag's name."""
    value: str
    inside: int
    before: int


class AttributeCounts(Struct, frozen=True):
    """What events carry, the most frequent inside first, and how many events there are."""

    inside: int
    before: int
    counts: tuple[AttributeCount, ...]


class Representatives(Struct, frozen=True):
    """Ids of the events that stand for others. `rarest` None = they are all alike."""

    first: EventId
    latest: EventId
    rarest: EventId | None


class ReleaseCount(Struct, frozen=True):
    """A release's events in a time: of all errors, of some, and of these the ones after a moment."""

    release: str
    first_seen: int
    last_seen: int
    events: int
    failing: int
    failing_since: int


class Reach(Struct, frozen=True):
    """How far some errors reach; at most 50 releases and 50 environments, in order of name."""

    events: int
    users: int
    releases: tuple[str, ...]
    environments: tuple[str, ...]
    first_seen: int
    last_seen: int


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

    def release_counts(
        self,
        tenant: TenantId,
        project: ProjectId,
        environment: str,
        fingerprints: Sequence[Fingerprint],
        start: int,
        end: int,
        width: int,
    ) -> Sequence[SlotCount]:
        """Return events of any of the fingerprints with start <= time < end, in order; slots of `width` ms."""

    def release_activity(
        self, tenant: TenantId, project: ProjectId, environment: str, start: int, end: int, width: int
    ) -> Sequence[SlotCount]:
        """Return the same for the events of all fingerprints: a sketch, about 2 % off."""

    def release_sessions(
        self, tenant: TenantId, project: ProjectId, environment: str, start: int, end: int, width: int
    ) -> Sequence[SlotCount]:
        """Return sessions that began with start <= time < end, however they ended, in order."""

    def new_errors(
        self,
        tenant: TenantId,
        project: ProjectId,
        environment: str,
        releases: Sequence[str],
        start: int,
        end: int,
        limit: int,
    ) -> Sequence[NewError]:
        """Return fingerprints that the project saw first, anywhere, with start <= time < end, most events first.

        Only those with an event in the environment, and on one of the releases (none named = any), in that time.
        """

    def releases_since(
        self, tenant: TenantId, project: ProjectId, environment: str, since: int, limit: int
    ) -> Sequence[ReleaseSince]:
        """Return the releases whose first event or session ever in the environment came at `since` or later, in order
        of that time.
        """

    def release_first_seen(self, tenant: TenantId, project: ProjectId, environment: str, release: str) -> int | None:
        """Return when the release's first event or session ever in the environment was, or None."""

    def deploys_since(
        self, tenant: TenantId, project: ProjectId, environment: str, since: int, limit: int
    ) -> Sequence[ArchivedDeploy]:
        """Return the deploys that were reported for the environment at `since` or later, in order of time."""

    def attributes(
        self, tenant: TenantId, project: ProjectId, inside: Errors, before: Errors, limit: int
    ) -> AttributeCounts:
        """Return what at least two events inside carry, and how many of those before do; about 2 % off for many.

        `before` without a fingerprint = all of the project's errors.
        """

    def representatives(self, tenant: TenantId, project: ProjectId, errors: Errors) -> Representatives | None:
        """Return the first and the latest event, and the first of the rarest title, release and environment; None when
        there are no events.
        """

    def sample(
        self, tenant: TenantId, project: ProjectId, errors: Errors, limit: int, *, others_in: str | None = None
    ) -> Sequence[ArchivedEvent]:
        """Return up to `limit` events, those of the smallest ids: the same every time. `others_in` an environment =
        events of every other fingerprint there.
        """

    def releases_in(
        self, tenant: TenantId, project: ProjectId, environment: str, errors: Errors, since: int, limit: int
    ) -> Sequence[ReleaseCount]:
        """Return the releases with any event in the environment in the time of `errors`, the newest first."""

    def reach(self, tenant: TenantId, project: ProjectId, errors: Errors) -> Reach | None:
        """Return how far the errors reach, or None when there are no events."""

    def count_events(self) -> int:
        """Return how many distinct events are archived, for conservation checks."""

    def version(self) -> str:
        """Return what answers and its version: the cheapest question, for readiness."""


# ------------------------------------------------------------------------------------------------ similar incidents
class Lookalike(Struct, frozen=True, kw_only=True):
    """An incident by what its stack looks like."""

    tenant_id: TenantId
    project_id: ProjectId
    incident_id: IncidentId
    opened_at: int
    vector: Vector


class Alike(Struct, frozen=True):
    """An incident, and how much its stack looks like another one: 1 = the same."""

    incident_id: IncidentId
    similarity: float


class SimilarIncidents(Protocol):
    """Incidents of each tenant by what their stacks look like (`domain.likeness`)."""

    def remember(self, incident: Lookalike) -> None:
        """Keep an incident's vector, in place of an older one; all zeros are not kept."""

    def nearest(self, tenant: TenantId, vector: Vector, before: int, limit: int) -> Sequence[Alike]:
        """Return the tenant's incidents that were opened before the time `before` and look most alike, the nearest
        first, among equals the newest; none for a vector of zeros.
        """


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

    def add_repository(self, repository: Repository) -> None:
        """Map a repository to its project, in place of one of the same name; Malformed for no such project, or for
        what git could not be asked for.
        """

    def repositories(self, tenant: TenantId, project: ProjectId) -> Sequence[Repository]:
        """Return the project's repositories in order of name."""

    def remove_repository(self, tenant: TenantId, project: ProjectId, name: str) -> None:
        """Forget a repository; Malformed when the project has none of that name."""
