"""The endpoints that SDKs send to: envelope, store and tunnel. Answers 200 only when everything kept is durable.

Plain ASGI instead of FastAPI: this is the path that takes thousands of requests a second, from anybody.
"""

import asyncio
import logging
import re
import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import TypeVar

import orjson

from api import acceptance
from api.acceptance import Intake, Source
from api.body import BodyTooLarge, BodyTooSlow, Disconnected, Receive, Scope, Send, read_body
from api.committer import Committer
from api.counters import Counters
from api.in_flight import SMALL_BYTES, InFlight, Place
from api.lookups import Lookups
from api.refusals import Refusals
from premortem.exceptions import Permanent, PremortemException, Unavailable
from premortem.ports import Clock, ProjectKey
from premortem.sentry import auth, encoding, envelope, rate_limits, store_body
from premortem.sentry.envelope import Envelope, Item
from premortem.sentry.event_payload import text

T = TypeVar("T")
_LOGGER = logging.getLogger(__name__)
PATH = re.compile(r"/api/(?P<project>[^/]{1,40})/(?P<endpoint>envelope|store)/?\Z")
TUNNELS = frozenset({"/tunnel", "/tunnel/"})

_CORS = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"x-sentry-error, x-sentry-rate-limits, retry-after"),
]
_PREFLIGHT = [
    *_CORS,
    (b"access-control-allow-methods", b"POST, OPTIONS"),
    (
        b"access-control-allow-headers",
        b"x-sentry-auth, x-requested-with, content-type, origin, accept, authentication, authorization, "
        b"content-encoding, transfer-encoding, referer, x-forwarded-for",
    ),
    (b"access-control-max-age", b"3600"),
]
_HEAVY_BYTES = 64 * 1024
"""Bodies above this are parsed in a thread, so that one large event does not delay a thousand small ones."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds."""

    wire: int
    envelope: int
    item: int
    body_seconds: float
    in_flight_per_address: int = 256
    large_in_flight: int = 256 << 20
    """Bytes that large bodies may take in memory, all together."""


