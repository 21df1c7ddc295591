"""Apache Kafka itself for tests: one broker in KRaft mode."""

import itertools
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from tests.maven import jars
from tests.tcp_proxy import TcpProxy

_CLUSTER_ID = "cHJlbW9ydGVtLXRlc3RzLQ"
_START_SECONDS = 60
_numbers = itertools.count()


class KafkaBroker:
    """A broker that is its own controller, on loopback; may be killed and started again on the same port and data."""

    def __init__(self, directory: Path, jars: Path) -> None:
        self.directory, self._jars = directory, jars
        self.port, controller, behind = free_port(), free_port(), free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.proxy = TcpProxy(behind)
        """In front of a second listener, whose clients are told to come through it."""
        self.proxied_address = f"127.0.0.1:{self.proxy.port}"
        self._process: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True, exist_ok=True)
        self._properties = directory / "server.properties"
        self._properties.write_text(
            "\n".join(
                [
                    "process.roles=broker,controller",
                    "node.id=1",
                    f"controller.quorum.voters=1@127.0.0.1:{controller}",
                    "controller.listener.names=CONTROLLER",
                    f"listeners=PLAINTEXT://127.0.0.1:{self.port},PROXIED://127.0.0.1:{behind},CONTROLLER://127.0.0.1:{controller}",
                    f"advertised.listeners=PLAINTEXT://{self.address},PROXIED://{self.proxied_address}",
                    "inter.broker.listener.name=PLAINTEXT",
                    "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
                    f"log.dirs={directory / 'data'}",
                    "auto.create.topics.enable=false",
                    "offsets.topic.replication.factor=1",
                    "offsets.topic.num.partitions=1",
                    "transaction.state.log.replication.factor=1",
                    "transaction.state.log.min.isr=1",
                    "log.retention.check.interval.ms=1000",
                    "controlled.shutdown.enable=false",
                    "broker.heartbeat.interval.ms=100",  # a killed broker may come back when its session is over
                    "broker.session.timeout.ms=1000",
                ]
            )
        )
        self._run("kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(self._properties))

    def start(self) -> None:
        """Start the broker, again after a kill, and wait until it answers."""
        command = self._command("kafka.Kafka", str(self._properties))
        with (self.directory / "broker.log").open("ab") as words:
            self._process = subprocess.Popen(command, stdout=words, stderr=words)
        deadline = time.monotonic() + _START_SECONDS
        admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0, "reconnect.backoff.max.ms": 200})
        while True:
            try:
                if admin.list_topics(timeout=1).brokers:
                    return
            except Exception:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    text = (self.directory / "broker.log").read_text(errors="replace")[-2000:]
                    raise AssertionError(f"Kafka did not start: {text}") from None
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the broker."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def kill(self) -> None:
        """End the broker as a crash would."""
        self.stop(signal.SIGKILL)

    def freeze(self) -> None:
        """Let the broker answer nothing more, with its connections open."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen broker go on."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def _command(self, program: str, *arguments: str) -> list[str]:
        return ["java", "-Xmx384m", "-XX:TieredStopAtLevel=1", "-cp", f"{self._jars}/*", program, *arguments]

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(self._command(program, *arguments), capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def kafka_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """A running broker for all tests; each takes topics of its own, by `kafka_prefix`."""
    broker = KafkaBroker(tmp_path_factory.mktemp("kafka"), jars("kafka"))
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def kafka_prefix() -> str:
    """A prefix for the topics of this test alone."""
    return f"t{next(_numbers)}-"
