"""Migrating: schemas, topics and queues brought up to date."""

from premortem.bootstrap.connecting import require_running
from premortem.bootstrap.log_topics import make_topics
from premortem.bootstrap.queueing import make_queues
from premortem.embedded import stack
from premortem.settings import Settings


def migrate(settings: Settings) -> list[str]:
    """Apply all migrations of both databases, create topics and queues; returns what was applied and created."""
    from premortem.migrate import MIGRATIONS, migrate_clickhouse, migrate_postgres

    require_running(settings, settings.postgres_dsn)
    resolved = stack.resolve(settings)
    applied = migrate_postgres(resolved.postgres_dsn, MIGRATIONS / "postgres")
    applied += migrate_clickhouse(resolved.clickhouse_url, MIGRATIONS / "clickhouse")
    return [*applied, *make_topics(settings), *make_queues(settings)]


def pending_migrations(settings: Settings) -> list[str]:
    """Return the files of both databases that are not applied yet."""
    from premortem.migrate import MIGRATIONS, pending_clickhouse, pending_postgres

    require_running(settings, settings.postgres_dsn)
    resolved = stack.resolve(settings)
    pending = pending_postgres(resolved.postgres_dsn, MIGRATIONS / "postgres")
    return [*pending, *pending_clickhouse(resolved.clickhouse_url, MIGRATIONS / "clickhouse")]
