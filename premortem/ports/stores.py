"""Where what was folded, seen and administered is kept: incidents, evidence, tenants and their keys."""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from msgspec import Struct

from premortem.domain.archive import ArchivedEvent, ArchivedRow
from premortem.domain.ids import EventId, Fingerprint, IncidentId, ProjectId, TenantId
from premortem.domain.incident import Incident, Status


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
