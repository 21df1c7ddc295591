"""Lending: one port at a time, for a command."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from premortem.adapters.administration.postgres import PostgresAdministration
from premortem.adapters.checkpoint_store.postgres import PostgresCheckpointStore
from premortem.adapters.event_log.read_only import ReadOnlyLog
from premortem.adapters.evidence_store.clickhouse import ClickHouseEvidenceStore
from premortem.adapters.incident_store.postgres import PostgresIncidentStore
from premortem.adapters.notice_book.postgres import PostgresNoticeBook
from premortem.bootstrap.connecting import lend_log, lend_pool, require_running
from premortem.domain.ids import TenantId
from premortem.embedded import stack
from premortem.ports import (
    Administration,
    CheckpointStore,
    EventLog,
    EvidenceStore,
    IncidentStore,
    LogReader,
    NoticeBook,
    Project,
)
from premortem.settings import Settings


@contextmanager
def administration(settings: Settings) -> Iterator[Administration]:
    """Lend the administration for a command."""
    with lend_pool(settings) as pool:
        yield PostgresAdministration(pool)


@contextmanager
def incidents(settings: Settings) -> Iterator[IncidentStore]:
    """Lend the incident store for a command."""
    with lend_pool(settings) as pool:
        yield PostgresIncidentStore(pool)


@contextmanager
def evidence(settings: Settings) -> Iterator[EvidenceStore]:
    """Lend the evidence store for a command."""
    require_running(settings, settings.clickhouse_url)
    with closing(ClickHouseEvidenceStore(stack.resolve(settings).clickhouse_url)) as store:
        yield store


@contextmanager
def checkpoints(settings: Settings) -> Iterator[CheckpointStore]:
    """Lend the dataflows' checkpoints for a command."""
    with lend_pool(settings) as pool:
        yield PostgresCheckpointStore(pool)


@contextmanager
def notice_book(settings: Settings) -> Iterator[NoticeBook]:
    """Lend the book of notices for a command."""
    with lend_pool(settings) as pool:
        yield PostgresNoticeBook(pool)


@contextmanager
def event_log(settings: Settings) -> Iterator[EventLog]:
    """Lend the event log for a command."""
    with lend_pool(settings) as pool, lend_log(settings, pool) as log:
        yield log


@contextmanager
def log_reader(settings: Settings) -> Iterator[LogReader]:
    """Lend the log's reading end to what may only look: a replay."""
    with event_log(settings) as log:
        yield ReadOnlyLog(log)


def first_project(administration: Administration, tenant: str, public_key: str) -> Project:
    """Return the tenant's first project; made with this key when there is none yet."""
    found = administration.projects(TenantId(tenant))
    return found[0] if found else administration.create_project(TenantId(tenant), "default", "Default", public_key)
