"""The ClickHouse schema: what the rollups count when rows come again, which indexes the store's questions use."""

import re
from collections.abc import Iterator
from pathlib import Path

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from msgspec.structs import replace

from premortem.adapters import evidence_store
from premortem.adapters.evidence_store.clickhouse import ClickHouseEvidenceStore, statement
from premortem.domain.archive import ArchivedDeploy, ArchivedEvent, ArchivedLog, ArchivedSessions
from premortem.domain.ids import EventId, Fingerprint, ProjectId, TenantId
from premortem.migrate import MIGRATIONS, migrate_clickhouse

_NOON = 1_767_268_800_000
_SQL = sorted(Path(evidence_store.__file__).parent.glob("*.sql"))
_OWNER = "WHERE tenant_id = {tenant:String} AND project_id = {project:Int64}"
_PARAMETERS = {
    "tenant": "acme",
    "project": 1,
    "fingerprint": "f" * 32,
    "fingerprints": ["f" * 32],
    "limit": 10,
    "event_id": "0" * 32,
    "start": 0,
    "end": 1 << 42,
}


@pytest.fixture
def client(clickhouse_database: str) -> Iterator[Client]:
    with clickhouse_connect.get_client(dsn=clickhouse_database) as client:
        yield client


@pytest.fixture
def store(clickhouse_database: str) -> Iterator[ClickHouseEvidenceStore]:
    store = ClickHouseEvidenceStore(clickhouse_database)
    yield store
    store.close()


def _event(number: int, **changes: object) -> ArchivedEvent:
    event = ArchivedEvent(
        tenant_id=TenantId("acme"),
        project_id=ProjectId(1),
        event_id=EventId(f"{number:032x}"),
        fingerprint=Fingerprint("f" * 32),
        occurred_at=_NOON + number * 60_000,
        received_at=_NOON + number * 60_000,
        level="error",
        platform="python",
        release=f"1.{number % 2}",
        environment="production",
        user_hash="",
        title="boom",
        tags=(),
        payload=b"{}",
    )
    return replace(event, **changes)


def test_counts_per_release_and_environment_do_not_change_when_rows_come_again(
    client: Client, store: ClickHouseEvidenceStore
) -> None:
    events = [_event(number) for number in range(90)]
    sql = (
        "SELECT release, environment, hour, uniqExactMerge(event_ids) FROM events_by_release"
        " GROUP BY ALL ORDER BY release, hour"
    )
    store.insert(events)
    once = client.query(sql).result_rows
    hour = 3_600_000
    assert once == [
        ("1.0", "production", _NOON, 30),
        ("1.0", "production", _NOON + hour, 15),
        ("1.1", "production", _NOON, 30),
        ("1.1", "production", _NOON + hour, 15),
    ]
    store.insert(events[10:70])
    store.insert(events[60:] + events[:20])
    client.command("OPTIMIZE TABLE events_by_release FINAL")
    assert client.query(sql).result_rows == once


def test_merges_leave_one_row_of_each_kind_and_change_no_answer(client: Client, store: ClickHouseEvidenceStore) -> None:
    owner = {"tenant_id": TenantId("acme"), "project_id": ProjectId(1)}
    rows = [
        _event(1),
        _event(1, received_at=_NOON + 61_000, title="again"),
        ArchivedLog(
            **owner, log_id="l", occurred_at=_NOON, level="info", body="b", trace_id="", attributes=b"\xff\x00{}"
        ),
        ArchivedSessions(
            **owner,
            row_id="s",
            started_at=_NOON,
            release="1",
            environment="",
            exited=9,
            errored=3,
            crashed=1,
            abnormal=0,
        ),
        ArchivedDeploy(**owner, deploy_id="d", deployed_at=_NOON, release="1", environment="production"),
    ]
    for _ in range(3):
        store.insert(rows)
    for table in ("raw_events", "logs", "sessions", "deploys"):
        client.command(f"OPTIMIZE TABLE {table} FINAL")
        assert client.command(f"SELECT count() FROM {table}") == 1, table
    assert client.command("SELECT title FROM raw_events") == "boom"
    assert client.query("SELECT attributes FROM logs", query_formats={"String": "bytes"}).first_row == (b"\xff\x00{}",)
    assert client.query("SELECT exited, errored, crashed, abnormal FROM sessions").first_row == (9, 3, 1, 0)


def test_one_insertion_may_scatter_over_any_number_of_months(store: ClickHouseEvidenceStore) -> None:
    month = 31 * 86_400_000
    store.insert([_event(number, received_at=number * month, occurred_at=number * month) for number in range(150)])
    assert store.count_events() == 150


@pytest.mark.parametrize("path", _SQL, ids=lambda path: path.stem)
def test_every_question_of_a_tenant_names_it_first(path: Path) -> None:
    sql = path.read_text()
    if path.stem == "count_events":
        return
    assert sql.count("FROM ") - sql.count("FROM (") == sql.count(_OWNER)


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("event", {"tenant_id", "project_id", "by_event_id"}),
        ("counts", {"tenant_id", "project_id", "fingerprint", "minute"}),
        ("sightings", {"tenant_id", "project_id", "fingerprint"}),
        ("sample", {"tenant_id", "project_id", "fingerprint", "occurred_at"}),
        ("representatives", {"tenant_id", "project_id", "fingerprint", "occurred_at"}),
        ("reach", {"tenant_id", "project_id", "fingerprint", "occurred_at"}),
    ],
)
def test_the_stores_questions_use_their_indexes(
    client: Client, store: ClickHouseEvidenceStore, name: str, keys: set[str]
) -> None:
    store.insert([_event(1)])
    plan = "\n".join(row[0] for row in client.query(f"EXPLAIN indexes = 1 {statement(name)}", _PARAMETERS).result_rows)
    for key in keys:
        assert re.search(rf"^[\s│]+(Name: )?{key}$", plan, re.MULTILINE), plan


def test_the_commands_that_the_migrations_recommend_to_operators_work(client: Client) -> None:
    texts = " ".join(path.read_text() for path in sorted((MIGRATIONS / "clickhouse").glob("*.sql")))
    commands = re.findall(r"`(ALTER TABLE [^`]+)`", " ".join(texts.replace("--", " ").split()))
    assert len(commands) == 2
    for command in commands:
        client.command(command)


def test_migrating_again_changes_nothing(clickhouse_database: str) -> None:
    assert migrate_clickhouse(clickhouse_database, MIGRATIONS / "clickhouse") == []
