"""ClickHouse's tables may be lost, all or some: they are made anew, and filled with what the log still holds."""

from collections.abc import Iterator, Sequence
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from premortem.adapters.event_log.memory import MemoryEventLog
from premortem.adapters.evidence_store.clickhouse import ClickHouseEvidenceStore
from premortem.adapters.streams.refilling import refill
from premortem.domain import payload
from premortem.domain.ids import EventId, Fingerprint, ProjectId, TenantId
from premortem.domain.payload import DeployBody, EventBody, LogBody, SessionsBody
from premortem.migrate import MIGRATIONS, migrate_clickhouse, remake_clickhouse
from premortem.ports import Append, Errors

ACME, SHOP = TenantId("acme"), ProjectId(7)
NOON, MINUTE, HOUR = 1_767_268_800_000, 60_000, 3_600_000
ERRORS = tuple(Fingerprint(letter * 32) for letter in "ab")
DDL = MIGRATIONS / "clickhouse"


@pytest.fixture
def client(clickhouse_database: str) -> Iterator[Client]:
    with clickhouse_connect.get_client(dsn=clickhouse_database) as client:
        yield client


@pytest.fixture
def store(clickhouse_database: str) -> Iterator[ClickHouseEvidenceStore]:
    store = ClickHouseEvidenceStore(clickhouse_database)
    yield store
    store.close()


def bodies() -> list[payload.Body]:
    """Return what a project sent in two hours: events of two errors and releases, sessions, a log line, a deploy."""
    owner: dict[str, Any] = {"tenant_id": ACME, "project_id": SHOP}
    events = [
        EventBody(
            **owner,
            event_id=EventId(f"{n:032x}"),
            fingerprint=ERRORS[n % 2],
            occurred_at=NOON + n * MINUTE,
            received_at=NOON + n * MINUTE + 250,
            level="error",
            platform="python",
            release=f"shop@{1 + n // 60}",
            environment="production",
            user_hash=f"user-{n % 5}",
            title="boom",
            tags=(("browser", "Firefox"),),
            payload=b'{"message":"boom"}',  # type: ignore[arg-type]
        )
        for n in range(120)
    ]
    sessions = [
        SessionsBody(
            **owner, row_id=f"r{n}", started_at=NOON + n * MINUTE, release="shop@1", environment="production",
            exited=10 + n, errored=1, crashed=0, abnormal=0,
        )
        for n in range(3)
    ]  # fmt: skip
    log = LogBody(**owner, log_id="l", occurred_at=NOON, level="info", body="hi", trace_id="", attributes=b"{}")  # type: ignore[arg-type]
    deploy = DeployBody(**owner, deploy_id="d", deployed_at=NOON, release="shop@2", environment="production")
    return [*events, *sessions, log, deploy, events[3]]


def log_of(records: Sequence[payload.Body]) -> MemoryEventLog:
    log = MemoryEventLog(partitions=2)
    log.append([Append("sentry.payloads", str(SHOP), payload.encode(each), n % 2) for n, each in enumerate(records)])
    return log


def answers(store: ClickHouseEvidenceStore, client: Client) -> list[object]:
    """Return what the archive says to every kind of question."""
    errors = Errors(fingerprints=ERRORS, start=NOON, end=NOON + 2 * HOUR)
    return [
        store.count_events(),
        store.event(ACME, SHOP, EventId(f"{7:032x}")),
        [store.counts(ACME, SHOP, each, NOON, NOON + 2 * HOUR) for each in ERRORS],
        [store.sightings(ACME, SHOP, each) for each in ERRORS],
        store.release_counts(ACME, SHOP, "production", ERRORS, NOON, NOON + 2 * HOUR, HOUR),
        store.release_activity(ACME, SHOP, "production", NOON, NOON + 2 * HOUR, HOUR),
        store.release_sessions(ACME, SHOP, "production", NOON, NOON + 2 * HOUR, HOUR),
        store.releases_since(ACME, SHOP, "production", 0, 10),
        store.new_errors(ACME, SHOP, "production", (), NOON, NOON + HOUR, 10),
        store.deploys_since(ACME, SHOP, "production", 0, 10),
        store.reach(ACME, SHOP, errors),
        client.query("SELECT * FROM logs FINAL").result_rows,
    ]


def names(client: Client) -> list[str]:
    rows = client.query(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND NOT startsWith(name, '.') ORDER BY name"
    ).result_rows
    return [row[0] for row in rows]


def drop(client: Client, *tables: str) -> None:
    for name in tables:
        client.command(f"DROP TABLE IF EXISTS {name} SYNC")


@pytest.mark.parametrize("ledger", ["the ledger of migrations is left", "the volume was lost"])
def test_all_tables_are_lost_and_every_answer_is_as_before(
    client: Client, store: ClickHouseEvidenceStore, ledger: str
) -> None:
    log, tables = log_of(bodies()), names(client)
    first = refill(log, store)
    before = answers(store, client)
    drop(client, *(name for name in tables if "volume" in ledger or not name.startswith("schema_")))
    made = remake_clickhouse(client, DDL)
    assert set(made) == {name for name in tables if not name.startswith("schema_")}
    assert store.count_events() == 0
    told: list[tuple[int, int]] = []
    assert refill(log, store, lambda done, of: told.append((done, of))) == first
    assert answers(store, client) == before
    assert names(client) == tables
    assert migrate_clickhouse(client, DDL) == []
    assert (first.bodies, first.events, first.archived, first.refused, first.gone, first.whole_since) == (
        126, 120, 120, 0, 0, None,
    )  # fmt: skip
    assert told[-1] == (126, 126)


@pytest.mark.parametrize("lost", [("events_by_minute", "sightings"), ("events_by_release_view",), ("logs",)])
def test_some_tables_are_lost_and_what_the_others_hold_beyond_the_log_still_counts(
    client: Client, store: ClickHouseEvidenceStore, lost: tuple[str, ...]
) -> None:
    log = log_of(bodies())
    refill(log, store)
    before = answers(store, client)
    drop(client, *lost)
    assert sorted(remake_clickhouse(client, DDL)) == sorted(lost)
    if "logs" in lost:
        refill(log, store)
    assert answers(store, client) == before
    assert remake_clickhouse(client, DDL) == []


def test_what_retention_took_is_said_and_what_cannot_be_archived_is_counted(store: ClickHouseEvidenceStore) -> None:
    log = MemoryEventLog(partitions=1)
    record = [Append("sentry.payloads", str(SHOP), payload.encode(each)) for each in bodies()[:10]]
    log.append(record[:4])
    (first, *_) = log.read("sentry.payloads", 0, 0, 1)
    assert log.trim("sentry.payloads", first.recorded_at + 48 * HOUR) == 4
    log.append([*record[4:], Append("sentry.payloads", str(SHOP), b"no frame")])
    found = refill(log, store)
    assert (found.gone, found.bodies, found.events, found.archived, found.refused) == (4, 7, 6, 6, 1)
    assert found.whole_since == log.read("sentry.payloads", 0, 4, 1)[0].recorded_at
