"""An HTTP/1.1 load generator that costs little: prepared requests, keep-alive connections, one answer awaited each.

It parses no more of an answer than its status and length, so that what is measured is the server and not the client.
Loopback only.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count


@dataclass
class Load:
    """What a run did: requests answered by status, and how long each took, in seconds."""

    seconds: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    slots: Iterator[float] | None = None
    """When each request may be sent, by `time.perf_counter`; None = as soon as its connection is free."""
    answers: list[tuple[float, int, bytes]] | None = None
    """When given: time by `time.perf_counter`, status and body of every answer."""

    @property
    def answered(self) -> int:
        """Requests answered with any status."""
        return sum(self.statuses.values())

    def rate(self, status: int = 200) -> float:
        """Answers with `status` per second."""
        return self.statuses.get(status, 0) / self.seconds if self.seconds else 0.0

    def percentile(self, share: float) -> float:
        """Latency in seconds that `share` (0..1) of the answers stayed under."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """Return the bytes of one POST request."""
    head = "".join(f"{name}: {value}\r\n" for name, value in {"content-length": str(len(body)), **headers}.items())
    return f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{head}\r\n".encode() + body


class _Connection(asyncio.Protocol):
    """One connection: sends the next request when the answer to the last one is complete."""

    def __init__(self, load: Load, requests: Iterator[bytes], deadline: float, done: asyncio.Future[None]) -> None:
        self._load, self._requests, self._deadline, self._done = load, requests, deadline, done
        self._buffer = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._send_when_due()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- asyncio's signature
        if not self._done.done():
            self._done.set_result(None)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) < end + 4 + length:
            return
        status = int(head[9:12])
        if self._load.answers is not None:
            self._load.answers.append((time.perf_counter(), status, self._buffer[end + 4 : end + 4 + length]))
        self._buffer = self._buffer[end + 4 + length :]
        self._load.statuses[status] = self._load.statuses.get(status, 0) + 1
        self._load.latencies.append(time.perf_counter() - self._sent)
        self._send_when_due()

    def _send_when_due(self) -> None:
        wait = next(self._load.slots) - time.perf_counter() if self._load.slots else 0.0
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self._send)
        else:
            self._send()

    def _send(self) -> None:
        now = time.perf_counter()
        request = next(self._requests, None) if now < self._deadline else None
        if request is None:
            self._transport.close()  # type: ignore[attr-defined]
            return
        self._sent = now
        self._transport.write(request)  # type: ignore[attr-defined]


async def run(
    port: int,
    connections: int,
    requests: Iterator[bytes],
    seconds: float,
    rate: float | None = None,
    answers: list[tuple[float, int, bytes]] | None = None,
) -> Load:
    """Send `requests` over `connections` connections for `seconds` or until they run out; at most `rate` a second.

    What could not be sent when it was due, for no connection was free, is sent as soon as one is.
    """
    loop = asyncio.get_running_loop()
    start = time.perf_counter()
    load = Load(slots=(start + n / rate for n in count()) if rate else None, answers=answers)
    waiting = []
    for _ in range(connections):
        done: asyncio.Future[None] = loop.create_future()
        await loop.create_connection(partial(_Connection, load, requests, start + seconds, done), "127.0.0.1", port)
        waiting.append(done)
    await asyncio.gather(*waiting)
    load.seconds = time.perf_counter() - start
    return load
