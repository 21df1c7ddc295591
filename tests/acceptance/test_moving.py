"""A log that moves from one machine's PostgreSQL to Apache Kafka, as docs/operations.md says: nothing happens again."""

import os
import secrets
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from premortem import bootstrap
from premortem.embedded import stack
from premortem.settings import Settings
from tests.acceptance.conftest import HTTP, Stack, started
from tests.acceptance.load_client import body
from tests.kafka_fixture import KafkaBroker

SAID_AT_ONCE = ("id", "project_id", "title", "environment", "release", "first_seen", "opened_at", "reason", "origin")


def send(running: Stack, number: int, fingerprints: int = 5) -> None:
    """Send event `number`, of one of so many errors."""
    _, content = body(number, fingerprints)
    key = running.dsn.partition("//")[2].partition("@")[0]
    url = bootstrap.public_url(running.settings)
    answer = HTTP.post(f"{url}/api/{running.project}/envelope/?sentry_key={key}", content=content)
    answer.raise_for_status()


def incidents(running: Stack, count: int) -> list[dict[str, Any]]:
    """Return all incidents when there are `count` and every dataflow has read everything."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if not any(bootstrap.lags(running.settings).values()) and len(found := running.incidents()) == count:
            return found
        time.sleep(0.1)
    raise AssertionError(f"no {count} incidents: {running.incidents()}, {bootstrap.lags(running.settings)}")


def opened(running: Stack, count: int) -> list[dict[str, Any]]:
    """Return what was said when the incidents were opened: what follows may go on before a move and after it."""
    return [{key: one[key] for key in SAID_AT_ONCE} for one in incidents(running, count)]


def facts(settings: Settings) -> list[list[bytes]]:
    """Return every fact about an incident on the timeline, by partition; ticks come by themselves."""
    with bootstrap.event_log(settings) as log:
        heads = enumerate(log.heads("debugging.timeline"))
        read = [log.read("debugging.timeline", p, 0, head) if head else [] for p, head in heads]
    return [[record.value for record in records if record.key] for records in read]


def test_an_installation_that_moves_its_log_to_kafka_goes_on_where_it_was(
    tmp_path: Path, kafka_broker: KafkaBroker
) -> None:
    running = started(tmp_path / "data")
    moved = {"kafka_brokers": kafka_broker.address, "kafka_topic_prefix": f"moved{secrets.token_hex(4)}-"}
    try:
        for number in range(40):
            send(running, number)
        before, told = opened(running, 5), facts(running.settings)
        stack.stop(running.settings)

        running.settings = Settings(
            data_dir=tmp_path / "data", http_port=0, postgres_port=0, clickhouse_port=0, **moved
        )
        environment = {**os.environ, "PREMORTEM_DATA_DIR": str(tmp_path / "data")}
        environment |= {f"PREMORTEM_{name.upper()}": value for name, value in moved.items()}
        done = subprocess.run(
            [sys.executable, "-m", "premortem.cli", "migrate-log"], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "premortem up" in done.stdout

        stack.start(running.settings)
        running.url = bootstrap.public_url(running.settings)
        assert opened(running, 5) == before
        kept = facts(running.settings)
        assert [of_partition[: len(first)] for of_partition, first in zip(kept, told, strict=True)] == told
        assert len({fact for of_partition in kept for fact in of_partition}) == sum(map(len, kept))  # and none twice

        send(running, 7)  # an event that was taken before: a client that sends again
        send(running, 40)
        assert [incident["id"] for incident in incidents(running, 5)] == [incident["id"] for incident in before]
        send(running, 41, fingerprints=1_000)
        after = incidents(running, 6)
        assert {incident["id"] for incident in before} < {incident["id"] for incident in after}
    finally:
        stack.stop(running.settings)
