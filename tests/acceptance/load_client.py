"""A client that remembers, outside the stack, which events were acknowledged; it sends each again until it was."""

import asyncio
from collections import deque

import orjson

from benchmarks.load import post

TOGETHER = 8


def body(number: int, fingerprints: int, together: int = 1) -> tuple[str, bytes]:
    """Return the id and the envelope of event `number`; so many errors share an environment, and are one incident."""
    event_id = f"{number:032x}"
    function = f"fail_{number % fingerprints}"
    frame = {"module": "load", "function": function, "filename": "load.py", "in_app": True}
    value = {
        "type": "LoadError",
        "value": "under load",
        "mechanism": {"type": "test", "handled": False},
        "stacktrace": {"frames": [frame]},
    }
    where = f"environment-{number % fingerprints // together}"
    event = orjson.dumps(
        {"event_id": event_id, "platform": "python", "environment": where, "exception": {"values": [value]}}
    )
    return event_id, b'{"event_id":"' + event_id.encode() + b'"}\n{"type":"event"}\n' + event + b"\n"


class LoadClient:
    """Sends events over several connections; an event that was not acknowledged with 200 is sent again, as it is."""

    def __init__(
        self, port: int, targets: list[tuple[int, str]], count: int, fingerprints: int, first: int = 0
    ) -> None:
        self._port, self._targets, self._fingerprints = port, targets, fingerprints
        self._waiting = deque(range(first, first + count))
        self.acknowledged: set[str] = set()
        self.refused = 0
        self.cut_off = 0

    async def run(self, connections: int) -> None:
        """Return when every event was acknowledged."""
        await asyncio.gather(*(self._connection() for _ in range(connections)))

    async def _connection(self) -> None:
        reader: asyncio.StreamReader | None = None
        writer: asyncio.StreamWriter | None = None
        while self._waiting:
            number = self._waiting.popleft()
            try:
                if reader is None or writer is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                status = await asyncio.wait_for(self._send(reader, writer, number), 20)
            except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError):
                status = 0
                if writer is not None:
                    writer.close()
                reader = writer = None
            if status == 200:
                self.acknowledged.add(f"{number:032x}")
                continue
            self.cut_off += status == 0
            self.refused += status != 0
            self._waiting.append(number)
            await asyncio.sleep(0.05)
        if writer is not None:
            writer.close()

    async def _send(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> int:
        project, key = self._targets[number % len(self._targets)]
        _, content = body(number, self._fingerprints, TOGETHER)
        auth = {"x-sentry-auth": f"Sentry sentry_key={key}, sentry_version=7"}
        writer.write(post(f"/api/{project}/envelope/", content, auth))
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        return int(head[9:12])