class Ingest:
    """The ASGI application behind `/api/{project}/envelope/`, `/api/{project}/store/` and `/tunnel/`."""

    def __init__(
        self,
        keys: Lookups[ProjectKey | None],
        committer: Committer,
        clock: Clock,
        counters: Counters,
        limits: Limits,
        salt: bytes,
        refusals: Refusals,
        takers: Mapping[str, acceptance.Taker] | None = None,
    ) -> None:
        self._keys, self._committer, self._clock, self._counters = keys, committer, clock, counters
        self._limits, self._salt, self._refusals = limits, salt, refusals
        self._takers = takers
        self._windows = rate_limits.Window()
        self._in_flight = InFlight(limits.in_flight_per_address, limits.large_in_flight)
        self._heavy = ThreadPoolExecutor(1, thread_name_prefix="heavy")
        """For large bodies: threads of their own, because those of the stores may hang with a store."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; every failure becomes a JSON error with the status that Sentry's clients expect."""
        match = PATH.match(scope["path"])
        endpoint = match["endpoint"] if match else "tunnel"
        method = scope["method"]
        if method == "OPTIONS":
            await respond(send, 200, b"", _PREFLIGHT)
            return
        place = None
        try:
            if method != "POST":
                status, body, headers = 405, _error(f"method {method} is not allowed"), {"allow": "POST, OPTIONS"}
            elif (place := self._in_flight.enter((scope.get("client") or ("", 0))[0])) is None:
                status, body, headers = 429, _error("too many requests at once from one address"), {"retry-after": "1"}
            else:
                project = match["project"] if match else None
                status, body, headers = await self._answer(scope, receive, endpoint, project, place)
        except Disconnected:
            return
        finally:
            if place is not None:
                place.leave()
        self._counters.request(endpoint, str(status)).inc()
        await respond(send, status, body, [*_CORS, *((k.encode(), v.encode()) for k, v in headers.items())])

    async def _answer(
        self, scope: Scope, receive: Receive, endpoint: str, project: str | None, place: Place
    ) -> tuple[int, bytes, dict[str, str]]:
        try:
            return await self._take(scope, receive, endpoint, project, place)
        except (BodyTooLarge, encoding.TooLarge) as exception:
            return self._refuse(413, "too_large", exception, "too_large" if endpoint == "store" else "")
        except BodyTooSlow as exception:
            return self._refuse(408, "too_slow", exception)
        except auth.AuthRejected as exception:
            return self._refuse(exception.status, "auth", exception)
        except Unavailable as exception:
            return *self._refuse(503, "unavailable", exception)[:2], {"retry-after": "5"}
        except Permanent as exception:
            return self._refuse(400, "malformed", exception, "invalid" if endpoint == "store" else "")

    def _refuse(
        self, status: int, reason: str, exception: PremortemException, outcome: str = ""
    ) -> tuple[int, bytes, dict[str, str]]:
        """Count and answer a request that nothing was taken of; `outcome` if it is known to be one event."""
        self._counters.drop(reason).inc()
        if outcome:
            self._counters.item("event", outcome).inc()
        return status, _error(str(exception)), {}

    async def _take(
        self, scope: Scope, receive: Receive, endpoint: str, project: str | None, place: Place
    ) -> tuple[int, bytes, dict[str, str]]:
        started = perf_counter()
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        credentials = auth.parse(headers, scope.get("query_string", b"").decode("latin-1"))
        raw = await read_body(headers, receive, self._limits.wire, self._limits.body_seconds, place.hold)
        coded = headers.get("content-encoding", "")
        body = await self._decompress(raw, coded) if coded else encoding.decompress(raw, "", self._limits.envelope)
        place.hold(len(raw) + len(body))
        if not body:
            raise envelope.Malformed("empty body")
        large = len(body) > _HEAVY_BYTES
        parsed = await self._aside(partial(_parse, body, endpoint)) if large else _parse(body, endpoint)
        dsn = parsed.header.get("dsn")
        settled = auth.combine(credentials, dsn if isinstance(dsn, str) else None, project)
        now = self._clock.now()
        key = await self._known(settled, now)
        limit = self._limit(key, parsed, now)
        source = Source(key, now, secrets.token_hex(16), self._salt)
        limited = ("event",) if limit else ()
        request = parsed, source, self._limits.item, limited, self._takers
        take = acceptance.take_envelope
        intake = await self._aside(partial(take, *request)) if large else take(*request)
        self._count(intake)
        parsed_at = perf_counter()
        if intake.records:
            await self._committer.append(intake.records)
        if (limit or not intake.records) and (refusal := _refusal(intake, limit)) is not None:
            return refusal
        self._counters.stage("parse").observe(parsed_at - started)
        self._counters.stage("append").observe(perf_counter() - parsed_at)
        told = rate_limits.headers([limit])["x-sentry-rate-limits"] if limit else ""
        return 200, _identified(intake, parsed), {"x-sentry-rate-limits": told} if told else {}

    async def _decompress(self, raw: bytes, name: str) -> bytes:
        """Return the body with its encoding undone: a small one here, what turns out large in the thread."""
        whole = partial(encoding.decompress, raw, name, self._limits.envelope)
        if len(raw) > _HEAVY_BYTES:
            return await self._aside(whole)
        try:
            return encoding.decompress(raw, name, min(SMALL_BYTES, self._limits.envelope))
        except encoding.TooLarge:
            if self._limits.envelope <= SMALL_BYTES:
                raise
        return await self._aside(whole)

    async def _aside(self, work: Callable[[], T]) -> T:
        """Do the work on a large body in the thread."""
        return await asyncio.get_running_loop().run_in_executor(self._heavy, work)

    async def _known(self, credentials: auth.Credentials, now: int) -> ProjectKey:
        key = await self._keys.find(credentials.public_key, now)
        if key is None or not key.active or str(key.project_id) != credentials.project_id:
            raise auth.AuthRejected(403, "bad or disabled DSN key for this project")
        return key

    def _limit(self, key: ProjectKey, parsed: Envelope, now: int) -> rate_limits.Limit | None:
        """Count the events for their project, which all of its keys share; return the limit when it is reached."""
        events = sum(item.type == "event" for item in parsed.items) if key.events_per_minute else 0
        wait = self._windows.admit(str(key.project_id), now, events, key.events_per_minute) if events else 0
        if not wait:
            return None
        self._refusals.add(key, events)
        return rate_limits.Limit(seconds=wait, categories=("error",), scope="project", reason="rate_limited")

    def _count(self, intake: Intake) -> None:
        for (kind, outcome), count in intake.outcomes.items():
            self._counters.item(kind if kind in rate_limits.ITEM_TYPES else "unknown", outcome).inc(count)
            if outcome not in ("accepted", "skipped"):
                self._counters.drop(outcome).inc(count)
        if intake.scrubbed:
            self._counters.scrubbed.inc(intake.scrubbed)
        for bug in intake.bugs:
            _LOGGER.error("an item was not taken: %s", bug)


def _parse(body: bytes, endpoint: str) -> Envelope:
    """Return the envelope of a body; an event sent to `/store/` is one of a single item."""
    if endpoint == "store":
        return Envelope({}, (Item("event", {}, store_body.decode(body)),))
    return envelope.parse(body)


def _refusal(intake: Intake, limit: rate_limits.Limit | None) -> tuple[int, bytes, dict[str, str]] | None:
    """Return the answer to a request of which nothing was usable; None when something was, or there was nothing."""
    if any(outcome == "accepted" for _, outcome in intake.outcomes):
        return None
    if limit:
        detail = "Sentry dropped data due to a quota or internal rate limit being reached."
        return 429, _error(detail), rate_limits.headers([limit])
    if intake.reasons:
        status = 413 if all(outcome in ("too_large", "skipped") for _, outcome in intake.outcomes) else 400
        return status, _error("nothing in this request could be used", intake.reasons), {}
    return None


def _identified(intake: Intake, parsed: Envelope) -> bytes:
    event_id = intake.event_id or text.event_id(parsed.header.get("event_id"))
    return orjson.dumps({"id": event_id}) if event_id else b"{}"


def _error(detail: str, causes: list[str] | None = None) -> bytes:
    return orjson.dumps({"detail": detail[:1000], "causes": [cause[:300] for cause in (causes or [])[:20]]})


async def respond(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    """Send a whole JSON answer."""
    typed = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": typed})
    await send({"type": "http.response.body", "body": body})
