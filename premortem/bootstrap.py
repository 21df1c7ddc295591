"""Wiring: the only file that names adapters. Everything above gets ports, everything below knows no settings."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from premortem.adapters.administration.postgres import PostgresAdministration
from premortem.adapters.checkpoint_store.postgres import PostgresCheckpointStore
from premortem.adapters.clock import scaled
from premortem.adapters.clock.system import SystemClock
from premortem.adapters.event_log.postgres import PostgresEventLog, create_topics
from premortem.adapters.event_log.postgres_appender import PostgresAppender
from premortem.adapters.evidence_store.clickhouse import ClickHouseEvidenceStore
from premortem.adapters.incident_store.postgres import PostgresIncidentStore
from premortem.adapters.postgres import Pool, connected, open_pool
from premortem.adapters.streams import crash
from premortem.adapters.streams.parts import SOURCES as SOURCES
from premortem.adapters.task_queue.postgres import PostgresTaskQueue
from premortem.domain.ids import TenantId
from premortem.embedded import data_directory, stack
from premortem.exceptions import Unavailable
from premortem.ports import (
    Administration,
    Appender,
    CheckpointStore,
    Clock,
    EventLog,
    EvidenceStore,
    Flow,
    IncidentStore,
    Project,
    TaskQueue,
)
from premortem.settings import Settings

_SALT = "hash_salt"


@dataclass(frozen=True)
class Adapters:
    """Every port, connected."""

    event_log: EventLog
    checkpoint_store: CheckpointStore
    task_queue: TaskQueue
    incident_store: IncidentStore
    evidence_store: EvidenceStore
    administration: Administration
    close: Callable[[], None]


def connect(settings: Settings, *, connections: int = 8) -> Adapters:
    """Return all adapters for the settings; topics are created when they are missing.

    Raises Unavailable when PostgreSQL does not answer, Conflict when the log was made with other partitions.
    """
    resolved = stack.resolve(settings)
    pool = open_pool(resolved.postgres_dsn, size=connections)
    create_topics(pool, settings.partitions)
    point = crash_points()
    evidence = ClickHouseEvidenceStore(resolved.clickhouse_url)

    def close() -> None:
        pool.close()
        evidence.close()

    return Adapters(
        event_log=PostgresEventLog(pool, crash=point),
        checkpoint_store=PostgresCheckpointStore(pool),
        task_queue=PostgresTaskQueue(pool),
        incident_store=PostgresIncidentStore(pool),
        evidence_store=evidence,
        administration=PostgresAdministration(pool),
        close=close,
    )


def appender(settings: Settings) -> Appender:
    """Return the log's writing end for an event loop; it connects when first used."""
    return PostgresAppender(stack.resolve(settings).postgres_dsn, crash=crash_points() if settings.crash_at else None)


def _require_running(settings: Settings, own_address: str) -> None:
    """Raise Unavailable at once, with the mend, when the stack that a command needs is not up."""
    if not own_address and not stack.status(settings):
        raise Unavailable(f"nothing runs in {settings.data_dir}. Start it: premortem up.")


@contextmanager
def _pool(settings: Settings) -> Iterator[Pool]:
    _require_running(settings, settings.postgres_dsn)
    pool = open_pool(stack.resolve(settings).postgres_dsn, size=1)
    try:
        yield pool
    finally:
        pool.close()


@contextmanager
def administration(settings: Settings) -> Iterator[Administration]:
    """Lend the administration for a command."""
    with _pool(settings) as pool:
        yield PostgresAdministration(pool)


@contextmanager
def incidents(settings: Settings) -> Iterator[IncidentStore]:
    """Lend the incident store for a command."""
    with _pool(settings) as pool:
        yield PostgresIncidentStore(pool)


def first_project(administration: Administration, tenant: str, public_key: str) -> Project:
    """Return the tenant's first project; made with this key when there is none yet."""
    found = administration.projects(TenantId(tenant))
    return found[0] if found else administration.create_project(TenantId(tenant), "default", "Default", public_key)


