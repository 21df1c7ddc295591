"""`POST /webhooks/github`: what people do with our pull requests, and deploys, from GitHub's webhooks.

Verified on the raw bytes, made durable, then answered. A delivery that comes again changes nothing: ids and times of
what it becomes are made from what happened.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import assert_never

from api import acceptance, github_deliveries
from api.acceptance import Source
from api.body import Receive, Scope, Send, read_body
from api.committer import Committer
from api.counters import Counters
from api.github_deliveries import Closed, Commented, Delivery, Merged, Shipped, Useless
from api.ingest import Limits
from api.lookups import Lookups
from api.webhooks import ALL, answer_delivery
from premortem.domain import pull_request_ends, timeline
from premortem.domain.ids import IncidentId, ProjectId, TenantId
from premortem.domain.incident import Incident
from premortem.domain.timeline import IncidentFact
from premortem.exceptions import Malformed, Unavailable
from premortem.ports import Administration, Append, Clock, IncidentStore, Integration, ProjectKey, Repository
from premortem.sentry import deploys, json_body
from premortem.sentry.scrub import scrub

PATH = "/webhooks/github"
_LARGEST = 25 << 20
"""Bytes; GitHub sends no larger ones."""
_STORE_SECONDS = 5.0
"""GitHub waits ten in all."""


class GithubWebhooks:
    """The ASGI application behind `/webhooks/github`."""

    def __init__(
        self,
        integrations: Lookups[Sequence[Integration]],
        repositories: Lookups[Sequence[Repository]],
        incidents: IncidentStore,
        committer: Committer,
        clock: Clock,
        counters: Counters,
        limits: Limits,
        salt: bytes,
    ) -> None:
        """`repositories` are asked for by `key_of` of an integration."""
        self._integrations, self._repositories, self._incidents = integrations, repositories, incidents
        self._committer, self._clock, self._counters = committer, clock, counters
        self._limits, self._salt = limits, salt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one delivery: 200 when it is durable (or of no use), 4xx when it cannot be believed or read."""
        await answer_delivery(send, self._counters, "github_webhook", self._answer(scope, receive))

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, str]:
        if scope["method"] != "POST":
            return 405, "webhooks are POSTed"
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        body = await read_body(headers, receive, min(self._limits.envelope, _LARGEST), self._limits.body_seconds)
        now = self._clock.now()
        known = await self._integrations.find(ALL, now)
        signature = headers.get("x-hub-signature-256", "")
        senders = [
            each for each in known if each.kind == "github" and github_deliveries.verify(body, signature, each.secret)
        ]
        if not senders:
            self._counters.drop("webhook_unverified").inc()
            return 401, "the signature matches no integration of kind github"
        event = headers.get("x-github-event", "")
        if not event:
            raise Malformed("a delivery of GitHub has the header X-GitHub-Event.")
        if event not in github_deliveries.USED:
            return self._count("skipped")
        if not headers.get("content-type", "").startswith("application/json"):
            raise Malformed("the body is a form. Set the webhook's content type to application/json.")
        value, _ = scrub(json_body.loads(body), salt=self._salt)
        records = await self._records(github_deliveries.parse(event, value, now), senders, now)
        if records:
            await self._committer.append(records)
        return self._count("accepted" if records else "skipped")

    def _count(self, outcome: str) -> tuple[int, str]:
        self._counters.item("github_webhook", outcome).inc()
        return 200, ""

    async def _records(self, delivery: Delivery, senders: Sequence[Integration], now: int) -> list[Append]:
        """Return what is to be appended. One secret may be that of several projects, as an App has but one."""
        if isinstance(delivery, Useless):
            return []
        records: list[Append] = []
        for sender in senders:
            mapped = await self._repositories.find(key_of(sender), now)
            repository = next((each for each in mapped if each.name == delivery.repository), None)
            if repository is None:
                continue
            if isinstance(delivery, Shipped):
                records += self._deploy(delivery, repository, now)
            elif (incident := await self._incident(delivery, sender)) is not None:
                fact = _fact(delivery, incident)
                records.append(Append("debugging.timeline", incident.id, timeline.encode(fact)))
        return records

    async def _incident(self, delivery: Merged | Closed | Commented, sender: Integration) -> Incident | None:
        """Return the incident that is named, if it is the sender's and opened just this pull request."""
        try:
            async with asyncio.timeout(_STORE_SECONDS):
                found = await asyncio.to_thread(self._incidents.get, sender.tenant_id, IncidentId(delivery.incident_id))
        except TimeoutError as exception:
            raise Unavailable("the incident store does not answer. Have the delivery sent again.") from exception
        if found is None or found.project_id != sender.project_id:
            return None
        named = (delivery.repository, delivery.number)
        return found if named in [(pull.repository, pull.number) for pull in found.pull_requests] else None

    def _deploy(self, shipped: Shipped, repository: Repository, now: int) -> list[Append]:
        """Return the deploy's records, where the mapping says that this is one."""
        if shipped.by != repository.deployed_by or shipped.branch not in ("", repository.branch):
            return []
        value = {"environment": shipped.environment or repository.environment, "url": shipped.url}
        notice = deploys.parse(value, repository.release_prefix + shipped.release, shipped.at, self._salt)
        key = ProjectKey("", repository.tenant_id, repository.project_id, active=True, events_per_minute=0)
        return acceptance.take_deploy(notice, Source(key, now, "", b"")).records


def key_of(integration: Integration) -> str:
    """Return what the project's repositories are looked up by."""
    return f"{integration.tenant_id}/{integration.project_id}"


def repositories_by_key(administration: Administration) -> Callable[[str], Sequence[Repository]]:
    """Return what looks a project's repositories up by `key_of`."""

    def find(key: str) -> Sequence[Repository]:
        tenant, _, project = key.rpartition("/")
        return administration.repositories(TenantId(tenant), ProjectId(int(project)))

    return find


def _fact(delivery: Merged | Closed | Commented, incident: Incident) -> IncidentFact:
    match delivery:
        case Merged():
            where = (delivery.repository, delivery.number, delivery.commit)
            return pull_request_ends.merged(incident, *where, delivery.at)
        case Closed():
            return pull_request_ends.closed(incident, delivery.repository, delivery.number, delivery.said)
        case Commented():
            return pull_request_ends.noted(incident, delivery.said)
        case _:
            assert_never(delivery)
