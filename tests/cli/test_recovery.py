"""What the operations guide says of a person's erasure and of backups, done as it says, on a real stack."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from premortem.embedded import data_directory, stack
from premortem.sentry import dsn
from premortem.settings import Settings
from tests.cli.conftest import Cli, Runner

PERSON = "person-4711"


def post(cli: Cli, endpoint: str, body: bytes) -> Any:
    """Send a request as an SDK does."""
    address = cli.json("project", "list")[0]["dsns"][0]
    found = dsn.parse(address)
    answer = httpx.post(
        f"http://{address.partition('@')[2].partition('/')[0]}/api/{found.project_id}/{endpoint}/",
        content=body,
        headers={"x-sentry-auth": f"Sentry sentry_key={found.public_key}"},
    )
    assert answer.status_code == 200
    return answer.json()


def send(cli: Cli, **event: Any) -> str:
    """Send an event and return its id."""
    return str(post(cli, "store", json.dumps(event).encode())["id"])


def clickhouse(cli: Cli, statement: str) -> Any:
    """Run a statement as the guide's curl does: by HTTP, with the directory's password."""
    password = data_directory.secret(cli.data, stack.CLICKHOUSE_PASSWORD)
    answer = httpx.post(
        f"http://127.0.0.1:{cli.settings().clickhouse_port}/",
        content=statement.encode(),
        headers={"x-clickhouse-user": "default", "x-clickhouse-key": str(password)},
        timeout=90,
    )
    assert answer.status_code == 200, answer.text
    return answer.text.strip()


def wait(condition: Any) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@contextmanager
def frozen(cli: Cli, name: str) -> Iterator[None]:
    """Let a process of the stack do nothing for a while."""
    pid = next(process["pid"] for process in cli.json("status") if process["name"] == name)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_persons_events_are_found_by_the_hash_that_the_command_prints_and_erased(cli: Cli) -> None:
    theirs = send(cli, message="theirs", user={"id": PERSON})
    others = send(cli, message="others", user={"id": "somebody-else"})
    known = cli.json("user-hash", PERSON)["user_hash"]
    assert cli.run("user-hash", PERSON).stdout.strip() == known
    ids = f"event_id IN ('{theirs}', '{others}')"
    wait(lambda: clickhouse(cli, f"SELECT count() FROM raw_events FINAL WHERE {ids}") == "2")
    assert clickhouse(cli, f"SELECT event_id FROM raw_events WHERE user_hash = '{known}'") == theirs
    clickhouse(cli, f"ALTER TABLE raw_events DELETE WHERE user_hash = '{known}' SETTINGS mutations_sync = 2")
    assert clickhouse(cli, f"SELECT event_id FROM raw_events WHERE {ids}") == others


def test_a_persons_log_lines_are_found_by_what_stands_in_them_and_erased(cli: Cli) -> None:
    wrapped = {"user.id": {"value": PERSON, "type": "string"}}
    lines = [{"body": "theirs", "attributes": wrapped}, {"body": f"of {PERSON}"}, {"body": "of somebody else"}]
    post(cli, "envelope", b'{}\n{"type":"log"}\n' + json.dumps({"items": lines}).encode())
    wait(lambda: clickhouse(cli, "SELECT count() FROM logs") == "3")
    where = f"position(attributes, '{PERSON}') > 0 OR position(body, '{PERSON}') > 0"
    clickhouse(cli, f"ALTER TABLE logs DELETE WHERE {where} SETTINGS mutations_sync = 2")
    assert clickhouse(cli, "SELECT body FROM logs") == "of somebody else"


@pytest.mark.parametrize(
    ("by", "value"), [("email", "a@b.example"), ("username", "bob"), ("ip_address", "203.0.113.7")]
)
def test_a_person_is_also_known_by_another_field_when_events_bring_no_id(cli: Cli, by: str, value: str) -> None:
    event = send(cli, message="x", user={by: value})
    known = cli.json("user-hash", value, "--by", by)["user_hash"]
    wait(lambda: clickhouse(cli, f"SELECT event_id FROM raw_events WHERE user_hash = '{known}'") == event)


def test_bodies_go_from_the_log_by_whole_days_once_they_are_archived(cli: Cli) -> None:
    send(cli, message="a body")
    today, tomorrow = (f"{datetime.now(UTC) + timedelta(days=n):%Y-%m-%d}" for n in (0, 1))
    wait(lambda: not [topic for topic in cli.json("doctor") if topic["name"] == "dataflows" and not topic["healthy"]])
    assert cli.json("topics", "forget-bodies", today) == {"dropped": 0}

    def bodies() -> int:
        return int(next(t["records"] for t in cli.json("topics", "list") if t["name"] == "sentry.payloads"))

    with frozen(cli, "dataflows"):
        send(cli, message="not archived yet")
        assert "archive has not read" in cli.refusal("topics", "forget-bodies", tomorrow)
    assert bodies() > 0
    wait(lambda: "archive has not" not in cli.run("topics", "forget-bodies", tomorrow, code=None).stderr)
    assert bodies() == 0
    send(cli, message="the log takes bodies as before")
    assert bodies() == 1


@pytest.fixture
def no_work(cli: Cli) -> Iterator[None]:
    """While nobody works on incidents, they stay as they are."""
    with frozen(cli, "worker"):
        yield


@pytest.mark.usefixtures("no_work")
def test_incidents_are_compared_with_the_log_mended_and_restored_when_their_tables_are_dropped(cli: Cli) -> None:
    def incident(text: str) -> Any:
        wait(lambda: cli.json("incidents", "list", "--text", text))
        (found,) = cli.json("incidents", "list", "--text", text)
        return found

    def sql(statement: str) -> None:
        cli.run("postgres", "psql", f"--command={statement}")

    cli.json("send-event", "to be rebuilt", "--type", "RebuiltError")
    found = incident("RebuiltError")
    compared = cli.json("replay", "rebuild")
    assert compared["live"]["differences"] == []
    assert compared["swapped"] is None

    sql(f"UPDATE incidents SET status = 'resolved' WHERE id = '{found['id']}'")
    (difference,) = cli.json("replay", "rebuild", code=3)["live"]["differences"]
    assert (difference["incident_id"], difference["field"]) == (found["id"], "status")
    assert (difference["live"], difference["rebuilt"]) == ("resolved", found["status"])
    assert found["id"] in cli.run("replay", "rebuild", "--swap").stdout
    assert incident("RebuiltError") == found

    sql("DROP TABLE incidents, incident_fingerprints, timeline_events, pull_requests")
    assert "premortem rebuild incidents" in cli.run("replay", "rebuild", code=3).stdout
    restored = cli.json("rebuild", "incidents")
    assert sorted(restored["made"]) == ["incident_fingerprints", "incidents", "pull_requests", "timeline_events"]
    assert incident("RebuiltError")["id"] == found["id"]
    cli.json("send-event", "after the rebuild", "--type", "LaterError")
    later = incident("LaterError")
    digests = cli.json("replay", "digest", "--incidents")
    assert {found["id"], later["id"]} <= {each["incident_id"] for each in digests}
    assert len(cli.json("replay", "digest", "--every", "1000000")) == 4


def test_the_archive_comes_back_with_the_bodies_that_retention_has_left_on_the_log(cli: Cli) -> None:
    for name in ("raw_events", "sightings", "sightings_view", "logs"):
        clickhouse(cli, f"DROP TABLE {name} SYNC")
    event = send(cli, message="sent while there was no table")
    told = cli.json("rebuild", "archive")
    assert told["made"] == ["raw_events", "logs", "sightings", "sightings_view"]
    assert told["gone"] > 0
    assert told["whole_since"] > 0
    assert told["archived"] >= told["events"] > 0
    assert clickhouse(cli, f"SELECT event_id FROM raw_events FINAL WHERE event_id = '{event}'") == event
    shown = cli.run("rebuild", "archive").stdout
    assert "No table was missing." in shown
    assert "All of them are there." in shown


def test_queues_and_positions_come_back_and_what_was_asked_for_meanwhile_is_sent(cli: Cli) -> None:
    def sql(statement: str) -> None:
        cli.run("postgres", "psql", f"--command={statement}")

    cli.json("send-event", "before the loss", "--type", "EarlierError")
    wait(lambda: cli.json("incidents", "list", "--text", "EarlierError"))
    (before,) = cli.json("incidents", "list", "--text", "EarlierError")
    sql("DROP TABLE tasks, task_ids")
    sql("DROP TABLE checkpoints, checkpoint_state")
    assert cli.json("rebuild", "queues")["made"] == ["table task_ids", "table tasks"]
    told = cli.json("rebuild", "positions")
    assert told["made"] == ["checkpoints", "checkpoint_state"]
    assert told["archive"]  # whose first bodies retention has taken
    cli.json("send-event", "after the loss", "--type", "AfterError")
    wait(lambda: cli.json("incidents", "list", "--text", "AfterError"))
    (again,) = cli.json("incidents", "list", "--text", "EarlierError")
    assert (again["id"], again["opened_at"]) == (before["id"], before["opened_at"])
    wait(lambda: all(finding["healthy"] for finding in cli.json("doctor", code=None)))
    assert "No table and no queue was missing." in cli.run("rebuild", "queues").stdout
    assert "No table was missing." in cli.run("rebuild", "positions").stdout


def test_where_nothing_was_hashed_there_is_no_hash(nothing: Cli) -> None:
    assert "PREMORTEM_DATA_DIR" in nothing.refusal("user-hash", "1")
    assert not (nothing.data / "secrets").exists()


def test_a_backup_is_restored_into_a_new_directory_with_projects_incidents_and_hashes(
    cli: Cli, runner: Runner, tmp_path: Path
) -> None:
    # In an environment of its own: no incident of the tests before it can take it in.
    sent = send(cli, message="to be restored", level="fatal", environment="backed up")
    wait(lambda: cli.json("incidents", "list", "--text", "to be restored"))
    dump, salt = tmp_path / "premortem.dump", cli.data / "secrets" / "hash_salt"
    cli.run("postgres", "pg_dump", "--format=custom", f"--file={dump}")

    fresh = Cli(runner, tmp_path / "new" / "data")
    (fresh.data / "secrets").mkdir(parents=True, mode=0o700)
    (fresh.data / "secrets" / "hash_salt").write_text(salt.read_text())
    fresh.run("postgres", "psql", "--command=CREATE ROLE premortem_app NOLOGIN NOBYPASSRLS")
    fresh.run("postgres", "pg_restore", "--dbname=premortem", "--exit-on-error", "--single-transaction", str(dump))
    try:
        fresh.json("up")
        (incident,) = fresh.json("incidents", "list", "--text", "to be restored")
        assert incident["event_id"] == sent
        assert {p["slug"] for p in cli.json("project", "list")} == {p["slug"] for p in fresh.json("project", "list")}
        assert fresh.json("user-hash", PERSON) == cli.json("user-hash", PERSON)
        again = send(fresh, message="after the restore")
        wait(lambda: clickhouse(fresh, f"SELECT count() FROM raw_events WHERE event_id = '{again}'") == "1")
        wait(lambda: all(finding["healthy"] for finding in fresh.json("doctor", code=None)))
    finally:
        stack.stop(Settings(data_dir=fresh.data))


def test_a_program_of_postgresql_that_is_none_is_refused(cli: Cli) -> None:
    assert "There are: " in cli.refusal("postgres", "../../bin/sh")
    assert "PREMORTEM_POSTGRES_DSN" in cli.refusal("postgres", "psql", PREMORTEM_POSTGRES_DSN="postgresql://x/y")
