"""SQS servers for tests: moto's, and ElasticMQ as docker-compose.yml runs it; both speak SQS over HTTP.

Neither is Amazon's.
"""

import itertools
import logging
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from premortem.adapters.task_queue.sqs_client import Client, open_client
from premortem.adapters.task_queue.sqs_queues import create_queues
from tests.maven import jars
from tests.ports import free_port

_START_SECONDS = 180
_numbers = itertools.count()


class ElasticMq:
    """ElasticMQ on loopback with the configuration of docker-compose.yml; may be killed and started again."""

    def __init__(self, directory: Path, jars: Path) -> None:
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        self._directory, self._jars = directory, jars
        self._process: subprocess.Popen[bytes] | None = None
        compose = yaml.safe_load((Path(__file__).parents[1] / "docker-compose.yml").read_text())
        text = compose["configs"]["elasticmq"]["content"]
        for shipped, here in (("9324", str(port)), ("0.0.0.0", "127.0.0.1"), ("/var/tmp", str(directory))):
            assert shipped in text
            text = text.replace(shipped, here)
        directory.mkdir(parents=True, exist_ok=True)
        self._configuration = directory / "elasticmq.conf"
        self._configuration.write_text(text)

    def start(self) -> None:
        """Start the server, again after a kill, and wait until it answers."""
        options = ["-Xmx256m", "-XX:TieredStopAtLevel=1", f"-Dconfig.file={self._configuration}"]
        command = ["java", *options, "-cp", f"{self._jars}/*", "org.elasticmq.server.Main"]
        with (self._directory / "elasticmq.log").open("ab") as words:
            self._process = subprocess.Popen(command, stdout=words, stderr=words)
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                if httpx.get(f"{self.endpoint}/health", timeout=1).is_success:
                    return
            except httpx.HTTPError:
                pass
            if self._process.poll() is not None or time.monotonic() > deadline:
                text = (self._directory / "elasticmq.log").read_text(errors="replace")[-2000:]
                raise AssertionError(f"ElasticMQ did not start: {text}")
            time.sleep(0.05)

    def close(self) -> None:
        """End the server as a crash would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


@pytest.fixture(scope="session")
def elasticmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ElasticMq]:
    """A running ElasticMQ for all tests; each takes queues of its own, by `sqs_prefix`."""
    server = ElasticMq(tmp_path_factory.mktemp("elasticmq"), jars("elasticmq"))
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="session")
def sqs_endpoint() -> Iterator[str]:
    """The URL of a running moto server; any credentials will do."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def sqs_queues() -> Iterator[Callable[[str], tuple[Client, str]]]:
    """Returns a client of the server at a URL and the prefix of its queues, which two receives bring to the dead.

    They are empty whenever they are asked for. To make them takes fifty requests, so they are emptied where the server
    lets that be done at any time: Amazon, and moto like it, refuses within a minute of the last time.
    """
    clients: dict[str, Client] = {}
    prefixes: dict[str, str] = {}

    def empty(endpoint: str) -> tuple[Client, str]:
        client = clients.get(endpoint) or clients.setdefault(endpoint, open_client("eu-central-1", endpoint))
        try:
            for url in client.list_queues(QueueNamePrefix=prefixes[endpoint])["QueueUrls"]:
                client.purge_queue(QueueUrl=url)
        except (KeyError, client.exceptions.PurgeQueueInProgress):
            prefixes[endpoint] = f"t{next(_numbers)}-"
            create_queues(client, prefixes[endpoint], max_receives=2)
        return client, prefixes[endpoint]

    yield empty
    for client in clients.values():
        client.close()


@pytest.fixture
def sqs_prefix() -> str:
    """A prefix for the queues of this test alone."""
    return f"t{next(_numbers)}-"
