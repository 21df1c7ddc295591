"""`premortem doctor` over servers that are away, too old, not prepared, or fall behind: what it says, and the mend."""

import secrets
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from confluent_kafka.admin import AdminClient

from premortem.adapters.checkpoint_store.postgres import PostgresCheckpointStore
from premortem.adapters.event_log.kafka_topics import create_topics as create_kafka_topics
from premortem.adapters.event_log.postgres import PostgresEventLog, create_topics
from premortem.adapters.evidence_store.clickhouse import require_version
from premortem.adapters.postgres import open_pool
from premortem.adapters.task_queue.sqs_client import open_client
from premortem.adapters.task_queue.sqs_queues import create_queues
from premortem.adapters.worker_book.postgres import PostgresWorkerBook
from premortem.cli.diagnosis import Finding, examine
from premortem.domain.tasks import QUEUES
from premortem.embedded.postgres import PostgresServer
from premortem.exceptions import Conflict
from premortem.migrate import MIGRATIONS, migrate_postgres
from premortem.ports import Append
from premortem.settings import Settings
from tests.cli.conftest import Cli
from tests.kafka_fixture import KafkaBroker

NOBODY = "127.0.0.1:1"


@pytest.fixture
def apart(tmp_path: Path, postgres_dsn: str) -> dict[str, Any]:
    """Settings of an installation whose stores and processes are all elsewhere; its PostgreSQL answers."""
    return {
        "data_dir": tmp_path / "data",
        "http_port": 1,
        "postgres_dsn": postgres_dsn,
        "clickhouse_url": f"http://{NOBODY}/x",
    }


def found(**settings: Any) -> dict[str, Finding]:
    return {finding.name: finding for finding in examine(Settings(**settings))}


def test_what_is_away_elsewhere_is_looked_for_elsewhere(apart: dict[str, Any]) -> None:
    away = {"postgres_dsn": f"postgresql://x@{NOBODY}/x", "kafka_brokers": NOBODY}
    away |= {"sqs_region": "eu-central-1", "sqs_endpoint": f"http://{NOBODY}"}
    findings = found(**apart | away)
    assert [name for name, finding in findings.items() if finding.healthy] == ["python", "code", "disk"]
    mends = {name: finding.mend for name, finding in findings.items()}
    assert not [name for name, mend in mends.items() if "premortem up" in mend]
    assert "python -m api" in mends["gateway"]
    settings = {
        "postgres": "PREMORTEM_POSTGRES_DSN",
        "clickhouse": "PREMORTEM_CLICKHOUSE_URL",
        "topics": "PREMORTEM_KAFKA_BROKERS",
        "queues": "PREMORTEM_SQS_ENDPOINT",
    }
    assert {name: mend.split()[3] for name, mend in mends.items() if name in settings} == settings
    for name in ("migrations", "dataflows", "workers", "clock"):
        assert findings[name].detail.startswith("not looked at: it needs postgres")
        assert mends[name] == "mend postgres first"


def test_a_server_that_is_too_old_is_named_with_what_is_needed() -> None:
    assert require_version("25.8.1.1") == "25.8.1.1"
    with pytest.raises(
        Conflict, match=r"ClickHouse 25\.7\.9 is too old: Premortem needs 25\.8 or newer\. Upgrade it\."
    ):
        require_version("25.7.9")


def test_tables_that_are_missing_are_made_by_migrating_and_no_server_is_looked_for(
    apart: dict[str, Any], clickhouse_empty_database: str
) -> None:
    clickhouse = found(**apart | {"clickhouse_url": clickhouse_empty_database})["clickhouse"]
    assert "Run: premortem migrate" in clickhouse.detail
    assert clickhouse.mend == "do what it says (docs/operations.md)"


def test_a_migration_that_was_not_applied_is_named(
    apart: dict[str, Any], postgres_server: PostgresServer, clickhouse_database: str, tmp_path: Path
) -> None:
    *before, last = sorted((MIGRATIONS / "postgres").glob("*.sql"))
    for file in before:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with database(postgres_server) as dsn:
        migrate_postgres(dsn, tmp_path)
        migrations = found(**apart | {"postgres_dsn": dsn, "clickhouse_url": clickhouse_database})["migrations"]
    assert (migrations.healthy, migrations.detail) == (False, f"not applied: {last.name}")
    assert migrations.mend == "run: premortem migrate"


