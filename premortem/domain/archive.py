"""Archived rows: what the evidence store keeps of each body, a row of its own table each."""

from msgspec import Struct

from premortem.domain.ids import EventId, Fingerprint, ProjectId, TenantId


class ArchivedEvent(Struct, frozen=True, kw_only=True):
    """One row of `raw_events`."""

    tenant_id: TenantId
    project_id: ProjectId
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
    payload: bytes
    """The scrubbed body: JSON in UTF-8."""


class ArchivedLog(Struct, frozen=True, kw_only=True):
    """One row of `logs`."""

    tenant_id: TenantId
    project_id: ProjectId
    log_id: str
    occurred_at: int
    level: str
    body: str
    trace_id: str
    attributes: bytes


class ArchivedSessions(Struct, frozen=True, kw_only=True):
    """One row of `sessions`."""

    tenant_id: TenantId
    project_id: ProjectId
    row_id: str
    started_at: int
    release: str
    environment: str
    exited: int
    errored: int
    crashed: int
    abnormal: int


class ArchivedDeploy(Struct, frozen=True, kw_only=True):
    """One row of `deploys`."""

    tenant_id: TenantId
    project_id: ProjectId
    deploy_id: str
    deployed_at: int
    release: str
    environment: str


ArchivedRow = ArchivedEvent | ArchivedLog | ArchivedSessions | ArchivedDeploy
