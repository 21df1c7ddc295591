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
import yaml

from premortem import bootstrap
from premortem.embedded.postgres import PostgresServer
from premortem.ports import Flow
from premortem.settings import Settings
from tests.deploy.compose_file import (
    FULL,
    OURS,
    health_command,
    image_environment,
    in_order,
    loaded,
    seconds,
    secrets_asked,
)
from tests.deploy.plain_processes import Healthy, PlainProcesses, eventually
from tests.ports import free_port

_GIVEN = {"POSTGRES_PASSWORD": "pg", "CLICKHOUSE_PASSWORD": "ch", "HASH_SALT": "salt"}
_SECONDS = 180


class Composed:
    """The services of ours, with the test servers in place of the containers'."""

    def __init__(self, processes: PlainProcesses, servers: dict[str, str]) -> None:
        port, prefix = free_port(), f"compose{secrets.token_hex(4)}-"
        unused = dict.fromkeys(secrets_asked(FULL), "unused")
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

    def all_read(self, flow: Flow, **other: str) -> None:
        """Wait until a dataflow has passed what is on the log now, by its positions or those in another database."""
        environment = self.environment("api") | other
        own = {name: value for name, value in environment.items() if name.startswith("PREMORTEM_")}
        settings = Settings.model_validate({n.removeprefix("PREMORTEM_").lower(): value for n, value in own.items()})
        ends = {place: head for place, (_, head) in bootstrap.positions(settings).items() if place[0] == flow}
        deadline = time.monotonic() + _SECONDS
        while any(bootstrap.positions(settings)[place][0] < end for place, end in ends.items()):
            assert time.monotonic() < deadline, f"{flow} does not go on: {self.processes.words(flow)}"
            time.sleep(0.1)

    def incident_is_due(self, kind: str) -> None:
        """Send an error of a new kind by a new project's DSN."""
        (project,) = json.loads(self.command("project", "create", kind, "--json"))
        assert project["dsns"][0].partition("@")[2] == f"{self.url.partition('//')[2]}/{project['id']}"
        self.command("send-event", kind, "--dsn", project["dsns"][0])

    def incident(self, kind: str) -> None:
        """Send an error of a new kind, and see its incident by the read API."""
        self.incident_is_due(kind)
        token = json.loads(self.command("token", "create", kind, "--json"))["token"]
        headers, deadline = {"authorization": f"Bearer {token}"}, time.monotonic() + _SECONDS
        found: list[dict[str, Any]] = []
        while not found:
            assert time.monotonic() < deadline, "no incident"
            time.sleep(0.1)
            answer = httpx.get(f"{self.url}/incidents", params={"text": kind}, headers=headers, timeout=60)
            found = answer.raise_for_status().json()["incidents"]
        assert len(found) == 1

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
    broker, sqs = request.getfixturevalue("kafka_broker").address, request.getfixturevalue("elasticmq").endpoint
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
    composed.incident("composed")


def test_the_doctor_finds_nothing_to_mend(composed: Composed) -> None:
    composed.command("project", "create", "doctored")
    composed.command("send-event")  # a first record on the log: the clock is judged by it
    doctor = ["python", "-m", "premortem.cli", "doctor"]
    eventually(lambda: composed.processes.run(doctor, composed.environment("api")), _SECONDS)


def test_the_doctor_finds_a_dataflow_that_is_gone_by_the_records_that_wait_for_it(composed: Composed) -> None:
    composed.processes.stop("detect", _SECONDS)
    composed.incident_is_due("missed")
    time.sleep(2)
    words = ["python", "-m", "premortem.cli", "doctor", "--late-seconds", "1", "--json"]
    done = composed.processes.run(words, composed.environment("api"))
    assert done.returncode == 1, done.stdout
    (flows,) = [finding for finding in json.loads(done.stdout) if not finding["healthy"]]
    assert (flows["name"], "detect has not passed a record" in flows["detail"]) == ("dataflows", True)
    assert "premortem up" not in flows["mend"]
    assert "premortem logs" not in flows["mend"]
    composed.processes.start("detect", composed.services["detect"]["command"], composed.environment("detect"))
    eventually(composed.healthy("detect"), _SECONDS)


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
        eventually(lambda: composed.healthy("route")("--silent-seconds", "3"), _SECONDS)
    finally:
        detect.send_signal(signal.SIGCONT)
    eventually(lambda: composed.healthy("detect")("--silent-seconds", "3"), _SECONDS)


