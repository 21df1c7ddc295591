"""The whole gateway over memory adapters, driven as ASGI."""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import pytest

from api.acceptance import Taker
from api.app import Gateway, read_api
from api.committer import Committer
from api.counters import Counters
from api.dependencies import Stores
from api.github_webhooks import GithubWebhooks, repositories_by_key
from api.ingest import Ingest, Limits
from api.lookups import Lookups
from api.metrics import StoreMetrics
from api.refusals import Refusals
from api.webhooks import Webhooks
from premortem.adapters.administration.memory import MemoryAdministration
from premortem.adapters.checkpoint_store.memory import MemoryCheckpointStore
from premortem.adapters.event_log.memory import MemoryAppender, MemoryEventLog
from premortem.adapters.evidence_store.memory import MemoryEvidenceStore
from premortem.adapters.incident_store.memory import MemoryIncidentStore
from premortem.adapters.task_queue.memory import MemoryTaskQueue
from premortem.adapters.worker_book.memory import MemoryWorkerBook
from premortem.bootstrap.holding import held
from premortem.domain import payload, project_stream
from premortem.domain.ids import TenantId
from premortem.domain.payload import Body
from premortem.domain.project_stream import ProjectRecord
from premortem.exceptions import Unavailable
from premortem.ports import Append, Position
from tests.builders import NOW

KEY = "e12d836b15bb49d7bbf99e64295d995b"
TOKEN, OTHER_TOKEN = "pm_mine", "pm_theirs"


class FlakyLog(MemoryEventLog):
    """A memory log that can be taken away."""

    away = False

    def append(self, records: Sequence[Append]) -> Sequence[Position]:
        if self.away:
            raise Unavailable("the log is away.")
        return super().append(records)


class FixedClock:
    """A clock that stands still until it is told."""

    at = NOW

    def now(self) -> int:
        return self.at


@dataclass
class World:
    """Everything around the gateway."""

    client: httpx.AsyncClient
    app: Gateway
    log: FlakyLog
    administration: MemoryAdministration
    incidents: MemoryIncidentStore
    evidence: MemoryEvidenceStore
    checkpoints: MemoryCheckpointStore
    tasks: MemoryTaskQueue
    clock: FixedClock
    counters: Counters
    refusals: Refusals
    committer: Committer
    project: int

    def values(self, topic: Any) -> list[bytes]:
        return [r.value for p in range(self.log.partitions(topic)) for r in self.log.read(topic, p, 0, 10_000)]

    def records(self) -> list[ProjectRecord]:
        return [project_stream.decode(value) for value in self.values("sentry.events")]

    def bodies(self) -> list[Body]:
        return [payload.decode(value) for value in self.values("sentry.payloads")]

    def items(self) -> dict[tuple[str, str], float]:
        """Return what became of the items: (type, outcome) -> how many."""
        samples = [sample for family in self.counters.items.collect() for sample in family.samples]
        counted = {(s.labels["type"], s.labels["outcome"]): s.value for s in samples if s.name.endswith("_total")}
        return {labels: count for labels, count in counted.items() if count}

    async def envelope(self, body: bytes, **headers: str) -> httpx.Response:
        auth = {"x-sentry-auth": f"Sentry sentry_key={KEY}, sentry_version=7"}
        return await self.client.post(
            f"/api/{self.project}/envelope/",
            content=body,
            headers={**auth, **{k.replace("_", "-"): v for k, v in headers.items()}},
        )


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


SMALL = Limits(wire=150_000, envelope=300_000, item=100_000, body_seconds=0.3)


@pytest.fixture
async def world(anyio_backend: str) -> AsyncIterator[World]:
    async with a_world(SMALL) as world:
        yield world


@asynccontextmanager
async def a_world(limits: Limits, takers: Mapping[str, Taker] | None = None) -> AsyncIterator[World]:
    """Lend a gateway with these limits, in which `takers` read the items."""
    log, administration, clock, counters = FlakyLog(), MemoryAdministration(), FixedClock(), Counters()
    incidents, evidence, checkpoints = MemoryIncidentStore(), MemoryEvidenceStore(), MemoryCheckpointStore()
    project = administration.create_project(TenantId("acme"), "shop", "Shop", KEY)
    for tenant, token in (("acme", TOKEN), ("other", OTHER_TOKEN)):
        administration.create_token(TenantId(tenant), "test", hashlib.sha256(token.encode()).hexdigest())
    committer, keys = Committer(MemoryAppender(log)), Lookups(administration.key, fresh_ms=0, at_once_ms=0)
    tasks, refusals = MemoryTaskQueue(), Refusals()
    metrics = StoreMetrics(log, checkpoints, tasks, MemoryWorkerBook(), wait_seconds=0.3)
    stores = Stores(
        log,
        incidents,
        evidence,
        administration,
        tasks,
        counters,
        metrics,
        clock,
        committer.append,
        "http://premortem",
        b"salt",
        partial(held, checkpoints),
    )
    integrations = Lookups(lambda _: administration.integrations(), fresh_ms=0, at_once_ms=0)
    repositories = Lookups(repositories_by_key(administration), fresh_ms=0, at_once_ms=0)
    app = Gateway(
        Ingest(keys, committer, clock, counters, limits, b"salt", refusals, takers),
        Webhooks(integrations, committer, clock, counters, limits, b"salt"),
        GithubWebhooks(integrations, repositories, incidents, committer, clock, counters, limits, b"salt"),
        read_api(stores),
    )
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://premortem") as client:
        yield World(
            client=client,
            app=app,
            log=log,
            administration=administration,
            incidents=incidents,
            evidence=evidence,
            checkpoints=checkpoints,
            tasks=tasks,
            clock=clock,
            counters=counters,
            refusals=refusals,
            committer=committer,
            project=project.id,
        )
    await committer.close()
    keys.close()
    integrations.close()
    repositories.close()
    metrics.close()


def item(kind: str, payload: bytes, explicit: bool = True) -> bytes:
    """Return one item of an envelope."""
    length = f',"length":{len(payload)}' if explicit else ""
    return f'{{"type":"{kind}"{length}}}\n'.encode() + payload + b"\n"
