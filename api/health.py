"""Health, readiness and metrics: is it alive, can it work, and what has it done."""

import asyncio
from collections.abc import Callable
from time import perf_counter

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from api.dependencies import CurrentStores, call
from premortem.domain.ids import IncidentId, TenantId
from premortem.domain.tasks import QUEUES
from premortem.exceptions import PremortemException

router = APIRouter(tags=["operations"])

_PROBE_SECONDS = 2.0


class Health(BaseModel):
    """The process answers."""

    status: str


class Dependency(BaseModel):
    """One thing that the product needs, and how it answered."""

    name: str
    ready: bool
    required: bool
    milliseconds: float
    detail: str | None = None


class Readiness(BaseModel):
    """All dependencies; ready when every required one is."""

    ready: bool
    dependencies: list[Dependency]


@router.get("/health", summary="Is the process alive?")
async def health() -> Health:
    """Answer; nothing is asked of any dependency."""
    return Health(status="ok")


@router.get(
    "/ready",
    summary="Can it work? Each dependency with its latency",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "A required dependency does not answer."}},
)
async def ready(stores: CurrentStores) -> Response:
    """Return 200 when every required dependency answers, else 503. A dead archive, or queues that are away, never
    stop ingest.
    """
    probes: list[tuple[str, bool, Callable[[], object]]] = [
        ("event_log", True, lambda: stores.event_log.heads("sentry.events")),
        ("incident_store", True, lambda: stores.incidents.get(TenantId(""), IncidentId(""))),  # as a tenant would read
        ("evidence_store", False, stores.evidence.version),
        ("task_queue", False, lambda: stores.tasks.depth(min(QUEUES.values()))),
    ]
    answers = await asyncio.gather(*(_probe(name, required, probe) for name, required, probe in probes))
    readiness = Readiness(ready=all(d.ready for d in answers if d.required), dependencies=list(answers))
    return JSONResponse(readiness.model_dump(), 200 if readiness.ready else 503)


async def _probe(name: str, required: bool, probe: Callable[[], object]) -> Dependency:
    started = perf_counter()
    detail = None
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            await call(probe)
    except TimeoutError:
        detail = f"no answer in {_PROBE_SECONDS:g} s"
    except PremortemException as exception:
        detail = str(exception)
    elapsed = round((perf_counter() - started) * 1000, 2)
    return Dependency(name=name, ready=detail is None, required=required, milliseconds=elapsed, detail=detail)


@router.get("/metrics", summary="Counters and lags for Prometheus", response_class=PlainTextResponse)
async def metrics(stores: CurrentStores) -> Response:
    """Return the text exposition: accepted, dropped by reason, stage latencies, lags, conservation, queues."""
    return Response(
        generate_latest(stores.counters.registry) + await stores.metrics.text(), media_type=CONTENT_TYPE_LATEST
    )
