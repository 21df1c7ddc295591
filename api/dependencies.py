"""What the read API's functions are handed: the stores, and whose token is calling."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.counters import Counters
from api.metrics import StoreMetrics
from premortem.domain.detection.project import Project
from premortem.domain.ids import ProjectId, TenantId
from premortem.exceptions import Unavailable
from premortem.ports import Administration, Append, Clock, EventLog, EvidenceStore, IncidentStore, TaskQueue

T = TypeVar("T")
_ANSWER_SECONDS = 20.0


@dataclass(frozen=True)
class Stores:
    """Everything that the API reads from, made by `premortem.bootstrap`."""

    event_log: EventLog
    incidents: IncidentStore
    evidence: EvidenceStore
    administration: Administration
    tasks: TaskQueue
    counters: Counters
    metrics: StoreMetrics
    clock: Clock
    append: Callable[[Sequence[Append]], Awaitable[None]]
    """Makes records durable, together with those of other requests."""
    public_url: str
    salt: bytes
    """Keys the marks of secrets, as in the events."""
    held: Callable[[ProjectId], Project | None]
    """What the detector holds of a project, without its errors."""


def stores(request: Request) -> Stores:
    """Return the stores that the application was built with."""
    found: Stores = request.app.state.stores
    return found


_BEARER = HTTPBearer(auto_error=False, description="An API token: `premortem token create NAME`.")


async def tenant(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
) -> TenantId:
    """Return the tenant of the bearer token; 401 without one, or with one that is unknown."""
    if credentials is None:
        raise HTTPException(401, "A bearer token is needed. Make one with `premortem token create NAME`.", _CHALLENGE)
    digest = hashlib.sha256(credentials.credentials.encode()).hexdigest()
    found = await call(stores(request).administration.tenant_of_token, digest)
    if found is None:
        raise HTTPException(401, "This token is not known.", _CHALLENGE)
    return found


_CHALLENGE = {"www-authenticate": 'Bearer realm="premortem"'}

CurrentTenant = Annotated[TenantId, Depends(tenant)]
CurrentStores = Annotated[Stores, Depends(stores)]


async def call(function: Callable[..., T], *arguments: object) -> T:
    """Run a blocking call of a store in a thread. Raises Unavailable when it takes too long; its thread is lost until
    the store answers.
    """
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            return await asyncio.to_thread(function, *arguments)
    except TimeoutError as exception:
        raise Unavailable(f"a store did not answer within {_ANSWER_SECONDS:g} s. Try again later.") from exception
