"""The baselines of `benchmarks.ingest`: handlers without limits, scrubbing, keys, rate limits or Sentry's answers."""

import asyncio
import socket
import sys
from typing import Any

import orjson
import psycopg
import uvloop

from api import server
from api.committer import Committer
from premortem import bootstrap
from premortem.domain.fingerprint import group
from premortem.ports import Append
from premortem.sentry import envelope
from premortem.sentry.event_payload import normalise
from premortem.settings import Settings

NOW = 1_795_360_907_000


def parse_and_group(body: bytes) -> tuple[bytes, bytes]:
    """Return a small record and the body of the first event in an envelope."""
    item = envelope.parse(body).items[0]
    value, event = normalise(orjson.loads(item.payload), event_id="0" * 32, received_at=NOW)
    return orjson.dumps({"hashes": group(event).hashes, "at": event.occurred_at}), orjson.dumps(value)


async def _body(receive: Any) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return body


async def _ok(send: Any) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


async def main(kind: str, dsn: str) -> None:
    """Serve one of the baselines on a free port, which is printed."""
    committer = Committer(bootstrap.appender(Settings()))
    connection = await psycopg.AsyncConnection.connect(dsn)
    await connection.execute("CREATE TABLE IF NOT EXISTS bench_events (header bytea, body bytea)")
    await connection.commit()
    turn = asyncio.Lock()

    async def bare(_: Any, receive: Any, send: Any) -> None:
        header, body = parse_and_group(await _body(receive))
        await committer.append([Append("dead-letters", "bench", header), Append("dead-letters", "bench", body)])
        await _ok(send)

    async def one_insert(_: Any, receive: Any, send: Any) -> None:
        header, body = parse_and_group(await _body(receive))
        async with turn:
            await connection.execute("INSERT INTO bench_events VALUES (%s, %s)", (header, body))
            await connection.commit()
        await _ok(send)

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    print(port, flush=True)
    await server.serve(bare if kind == "bare" else one_insert, "127.0.0.1", port)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2]))