@contextmanager
def database(server: PostgresServer) -> Iterator[str]:
    name = f"doctor_{secrets.token_hex(4)}"
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield server.dsn(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@contextmanager
def written(dsn: str, seconds_ago: float) -> Iterator[PostgresCheckpointStore]:
    """Lend the checkpoints beside a log on which one record was written so long ago, in partition 1."""
    with closing(open_pool(dsn, size=1)) as pool:
        create_topics(pool, 4)
        PostgresEventLog(pool).append([Append("sentry.events", "", b"tick", 1)])
        at = int((time.time() - seconds_ago) * 1000)
        with pool.connection() as connection:
            connection.execute("UPDATE log_events SET recorded_at = %s", (at,))
        yield PostgresCheckpointStore(pool)


def test_a_record_that_no_dataflow_passes_is_told_wherever_its_process_should_run(apart: dict[str, Any]) -> None:
    with written(apart["postgres_dsn"], 400) as checkpoints:
        flows = found(**apart)["dataflows"]
        assert (flows.healthy, flows.detail) == (False, "detect has not passed a record that was written 400 s ago.")
        assert "premortem flow-health NAME" in flows.mend
        checkpoints.save("detect", 1, 1, {})
        flows = found(**apart)["dataflows"]
        assert (flows.healthy, flows.detail.split(", ")[1]) == (True, "detect 0 behind")


def test_a_record_that_waits_for_a_moment_is_no_failure(apart: dict[str, Any]) -> None:
    with written(apart["postgres_dsn"], 60):
        flows = found(**apart)["dataflows"]
    assert (flows.healthy, flows.detail.split(", ")[1]) == (True, "detect 1 behind")


def test_a_position_beyond_the_log_is_told(apart: dict[str, Any]) -> None:
    with written(apart["postgres_dsn"], 1) as checkpoints:
        checkpoints.save("detect", 1, 5, {})
        flows = found(**apart)["dataflows"]
    assert (flows.healthy, flows.detail) == (
        False,
        "sentry.events/1 ends at 1, and detect has read up to 5: another log",
    )


@pytest.mark.parametrize(
    ("seconds_ago", "told"),
    [
        (400, "the last record is 400 s old, and a tick is due every 60 s"),
        (-60, "the log is 60 s ahead of this machine's clock"),
    ],
)
def test_ticks_that_do_not_come_and_a_clock_that_was_set_back_are_told(
    apart: dict[str, Any], seconds_ago: float, told: str
) -> None:
    with written(apart["postgres_dsn"], seconds_ago):
        clock = found(**apart)["clock"]
    assert (clock.healthy, clock.detail) == (False, told)
    assert "NTP" in clock.mend


def test_a_log_without_any_record_has_no_tick(apart: dict[str, Any]) -> None:
    clock = found(**apart)["clock"]
    assert (clock.healthy, clock.detail) == (False, "no tick is on the log yet")


def test_a_topic_that_is_missing_is_made_by_command(
    apart: dict[str, Any], kafka_broker: KafkaBroker, kafka_prefix: str
) -> None:
    topics = found(**apart, kafka_brokers=kafka_broker.address, kafka_topic_prefix=kafka_prefix)["topics"]
    assert not topics.healthy
    assert f"{kafka_prefix}sentry.events is missing. Run: premortem topics create." in topics.detail
    assert topics.mend.startswith("run: premortem topics create")


def test_a_queue_that_is_missing_is_made_by_command(apart: dict[str, Any], sqs_endpoint: str, sqs_prefix: str) -> None:
    place = {"sqs_region": "eu-central-1", "sqs_endpoint": sqs_endpoint, "sqs_queue_prefix": sqs_prefix}
    queues = found(**apart | place)["queues"]
    assert not queues.healthy
    assert f"there is no queue {sqs_prefix}rca-tasks. Create the queues: premortem queues create." in queues.detail
    assert queues.mend == "run: premortem queues create"


def test_listing_topics_ends_with_1_when_one_would_lose_records(
    nothing: Cli, kafka_broker: KafkaBroker, kafka_prefix: str
) -> None:
    where = {"PREMORTEM_KAFKA_BROKERS": kafka_broker.address, "PREMORTEM_KAFKA_TOPIC_PREFIX": kafka_prefix}
    create_kafka_topics(kafka_broker.address, partitions=4, payload_days=30, prefix=kafka_prefix)
    assert [topic["problems"] for topic in nothing.json("topics", "list", **where)] == [[], [], [], []]
    name = f"{kafka_prefix}dead-letters"
    admin = AdminClient({"bootstrap.servers": kafka_broker.address})
    (gone,) = admin.delete_topics([name]).values()
    gone.result(10)
    while name in admin.list_topics(timeout=5).topics:
        time.sleep(0.05)
    assert f"{name} is missing" in nothing.run("topics", "list", code=1, **where).stdout
    assert nothing.json("topics", "list", code=1, **where)[3]["problems"] != []


def test_listing_queues_ends_with_1_when_one_would_lose_tasks(nothing: Cli, sqs_endpoint: str, sqs_prefix: str) -> None:
    where = {"PREMORTEM_SQS_REGION": "eu-central-1", "PREMORTEM_SQS_ENDPOINT": sqs_endpoint}
    where["PREMORTEM_SQS_QUEUE_PREFIX"] = sqs_prefix
    assert "there is no queue" in nothing.run("queues", "list", code=1, **where).stdout
    with closing(open_client("eu-central-1", sqs_endpoint)) as client:
        create_queues(client, sqs_prefix)
    assert len(nothing.json("queues", "list", **where)) == len(QUEUES)


def test_a_queue_that_nobody_reads_is_named(apart: dict[str, Any]) -> None:
    workers = found(**apart)["workers"]
    assert (workers.healthy, workers.detail.split(", ")[0]) == (False, "nobody reads context-builder-tasks")
    assert "premortem worker" in workers.mend
    with closing(open_pool(apart["postgres_dsn"], size=1)) as pool:
        PostgresWorkerBook(pool).note("one", sorted(QUEUES.values()), {})
        PostgresWorkerBook(pool).note("two", ["rca-tasks"], {})
        workers = found(**apart)["workers"]
        assert (workers.healthy, workers.detail) == (True, f"each of {len(QUEUES)} queues is read by 1 or more")
