"""Reading a request's body: bounded in size and in time, so that no client can hold memory or a place for long."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.requests import Request

from premortem.exceptions import Malformed, Permanent
from premortem.sentry import json_body

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
_SMALL, _SMALL_SECONDS = 64 * 1024, 10.0


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


async def read_object(request: Request) -> dict[str, Any]:
    """Return the JSON object of a small request, its strings safe to store; an empty body is an empty one.

    Raises Malformed for anything else, and what `read_body` raises.
    """
    headers = {name.lower(): text for name, text in request.headers.items()}
    value = json_body.loads(await read_body(headers, request.receive, _SMALL, _SMALL_SECONDS) or b"{}")
    if not isinstance(value, dict):
        raise Malformed("the body is not a JSON object.")
    return value