def clock(settings: Settings) -> Clock:
    """Return the gateway's clock."""
    return SystemClock() if settings.clock == "system" else scaled.parse(settings.clock)


def clock_rate(settings: Settings) -> float:
    """Return how fast the gateway's clock runs, in the end."""
    return 1.0 if settings.clock == "system" else scaled.parse(settings.clock).final_rate


def crash_points() -> Callable[[str], None]:
    """Return what is called at each named crash point: nothing happens there but in crash tests."""
    return crash.crash_points(Settings().crash_at)


def salt(settings: Settings) -> bytes:
    """Return what keys the hashes of users and secrets: the setting, or a secret that the data directory keeps."""
    if settings.hash_salt:
        return settings.hash_salt.encode()
    path = settings.data_dir.absolute()
    data_directory.make_secret(path, _SALT)
    return (data_directory.secret(path, _SALT) or "").encode()


def public_url(settings: Settings) -> str:
    """Return the URL by which the gateway is reached, without a final slash."""
    resolved = stack.resolve(settings)
    host = f"[{resolved.http_host}]" if ":" in resolved.http_host else resolved.http_host
    return (resolved.public_url or f"http://{host}:{resolved.http_port}").rstrip("/")


def migrate(settings: Settings) -> list[str]:
    """Apply all migrations of both databases and create the topics; returns what was applied."""
    from premortem.migrate import MIGRATIONS, migrate_clickhouse, migrate_postgres

    _require_running(settings, settings.postgres_dsn)
    resolved = stack.resolve(settings)
    applied = migrate_postgres(resolved.postgres_dsn, MIGRATIONS / "postgres")
    with _pool(settings) as pool:
        create_topics(pool, settings.partitions)
    return [*applied, *migrate_clickhouse(resolved.clickhouse_url, MIGRATIONS / "clickhouse")]


def pending_migrations(settings: Settings) -> list[str]:
    """Return the files of both databases that are not applied yet."""
    from premortem.migrate import MIGRATIONS, pending_clickhouse, pending_postgres

    _require_running(settings, settings.postgres_dsn)
    resolved = stack.resolve(settings)
    pending = pending_postgres(resolved.postgres_dsn, MIGRATIONS / "postgres")
    return [*pending, *pending_clickhouse(resolved.clickhouse_url, MIGRATIONS / "clickhouse")]


def postgres_version(settings: Settings) -> str:
    """Return the server's version."""
    with _pool(settings) as pool, connected(pool) as connection:
        row = connection.execute(b"SHOW server_version").fetchone()
    return f"PostgreSQL {row[0]}" if row else "PostgreSQL"


def clickhouse_version(settings: Settings) -> str:
    """Return the server's version and how many events it holds."""
    _require_running(settings, settings.clickhouse_url)
    store = ClickHouseEvidenceStore(stack.resolve(settings).clickhouse_url)
    try:
        return f"{store.version()}, {store.count_events()} events archived"
    finally:
        store.close()


def lags(settings: Settings) -> dict[Flow, int]:
    """Return how many records each dataflow has not passed yet."""
    behind = dict.fromkeys(SOURCES, 0)
    for (flow, _), (position, head) in positions(settings).items():
        behind[flow] += max(0, head - position)
    return behind


def newest_record(settings: Settings) -> int | None:
    """Return when the project stream's newest record was written (ms, by the database's clock); None: it is empty."""
    with _pool(settings) as pool:
        log = PostgresEventLog(pool)
        heads = enumerate(log.heads("sentry.events"))
        newest = [log.read("sentry.events", partition, head - 1, 1)[0] for partition, head in heads if head]
    return max((record.recorded_at for record in newest), default=None)


def positions(settings: Settings) -> dict[tuple[Flow, int], tuple[int, int]]:
    """Return, for each dataflow and partition, how far it is and where the log ends."""
    with _pool(settings) as pool:
        log, reached = PostgresEventLog(pool), PostgresCheckpointStore(pool).positions()
        return {
            (flow, partition): (reached.get((flow, partition), 0), head)
            for flow, topic in SOURCES.items()
            for partition, head in enumerate(log.heads(topic))
        }