def test_one_that_ended_is_not_healthy_and_begins_anew(composed: Composed) -> None:
    composed.processes.stop("archive", _SECONDS)
    assert "no process of archive" in composed.healthy("archive")().stderr
    composed.processes.start("archive", composed.services["archive"]["command"], composed.environment("archive"))
    eventually(composed.healthy("archive"), _SECONDS)


def test_two_processes_with_the_environment_of_kubernetes_are_one_dataflow(composed: Composed) -> None:
    manifests = yaml.safe_load_all((FULL.parent / "deploy/kubernetes/dataflows.yaml").read_text())
    detect = next(m for m in manifests if (m["kind"], m["metadata"]["name"]) == ("StatefulSet", "detect"))
    (container,) = detect["spec"]["template"]["spec"]["containers"]
    given = {variable["name"] for variable in container["env"]}
    assert given == {"BYTEWAX_PROCESS_ID", "BYTEWAX_ADDRESSES"}
    composed.processes.stop("detect", _SECONDS)
    own, names = composed.environment("detect"), ("detect-0", "detect-1")
    addresses = ";".join(f"127.0.0.1:{free_port()}" for _ in names)
    for number, name in enumerate(names):
        cluster = {"BYTEWAX_PROCESS_ID": str(number), "BYTEWAX_ADDRESSES": addresses}
        composed.processes.start(name, container["command"], composed.processes.environment(name, {**own, **cluster}))
    for name in names:
        environment = composed.processes.environment(name, own)
        eventually(Healthy(composed.processes, container["livenessProbe"]["exec"]["command"], environment), _SECONDS)
    composed.incident("clustered")
    for name in names:
        composed.processes.running[name].send_signal(signal.SIGTERM)
    assert [composed.processes.stop(name, _SECONDS) for name in names] == [0, 0]
    composed.processes.start("detect", container["command"], own)
    eventually(composed.healthy("detect"), _SECONDS)


def test_a_postgresql_that_is_lost_gets_its_incidents_back_from_the_log(
    composed: Composed, postgres_server: PostgresServer
) -> None:
    flows: tuple[Flow, ...] = ("detect", "archive", "route", "materialize")
    composed.processes.stop("worker", _SECONDS)  # or it would go on with an incident meanwhile
    for flow in flows[:-1]:
        composed.all_read(flow)
        time.sleep(1)  # what waited for its place in time is judged with the next tick
        composed.all_read(flow)
        composed.processes.stop(flow, _SECONDS)
    composed.all_read("materialize")
    before = json.loads(composed.command("incidents", "list", "--json"))
    composed.processes.stop("materialize", _SECONDS)
    name = f"lost_{secrets.token_hex(4)}"
    with psycopg.connect(postgres_server.dsn(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    empty = {"PREMORTEM_POSTGRES_DSN": postgres_server.dsn(name)}
    migrated = composed.processes.run(composed.services["migrate"]["command"], composed.environment("migrate") | empty)
    assert migrated.returncode == 0, migrated.stderr
    for flow in flows:
        composed.processes.start(flow, composed.services[flow]["command"], composed.environment(flow) | empty)
    for flow in flows:
        composed.all_read(flow, **empty)
    words, environment = ["python", "-m", "premortem.cli", "incidents", "list", "--json"], composed.environment("api")
    deadline, after = time.monotonic() + _SECONDS, None
    while after != before:
        assert time.monotonic() < deadline, (before, after)
        after = json.loads(composed.processes.run(words, environment | empty).stdout)
    for flow in flows:
        composed.processes.stop(flow, _SECONDS)
        composed.processes.start(flow, composed.services[flow]["command"], composed.environment(flow))
        eventually(composed.healthy(flow), _SECONDS)
    composed.processes.start("worker", composed.services["worker"]["command"], composed.environment("worker"))
    eventually(composed.healthy("worker"), _SECONDS)
    with psycopg.connect(postgres_server.dsn(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.mark.parametrize("name", ["api", "worker", "detect", "archive", "materialize", "route"])
def test_it_stops_by_itself_in_the_time_that_it_is_given(composed: Composed, name: str) -> None:
    """Comes last: nothing runs behind it."""
    assert composed.processes.stop(name, seconds(composed.services[name]["stop_grace_period"])) == 0
