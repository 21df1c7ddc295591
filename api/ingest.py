"""The endpoints that SDKs send to: envelope, store and tunnel. Answers 200 only when everything kept is durable.

Plain ASGI instead of FastAPI: this is the path that takes thousands of requests a second, from anybody.
"""

import asyncio
import re
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter

import orjson

from api import acceptance
from api.acceptance import Intake, Source
from api.body import BodyTooLarge, BodyTooSlow, Disconnected, Receive, Scope, Send, read_body
from api.committer import Committer
from api.counters import Counters
from api.lookups import Lookups
from premortem.exceptions import Permanent, PremortemException, Unavailable
from premortem.ports import Clock, ProjectKey
from premortem.sentry import auth, encoding, envelope, rate_limits, store_body

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
    ) -> None:
        self._keys, self._committer, self._clock, self._counters = keys, committer, clock, counters
        self._limits, self._salt = limits, salt
        self._windows = rate_limits.Window()
        self._in_flight: dict[str, int] = {}
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
        address = (scope.get("client") or ("", 0))[0]
        held = self._in_flight.get(address, 0)
        self._in_flight[address] = held + 1
        try:
            if method != "POST":
                status, body, headers = 405, _error(f"method {method} is not allowed"), {"allow": "POST, OPTIONS"}
            elif held >= self._limits.in_flight_per_address:
                status, body, headers = 429, _error("too many requests at once from one address"), {"retry-after": "1"}
            else:
                status, body, headers = await self._answer(
                    scope, receive, endpoint, match["project"] if match else None
                )
        except Disconnected:
            return
        finally:
            left = self._in_flight[address] - 1
            if left:
                self._in_flight[address] = left
            else:
                del self._in_flight[address]
        self._counters.request(endpoint, str(status)).inc()
        await respond(send, status, body, [*_CORS, *((k.encode(), v.encode()) for k, v in headers.items())])

    async def _answer(
        self, scope: Scope, receive: Receive, endpoint: str, project: str | None
    ) -> tuple[int, bytes, dict[str, str]]:
        try:
            return await self._take(scope, receive, endpoint, project)
        except (BodyTooLarge, encoding.TooLarge) as exception:
            return self._refuse(413, "too_large", exception)
        except BodyTooSlow as exception:
            return self._refuse(408, "too_slow", exception)
        except auth.AuthRejected as exception:
            return self._refuse(exception.status, "auth", exception)
        except Unavailable as exception:
            return *self._refuse(503, "unavailable", exception)[:2], {"retry-after": "5"}
        except Permanent as exception:
            return self._refuse(400, "malformed", exception)

    def _refuse(self, status: int, reason: str, exception: PremortemException) -> tuple[int, bytes, dict[str, str]]:
        self._counters.drop(reason).inc()
        return status, _error(str(exception)), {}

    async def _take(
        self, scope: Scope, receive: Receive, endpoint: str, project: str | None
    ) -> tuple[int, bytes, dict[str, str]]:
        started = perf_counter()
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        credentials = auth.parse(headers, scope.get("query_string", b"").decode("latin-1"))
        raw = await read_body(headers, receive, self._limits.wire, self._limits.body_seconds)
        body = encoding.decompress(raw, headers.get("content-encoding", ""), self._limits.envelope)
        if not body:
            raise envelope.Malformed("empty body")
        if endpoint == "store":
            body = store_body.decode(body)
            parsed = None
        else:
            parsed = envelope.parse(body)
        dsn = parsed.header.get("dsn") if parsed else None
        settled = auth.combine(credentials, dsn if isinstance(dsn, str) else None, project)
        now = self._clock.now()
        key = await self._known(settled, now)
        source = Source(key, now, secrets.token_hex(16), self._salt)
        events = 1 if parsed is None else sum(item.type == "event" for item in parsed.items)
        wait = self._windows.admit(key.public_key, now, events, key.events_per_minute) if key.events_per_minute else 0
        if wait:
            return self._limited(wait, events)
        work = _intake(body, parsed, source, self._limits.item)
        intake = await self._aside(work) if len(body) > _HEAVY_BYTES else work()
        self._count(intake)
        parsed_at = perf_counter()
        if intake.records:
            await self._committer.append(intake.records)
        elif intake.reasons:
            status = 413 if all(outcome == "too_large" for _, outcome in intake.outcomes) else 400
            return status, _error("nothing in this request could be used", intake.reasons), {}
        self._counters.stage("parse").observe(parsed_at - started)
        self._counters.stage("append").observe(perf_counter() - parsed_at)
        return 200, _identified(intake, parsed), {}

    async def _aside(self, work: Callable[[], Intake]) -> Intake:
        return await asyncio.get_running_loop().run_in_executor(self._heavy, work)

    async def _known(self, credentials: auth.Credentials, now: int) -> ProjectKey:
        key = await self._keys.find(credentials.public_key, now)
        if key is None or not key.active or str(key.project_id) != credentials.project_id:
            raise auth.AuthRejected(403, "bad or disabled DSN key for this project")
        return key

    def _limited(self, wait: int, events: int) -> tuple[int, bytes, dict[str, str]]:
        self._counters.drop("rate_limited").inc(events)
        limit = rate_limits.Limit(seconds=wait, categories=("error",), scope="key", reason="rate_limited")
        detail = "Sentry dropped data due to a quota or internal rate limit being reached."
        return 429, _error(detail), rate_limits.headers([limit])

    def _count(self, intake: Intake) -> None:
        for (kind, outcome), count in intake.outcomes.items():
            self._counters.item(kind if kind in rate_limits.ITEM_TYPES else "unknown", outcome).inc(count)
            if outcome not in ("accepted", "skipped"):
                self._counters.drop(outcome).inc(count)
        if intake.scrubbed:
            self._counters.scrubbed.inc(intake.scrubbed)


def _intake(body: bytes, parsed: envelope.Envelope | None, source: Source, item_limit: int) -> Callable[[], Intake]:
    if parsed is None:
        return lambda: acceptance.take_event(body, source)
    return lambda: acceptance.take_envelope(parsed, source, item_limit)


def _identified(intake: Intake, parsed: envelope.Envelope | None) -> bytes:
    event_id = intake.event_id
    if event_id is None and parsed is not None:
        stated = parsed.header.get("event_id")
        event_id = stated.replace("-", "").lower() if isinstance(stated, str) and len(stated) <= 36 else None
    return orjson.dumps({"id": event_id}) if event_id else b"{}"


def _error(detail: str, causes: list[str] | None = None) -> bytes:
    return orjson.dumps({"detail": detail[:1000], "causes": [cause[:300] for cause in (causes or [])[:20]]})


async def respond(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    """Send a whole JSON answer."""
    typed = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": typed})
    await send({"type": "http.response.body", "body": body})
