"""Condition: what the databases are, and how far the dataflows have come."""

from contextlib import closing

from premortem.adapters.checkpoint_store.postgres import PostgresCheckpointStore
from premortem.adapters.evidence_store.clickhouse import ClickHouseEvidenceStore, require_version
from premortem.adapters.source_code.tools import tools
from premortem.adapters.streams.parts import SOURCES
from premortem.bootstrap.connecting import lend_log, lend_pool, require_running
from premortem.bootstrap.lending import event_log
from premortem.embedded import stack
from premortem.ports import Flow
from premortem.settings import Settings


def postgres_version(settings: Settings) -> str:
    """Return the server's version; Conflict when it is too old, or when no tenant could read on it."""
    from premortem.migrate.rights import examine

    require_running(settings, settings.postgres_dsn)
    return examine(stack.resolve(settings).postgres_dsn)


def clickhouse_version(settings: Settings) -> str:
    """Return the server's version and how many events it holds; Conflict when it is too old."""
    require_running(settings, settings.clickhouse_url)
    with closing(ClickHouseEvidenceStore(stack.resolve(settings).clickhouse_url)) as store:
        version = require_version(store.version())
        return f"ClickHouse {version}, {store.count_events()} events archived"


def lags(settings: Settings) -> dict[Flow, int]:
    """Return how many records each dataflow has not passed yet."""
    behind = dict.fromkeys(SOURCES, 0)
    for (flow, _), (position, head) in positions(settings).items():
        behind[flow] += max(0, head - position)
    return behind


def code_tools() -> str:
    """Return what this machine has for work on code; Conflict for what is missing."""
    return tools()


def newest_record(settings: Settings) -> int | None:
    """Return when the project stream's newest record was written (ms, by the log's clock); None: it is empty."""
    with event_log(settings) as log:
        heads = enumerate(log.heads("sentry.events"))
        newest = [log.read("sentry.events", partition, head - 1, 1)[:1] for partition, head in heads if head]
    return max((record.recorded_at for records in newest for record in records), default=None)


def positions(settings: Settings) -> dict[tuple[Flow, int], tuple[int, int]]:
    """Return, for each dataflow and partition, how far it is and where the log ends."""
    with lend_pool(settings) as pool, lend_log(settings, pool) as log:
        reached = PostgresCheckpointStore(pool).positions()
        return {
            (flow, partition): (reached.get((flow, partition), 0), head)
            for flow, topic in SOURCES.items()
            for partition, head in enumerate(log.heads(topic))
        }
