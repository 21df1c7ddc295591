"""Every service of ours in docker-compose.yml as a plain process, in the order of the file, against real servers."""

import json
import secrets
import signal
import time
from collections.abc import Iterator
from typing import Any

import clickhouse_connect
import httpx
import psycopg
import pytest

from premortem.embedded.postgres import PostgresServer
from tests.deploy.compose_file import (
    FULL,
    OURS,
    health_command,
    image_environment,
    in_order,
    loaded,
    seconds,
    variables,
)
from tests.deploy.plain_processes import Healthy, PlainProcesses, eventually
from tests.kafka_fixture import free_port

_GIVEN = {"POSTGRES_PASSWORD": "pg", "CLICKHOUSE_PASSWORD": "ch", "HASH_SALT": "salt"}
_SECONDS = 60


class Composed:
    """The services of ours, with the test servers in place of the containers'."""

    def __init__(self, processes: PlainProcesses, servers: dict[str, str]) -> None:
        port, prefix = free_port(), f"compose{secrets.token_hex(4)}-"
        unused = {name: "unused" for name, default in variables(FULL.read_text()).items() if default is None}
        given = unused | _GIVEN | {"PREMORTEM_PUBLIC_URL": f"http://127.0.0.1:{port}"}
        self.file = loaded(FULL, given)
        self.services = {n: s for n, s in self.file["services"].items() if s["image"] == OURS}
        self.processes, self._servers, self._port = processes, servers, str(port)
        self._own = {
            "PREMORTEM_HTTP_HOST": "127.0.0.1",
            "PREMORTEM_HTTP_PORT": str(port),
            "PREMORTEM_KAFKA_TOPIC_PREFIX": prefix,
            "PREMORTEM_SQS_QUEUE_PREFIX": prefix,
        }
        self.url = f"http://127.0.0.1:{port}"

    def environment(self, name: str) -> dict[str, str]:
        passed = {**image_environment(), **self.services[name]["environment"]}
        passed = {key: self._here(value) for key, value in passed.items() if key != "PATH"}
        return self.processes.environment(name, {**passed, **self._own})

    def healthy(self, name: str) -> Healthy:
        words = [word.replace("8790", self._port) for word in health_command(self.services[name])]
        return Healthy(self.processes, words, self.environment(name))

    def up(self) -> None:
        for name in in_order(self.file["services"]):
            if name not in self.services:
                continue
            service = self.services[name]
            for other, wait in service["depends_on"].items():
                if other in self.services:
                    assert other == "migrate", "only migrate is waited for, and it has ended"
                    assert wait["condition"] == "service_completed_successfully"
            if name == "migrate":
                done = self.processes.run(service["command"], self.environment(name))
                assert done.returncode == 0, done.stdout + done.stderr
            else:
                self.processes.start(name, service["command"], self.environment(name))
        for name in self.processes.running:
            try:
                eventually(self.healthy(name), _SECONDS)
            except AssertionError as problem:
                raise AssertionError(f"{name}: {problem}\n{self.processes.words(name)}") from None

    def command(self, *words: str) -> str:
        done = self.processes.run(["python", "-m", "premortem.cli", *words], self.environment("api"))
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _here(self, value: str) -> str:
        for there, here in self._servers.items():
            value = value.replace(there, here)
        return value


@pytest.fixture(scope="module")
def composed(
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: PostgresServer,
    clickhouse_url: str,
    request: pytest.FixtureRequest,
) -> Iterator[Composed]:
    """All services, healthy."""
    broker, sqs = request.getfixturevalue("kafka_broker").address, request.getfixturevalue("sqs_endpoint")
    name = f"compose_{secrets.token_hex(4)}"
    with psycopg.connect(postgres_server.dsn(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    with clickhouse_connect.get_client(dsn=clickhouse_url) as client:
        client.command(f"CREATE DATABASE {name}")
    servers = {
        "postgresql://premortem:pg@postgres:5432/premortem": postgres_server.dsn(name),
        "http://premortem:ch@clickhouse:8123/premortem": f"{clickhouse_url.rpartition('/')[0]}/{name}",
        "kafka:9092": broker,
        "http://elasticmq:9324": sqs,
    }
    processes = PlainProcesses(tmp_path_factory.mktemp("compose"))
    composed = Composed(processes, servers)
    try:
        composed.up()
        yield composed
    finally:
        processes.close()
        with psycopg.connect(postgres_server.dsn(), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        with clickhouse_connect.get_client(dsn=clickhouse_url) as client:
            client.command(f"DROP DATABASE {name} SYNC")


def test_an_error_sent_by_its_dsn_becomes_an_incident(composed: Composed) -> None:
    (project,) = json.loads(composed.command("project", "create", "shop", "--json"))
    assert project["dsns"][0].partition("@")[2] == f"{composed.url.partition('//')[2]}/{project['id']}"
    token = json.loads(composed.command("token", "create", "me", "--json"))["token"]
    composed.command("send-event", "composed", "--dsn", project["dsns"][0])
    headers, deadline = {"authorization": f"Bearer {token}"}, time.monotonic() + 30
    found: list[dict[str, Any]] = []
    while not found and time.monotonic() < deadline:
        answer = httpx.get(f"{composed.url}/incidents", params={"text": "composed"}, headers=headers, timeout=10)
        found = answer.raise_for_status().json()["incidents"]
    assert len(found) == 1


def test_the_doctor_finds_nothing_to_mend(composed: Composed) -> None:
    composed.command("project", "create", "doctored")
    composed.command("send-event")  # a first record on the log: the clock is judged by it
    findings = json.loads(composed.command("doctor", "--json"))
    assert [finding for finding in findings if not finding["healthy"]] == []


def test_migrating_again_changes_nothing(composed: Composed) -> None:
    done = composed.processes.run(composed.services["migrate"]["command"], composed.environment("migrate"))
    assert (done.returncode, done.stdout) == (0, "Both schemas are up to date.\n")


def test_a_dataflow_that_hangs_is_found_and_the_others_are_well(composed: Composed) -> None:
    detect = composed.processes.running["detect"]
    detect.send_signal(signal.SIGSTOP)
    try:
        time.sleep(4)
        done = composed.healthy("detect")("--silent-seconds", "3")
        assert done.returncode == 1
        assert f"detect hangs: pid {detect.pid} has done nothing for" in done.stderr
        assert composed.healthy("route")("--silent-seconds", "3").returncode == 0
    finally:
        detect.send_signal(signal.SIGCONT)
    eventually(lambda: composed.healthy("detect")("--silent-seconds", "3"), 10)


def test_one_that_ended_is_not_healthy_and_begins_anew(composed: Composed) -> None:
    composed.processes.stop("archive", 15)
    assert "no process of archive" in composed.healthy("archive")().stderr
    composed.processes.start("archive", composed.services["archive"]["command"], composed.environment("archive"))
    eventually(composed.healthy("archive"), _SECONDS)


@pytest.mark.parametrize("name", ["api", "detect", "archive", "materialize", "route"])
def test_it_stops_by_itself_in_the_time_that_it_is_given(composed: Composed, name: str) -> None:
    """Comes last: nothing runs behind it."""
    assert composed.processes.stop(name, seconds(composed.services[name]["stop_grace_period"])) == 0
