"""Webhooks from Sentry and deploy notices: verified on the raw bytes, made durable, then answered fast.

`POST /webhooks/sentry` takes the integration platform and service hooks (signed); `POST /webhooks/sentry/{secret}`
takes the legacy plugin, which signs nothing. A replayed delivery changes nothing: its event id was seen before.
"""

import hmac
import logging
import secrets
from collections.abc import Awaitable, Sequence

import orjson

from api import acceptance
from api.acceptance import Source
from api.body import BodyTooLarge, BodyTooSlow, Disconnected, Receive, Scope, Send, read_body
from api.committer import Committer
from api.counters import Counters
from api.ingest import Limits, respond
from api.lookups import Lookups
from premortem.exceptions import Malformed, Permanent, Unavailable
from premortem.ports import Clock, Integration, ProjectKey
from premortem.sentry import json_body, webhook

PREFIX = "/webhooks/"
ALL = ""
"""The one name under which all integrations are looked up."""
_SENTRY = "/webhooks/sentry"
_LARGEST = 4 << 20
_LOGGER = logging.getLogger(__name__)


class Webhooks:
    """The ASGI application behind `/webhooks/`."""

    def __init__(
        self,
        integrations: Lookups[Sequence[Integration]],
        committer: Committer,
        clock: Clock,
        counters: Counters,
        limits: Limits,
        salt: bytes,
    ) -> None:
        self._integrations, self._committer, self._clock = integrations, committer, clock
        self._counters, self._limits, self._salt = counters, limits, salt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one delivery: 200 when it is durable (or of no use), 4xx when it cannot be believed or read."""
        await answer_delivery(send, self._counters, "webhook", self._answer(scope, receive))

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, str]:
        path: str = scope["path"].rstrip("/")
        if path != _SENTRY and not path.startswith(_SENTRY + "/"):
            return 404, "there is no such webhook"
        if scope["method"] != "POST":
            return 405, "webhooks are POSTed"
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        body = await read_body(headers, receive, min(self._limits.envelope, _LARGEST), self._limits.body_seconds)
        now = self._clock.now()
        integration = _sender(await self._integrations.find(ALL, now), headers, body, path[len(_SENTRY) + 1 :])
        if integration is None:
            self._counters.drop("webhook_unverified").inc()
            return 401, "the signature (or the secret in the path) matches no integration"
        if not body:
            return 200, ""
        notice = webhook.parse(headers, json_body.loads(body))
        await self._append(notice, integration, now)
        return 200, ""

    async def _append(self, notice: webhook.WebhookNotice, integration: Integration, now: int) -> None:
        if not isinstance(notice, webhook.ErrorNotice):
            self._counters.item("webhook", "skipped").inc()
            return
        key = ProjectKey("", integration.tenant_id, integration.project_id, active=True, events_per_minute=0)
        source = Source(key, now, secrets.token_hex(16), self._salt)
        intake = acceptance.take_event_object(notice.event, source, notice.web_url)
        for bug in intake.bugs:
            _LOGGER.error("a webhook was not taken: %s", bug)
        self._counters.item("webhook", "invalid" if intake.reasons else "accepted").inc()
        if intake.reasons:
            raise Malformed(intake.reasons[0])
        await self._committer.append(intake.records)


async def answer_delivery(send: Send, counters: Counters, endpoint: str, answering: Awaitable[tuple[int, str]]) -> None:
    """Send what `answering` comes to, a status and a reason, or the refusal that it raises; count it."""
    try:
        status, detail = await answering
    except Disconnected:
        return
    except BodyTooLarge as exception:
        status, detail = 413, str(exception)
    except BodyTooSlow as exception:
        status, detail = 408, str(exception)
    except Unavailable as exception:
        status, detail = 503, str(exception)
    except Permanent as exception:
        status, detail = 400, str(exception)
    counters.request(endpoint, str(status)).inc()
    body = b"{}" if status < 300 else orjson.dumps({"detail": detail, "causes": []})
    await respond(send, status, body, [])


def _sender(
    integrations: Sequence[Integration], headers: dict[str, str], body: bytes, path_secret: str
) -> Integration | None:
    """Return the integration whose secret signed `body`, or whose secret stands in the path (legacy plugin)."""
    signature = headers.get("sentry-hook-signature") or headers.get("sentry-app-signature") or ""
    service_signature = headers.get("x-servicehook-signature", "")
    for integration in integrations:
        match integration.kind:
            case "sentry-platform" if signature:
                believed = webhook.verify_platform(body, signature, integration.secret)
            case "sentry-service-hook" if service_signature:
                believed = webhook.verify_service_hook(body, service_signature, integration.secret)
            case "sentry-plugin" if path_secret:
                believed = hmac.compare_digest(path_secret.encode(), integration.secret.encode())
            case _:
                believed = False
        if believed:
            return integration
    return None
