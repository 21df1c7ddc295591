"""Reading a request's body: bounded in size and in time, so that no client can hold memory or a place for long."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from premortem.exceptions import Permanent

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class BodyTooLarge(Permanent):
    """The body is larger than this server takes."""


class BodyTooSlow(Permanent):
    """The body did not arrive in time."""


class Disconnected(Permanent):
    """The client went away before its body was complete."""


async def read_body(
    headers: dict[str, str],
    receive: Receive,
    limit: int,
    deadline_seconds: float,
    hold: Callable[[int], None] | None = None,
) -> bytes:
    """Return the whole body. `hold` is told how many bytes are, or will be, held, and may raise.

    Raises BodyTooLarge as soon as the declared or the received length passes `limit` bytes, BodyTooSlow when it is
    not complete after `deadline_seconds`, Disconnected when the client leaves.
    """
    declared = headers.get("content-length", "")
    if declared.isascii() and declared.isdigit():
        if int(declared) > limit:
            raise BodyTooLarge(f"body of {declared} bytes exceeds {limit}")
        if hold is not None:
            hold(int(declared))
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(deadline_seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Disconnected("client disconnected")
                chunk: bytes = message.get("body", b"")
                size += len(chunk)
                if size > limit:
                    raise BodyTooLarge(f"body exceeds {limit} bytes")
                if hold is not None:
                    hold(size)
                chunks.append(chunk)
                if not message.get("more_body", False):
                    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
    except TimeoutError:
        raise BodyTooSlow(f"body was not complete after {deadline_seconds:g} s") from None
