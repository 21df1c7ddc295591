"""Migrations: plain dbmate-format SQL, forward only, applied once and in order.

The files and the ledger `schema_migrations` are dbmate's (https://github.com/amacneil/dbmate), so operators may use
that tool instead; `schema_checksums` beside it is ours and notices when an applied file was edited.
"""

from premortem.migrate.clickhouse import migrate_clickhouse, pending_clickhouse
from premortem.migrate.clickhouse_lost import remake_clickhouse
from premortem.migrate.files import MIGRATIONS, Migration, read_migrations
from premortem.migrate.postgres import migrate_postgres, pending_postgres
from premortem.migrate.statements import split_statements

__all__ = [
    "MIGRATIONS",
    "Migration",
    "migrate_clickhouse",
    "migrate_postgres",
    "pending_clickhouse",
    "pending_postgres",
    "read_migrations",
    "remake_clickhouse",
    "split_statements",
]
