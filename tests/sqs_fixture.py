"""SQS servers for tests: moto's, and ElasticMQ's; both speak SQS over HTTP, and neither is Amazon's."""

import itertools
import logging
from collections.abc import Iterator

import pytest

_numbers = itertools.count()


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


@pytest.fixture
def sqs_prefix() -> str:
    """A prefix for the queues of this test alone."""
    return f"t{next(_numbers)}-"
