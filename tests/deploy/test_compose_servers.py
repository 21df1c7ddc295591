"""The servers of docker-compose.yml that are not ours: Kafka's environment and the health checks, without an engine.

Kafka's image reads KAFKA_* by a program of Kafka's own, which is in its jars: it is run here as the image runs it.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from premortem.adapters.event_log.kafka import KafkaEventLog
from premortem.adapters.event_log.kafka_topics import create_topics, describe_topics
from premortem.embedded.postgres import PostgresServer
from premortem.embedded.postgres_binaries import programs_for_everybody, wheel_programs
from premortem.ports import Append
from tests.deploy.compose_file import FULL, health_command, loaded, secrets_asked
from tests.kafka_fixture import KafkaProcess
from tests.maven import jars
from tests.ports import free_port
from tests.sqs_fixture import ElasticMq

SERVICES: dict[str, Any] = loaded(FULL, dict.fromkeys(secrets_asked(FULL), "unused"))["services"]
KAFKA: dict[str, str] = SERVICES["kafka"]["environment"]
NOBODY = "1"


class ImagesKafka(KafkaProcess):
    """The broker of the compose file: its environment, through the image's program, on other ports and directories."""

    def __init__(self, directory: Path, jars: Path) -> None:
        clients, controller = free_port(), free_port()
        options = KAFKA["KAFKA_HEAP_OPTS"].split()
        super().__init__(directory, jars, directory / "final/server.properties", f"127.0.0.1:{clients}", options)
        for folder in ("default", "mounted", "final"):
            (directory / folder).mkdir(parents=True)
        for name in ("server.properties", "log4j2.yaml", "tools-log4j2.yaml"):
            (directory / "default" / name).write_text(
                "Configuration: {Loggers: {Root: {level: warn}}}\n" * ("log" in name)
            )
        ports = {"9092": str(clients), "9093": str(controller)}
        hosts = {"//:": "//127.0.0.1:", "kafka:": "127.0.0.1:", "/var/lib/kafka/data": str(directory / "data")}

        def here(value: str) -> str:
            for host, own in hosts.items():
                value = value.replace(host, own)
            return re.sub(r"\b909[23]\b", lambda found: ports[found[0]], value)

        environment = {name: here(value) for name, value in KAFKA.items()}
        folders = [f"--{kind}-configs-dir={directory / kind}" for kind in ("default", "mounted", "final")]
        self.setup = subprocess.run(
            self.command("kafka.docker.KafkaDockerWrapper", "setup", *folders),
            env={"PATH": os.environ["PATH"], **environment},
            capture_output=True,
            text=True,
        )

    @property
    def properties(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self._properties.read_text().splitlines() if "=" in line)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImagesKafka]:
    broker = ImagesKafka(tmp_path_factory.mktemp("image"), jars("kafka"))
    assert broker.setup.returncode == 0, broker.setup.stdout + broker.setup.stderr
    broker.start()
    yield broker
    broker.kill()


def test_every_setting_of_kafka_reaches_the_broker_by_the_images_rule(broker: ImagesKafka) -> None:
    asked = {name for name in KAFKA if name.startswith("KAFKA_") and not name.endswith("_OPTS")}
    assert set(broker.properties) == {name.removeprefix("KAFKA_").replace("_", ".").lower() for name in asked}
    assert f"cluster.id={KAFKA['CLUSTER_ID']}" in (broker.directory / "data/meta.properties").read_text()


def test_the_broker_of_the_compose_file_keeps_a_log_as_we_need_it(broker: ImagesKafka) -> None:
    create_topics(broker.address, partitions=2, payload_days=30)
    assert not any(state.problems for state in describe_topics(broker.address, partitions=2, payload_days=30))
    with closing(KafkaEventLog(broker.address)) as log:
        (position,) = log.append([Append("sentry.events", "k", b"v")])
        (record,) = log.read("sentry.events", position.partition, position.offset, 1)
    assert record.value == b"v"


def run(words: list[str], path: str = "") -> int:
    """Run a health check; `path` is where its program is looked for first."""
    program = shutil.which(words[0], path=f"{path}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        pytest.skip(f"no {words[0]}: the check cannot be run")
    return subprocess.run([program, *words[1:]], capture_output=True, timeout=90).returncode


def moved(words: list[str], port: str, own: str) -> list[str]:
    """Return the words of a check with another port."""
    assert any(port in word for word in words), words
    return [word.replace(port, own) for word in words]


@pytest.mark.parametrize("service", ["postgres", "langfuse-postgres"])
def test_the_check_of_postgresql_passes_where_it_answers_and_nowhere_else(service: str, tmp_path: Path) -> None:
    check = health_command(SERVICES[service])
    programs = str(programs_for_everybody(wheel_programs()) / "bin")
    server = PostgresServer(tmp_path, port=free_port(), listen="127.0.0.1", durable=False)
    server.start()
    try:
        assert run([*check, f"--port={server.port}"], programs) == 0
    finally:
        server.stop()
    assert run([*check, f"--port={server.port}"], programs) != 0


@pytest.mark.parametrize("service", ["clickhouse", "langfuse-clickhouse"])
def test_the_check_of_clickhouse_passes_where_it_answers_and_nowhere_else(service: str, clickhouse_url: str) -> None:
    check = health_command(SERVICES[service])
    port = clickhouse_url.rpartition("/")[0].rpartition(":")[2]
    assert run(moved(check, "8123", port)) == 0
    assert run(moved(check, "8123", NOBODY)) != 0


def test_the_check_of_elasticmq_passes_where_it_answers_and_nowhere_else(elasticmq: ElasticMq) -> None:
    check, port = health_command(SERVICES["elasticmq"]), elasticmq.endpoint.rpartition(":")[2]
    assert run(moved(check, "9324", port)) == 0
    assert run(moved(check, "9324", NOBODY)) != 0
    by_bash = [words.partition(" || ")[2] for words in check if " || " in words]
    assert run(moved(["sh", "-c", *by_bash], "9324", port)) == 0
    assert run(moved(["sh", "-c", *by_bash], "9324", NOBODY)) != 0
