"""Apache Kafka itself for tests: one broker in KRaft mode, or three."""

import itertools
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from tests.maven import jars
from tests.ports import free_port
from tests.tcp_proxy import TcpProxy

_CLUSTER_ID = "cHJlbW9ydGVtLXRlc3RzLQ"
_START_SECONDS = 180
_LONG_SESSION, MORTAL_SESSION = 60, 2
"""Seconds. A killed broker may come back when its session is over; one that lives must not lose it by being slow."""
_SMALL = ("-Xmx384m", "-XX:TieredStopAtLevel=1")
_numbers = itertools.count()


class KafkaProcess:
    """A broker with the settings of a file, on loopback; may be killed and started again on the same port and data."""

    def __init__(
        self, directory: Path, jars: Path, properties: Path, address: str, options: Sequence[str] = _SMALL
    ) -> None:
        self.directory, self._jars, self._properties, self._options = directory, jars, properties, options
        self.address = address
        self._process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        """Start the broker."""
        command = self.command("kafka.Kafka", str(self._properties))
        with (self.directory / "broker.log").open("ab") as words:
            self._process = subprocess.Popen(command, stdout=words, stderr=words)

    def start(self) -> None:
        """Start the broker, again after a kill, and wait until it answers."""
        self.launch()
        self.wait()

    def wait(self, brokers: int = 1) -> None:
        """Wait until the broker answers, and knows of so many."""
        assert self._process
        deadline = time.monotonic() + _START_SECONDS
        admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0, "reconnect.backoff.max.ms": 200})
        while True:
            try:
                if len(admin.list_topics(timeout=1).brokers) >= brokers:
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

    def command(self, program: str, *arguments: str) -> list[str]:
        """Return the words that run a program of Kafka's."""
        return ["java", *self._options, "-cp", f"{self._jars}/*", program, *arguments]


class KafkaBroker(KafkaProcess):
    """A broker that is a controller, too: the only one, or the `node`-th of those at the ports `controllers`."""

    def __init__(
        self,
        directory: Path,
        jars: Path,
        node: int = 1,
        controllers: Sequence[int] = (),
        session_seconds: int = _LONG_SESSION,
    ) -> None:
        self.port, behind = free_port(), free_port()
        super().__init__(directory, jars, directory / "server.properties", f"127.0.0.1:{self.port}")
        self.proxy = TcpProxy(behind)
        """In front of a second listener, whose clients are told to come through it."""
        self.proxied_address = f"127.0.0.1:{self.proxy.port}"
        voters = list(controllers or [free_port()])
        own = voters[node - 1]
        directory.mkdir(parents=True, exist_ok=True)
        self._properties.write_text(
            "\n".join(
                [
                    "process.roles=broker,controller",
                    f"node.id={node}",
                    f"controller.quorum.voters={','.join(f'{n}@127.0.0.1:{p}' for n, p in enumerate(voters, 1))}",
                    "controller.listener.names=CONTROLLER",
                    f"listeners=PLAINTEXT://127.0.0.1:{self.port},PROXIED://127.0.0.1:{behind},CONTROLLER://127.0.0.1:{own}",
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
                    "broker.heartbeat.interval.ms=100",
                    f"broker.session.timeout.ms={session_seconds * 1000}",
                ]
            )
        )
        format_command = ("kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(self._properties))
        done = subprocess.run(self.command(*format_command), capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


class KafkaCluster:
    """Three brokers that copy from each other."""

    def __init__(self, directory: Path, jars: Path) -> None:
        controllers = [free_port() for _ in range(3)]
        self.brokers = [KafkaBroker(directory / f"broker{n}", jars, n, controllers, MORTAL_SESSION) for n in (1, 2, 3)]
        self.address = ",".join(broker.address for broker in self.brokers)

    def start(self) -> None:
        """Start all of them; none answers before most of them run."""
        for broker in self.brokers:
            broker.launch()
        for broker in self.brokers:
            broker.wait(len(self.brokers))

    def kill(self) -> None:
        """End all of them as a crash would."""
        for broker in self.brokers:
            broker.kill()


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
