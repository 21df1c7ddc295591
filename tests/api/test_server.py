"""The HTTP server by raw sockets: what a client may not do to it, and what it must not do to a client."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ports import free_port

_PROGRAM = """
import asyncio, sys
from api import server

async def app(scope, receive, send):
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    body = b"%d" % size
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})

asyncio.run(server.serve(app, "127.0.0.1", int(sys.argv[1])))
"""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    port = free_port()
    server = subprocess.Popen([sys.executable, "-c", _PROGRAM, str(port)], cwd=Path(__file__).parents[2])
    deadline = time.monotonic() + 90
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    yield port
    server.terminate()
    assert server.wait(60) == 0


def _connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 60)


def _everything(connection: socket.socket) -> bytes:
    """Read until the server closes."""
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    return received


def test_headers_that_never_end_in_time_are_answered_408_and_cut_off(port: int) -> None:
    with _connect(port) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nhost: x\r\nx-slow: ")
        started = time.monotonic()
        answer = _everything(connection)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"headers were not complete" in answer
    assert 3 < time.monotonic() - started < 40


def test_a_connection_that_says_nothing_does_not_stay(port: int) -> None:
    with _connect(port) as connection:
        assert _everything(connection).startswith(b"HTTP/1.1 408 ")


def test_headers_without_an_end_are_answered_431(port: int) -> None:
    with _connect(port) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nhost: x\r\n")
        for number in range(17):  # a little more than is taken, so that the server has read all of it when it answers
            connection.sendall(b"x-%d: %s\r\n" % (number, b"y" * 3_900))
        assert _everything(connection).startswith(b"HTTP/1.1 431 ")


def test_a_large_body_behind_short_headers_is_no_large_header(port: int) -> None:
    with _connect(port) as connection:
        body = b"z" * 500_000
        connection.sendall(b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 500000\r\n\r\n" + body)
        assert _everything(connection).endswith(b"\r\n\r\n500000")


def test_a_connection_is_used_again_after_longer_than_headers_may_take(port: int) -> None:
    request = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc"
    with _connect(port) as connection:
        for pause in (0.0, 6.0):
            time.sleep(pause)
            connection.sendall(request)
            answer = b""
            while not answer.endswith(b"\r\n\r\n3"):
                chunk = connection.recv(65536)
                assert chunk, answer
                answer += chunk


def test_what_is_no_http_is_answered_400(port: int) -> None:
    with _connect(port) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        assert _everything(connection).startswith(b"HTTP/1.1 400 ")
