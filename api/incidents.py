"""Reading incidents: a filtered list in pages, one incident, and its timeline."""

from collections.abc import Sequence
from typing import Annotated

import orjson
from fastapi import APIRouter, HTTPException, Path, Query

from api.dependencies import CurrentStores, CurrentTenant, call
from api.problems import refusals
from api.schemas import (
    AsOfView,
    DecisionView,
    FactView,
    GroupingView,
    IncidentDetail,
    IncidentPage,
    IncidentView,
    TimelinePage,
    moment,
)
from api.work_views import CauseView, EvidenceView, PullRequestView
from premortem.domain.as_of import as_of as parse_as_of
from premortem.domain.as_of import known, not_yet, state
from premortem.domain.cited import evidence_in
from premortem.domain.fingerprint import kept
from premortem.domain.ids import EventId, IncidentId, ProjectId, TenantId
from premortem.domain.incident import Incident, Status
from premortem.domain.timeline import decode
from premortem.exceptions import Malformed
from premortem.ports import IncidentFilter, StoredFact

router = APIRouter(tags=["incidents"], responses=refusals(401, 422, 503))
_NO_SUCH = refusals(404)
_PAGE = 1000

_Id = Annotated[str, Path(max_length=64, description="An incident's id.")]
_AsOf = Annotated[
    str | None,
    Query(
        max_length=64,
        description="Only what was known then. A time (ISO 8601, UTC when it names no zone, or milliseconds since "
        "1970) takes the facts that had happened by then; `offset:123` those up to that position of the timeline.",
    ),
]


@router.get("/incidents", summary="List incidents, newest first", responses=refusals(400))
async def list_incidents(
    stores: CurrentStores,
    tenant: CurrentTenant,
    status: Annotated[Status | None, Query(description="Only incidents in this status.")] = None,
    project: Annotated[int | None, Query(ge=0, lt=1 << 63, description="Only this project's.")] = None,
    environment: Annotated[str | None, Query(max_length=64, description="Only this environment's.")] = None,
    text: Annotated[str | None, Query(max_length=200, description="Part of the title or the culprit.")] = None,
    cursor: Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Incidents per page.")] = 50,
) -> IncidentPage:
    """Return a page of the tenant's incidents that match every given filter."""
    where = IncidentFilter(status, ProjectId(project) if project is not None else None, environment, text)
    page = await call(stores.incidents.find, tenant, where, cursor, limit)
    views = [IncidentView.of(incident, stores.public_url) for incident in page.incidents]
    return IncidentPage(incidents=views, next_cursor=page.cursor)


@router.get(
    "/incidents/{incident_id}",
    summary="One incident with every decision about it",
    responses=refusals(400, 404),
)
async def get_incident(
    stores: CurrentStores, tenant: CurrentTenant, incident_id: _Id, as_of: _AsOf = None
) -> IncidentDetail:
    """Return the incident; 404 when this tenant has none of that id, or had none then."""
    if as_of is None:
        incident = await call(stores.incidents.get, tenant, IncidentId(incident_id))
        if incident is None:
            raise HTTPException(404, f"There is no incident {incident_id}.")
        return _detail(incident, stores.public_url)
    rows = await _rows(stores, tenant, incident_id)
    found, then = _known(rows, incident_id, as_of)
    return _detail(then, stores.public_url, AsOfView.of(found, len(rows)))


@router.get(
    "/incidents/{incident_id}/timeline",
    summary="Everything that happened to one incident, in order",
    responses=refusals(400, 404),
)
async def get_timeline(
    stores: CurrentStores,
    tenant: CurrentTenant,
    incident_id: _Id,
    after: Annotated[int, Query(ge=-1, lt=1 << 63, description="Only facts behind this position.")] = -1,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    as_of: _AsOf = None,
) -> TimelinePage:
    """Return the incident's facts; 404 when this tenant has no such incident, or had none then."""
    if as_of is not None:
        then, _ = _known(await _rows(stores, tenant, incident_id), incident_id, as_of)
        behind = [row for row in then if row.offset > after]
        return TimelinePage(facts=[FactView.of(fact) for fact in behind[:limit]])
    if await call(stores.incidents.get, tenant, IncidentId(incident_id)) is None:
        raise HTTPException(404, f"There is no incident {incident_id}.")
    facts = await call(stores.incidents.timeline, tenant, IncidentId(incident_id), after, limit)
    return TimelinePage(facts=[FactView.of(fact) for fact in facts])


@router.get(
    "/incidents/{incident_id}/evidence/{evidence_id}",
    summary="One observation that the work on an incident rests on",
    responses=refusals(400, 404),
)
async def get_evidence(
    stores: CurrentStores,
    tenant: CurrentTenant,
    incident_id: _Id,
    evidence_id: Annotated[str, Path(max_length=64, description="As a citation names it: `ev-...`.")],
    as_of: _AsOf = None,
) -> EvidenceView:
    """Return the observation as it is stored in the incident's timeline; 404 when no fact of it holds one of that id
    (or held one then), or this tenant has no such incident.
    """
    facts: Sequence[StoredFact] = await _rows(stores, tenant, incident_id)
    if as_of is not None:
        facts, _ = _known(facts, incident_id, as_of)
    if (found := evidence_in([decode(row.value) for row in facts], evidence_id)) is None:
        raise HTTPException(404, f"Incident {incident_id} holds no evidence {evidence_id}.")
    return EvidenceView.of(found)


@router.get(
    "/incidents/{incident_id}/grouping",
    summary="Why the incident's event is the error that it is",
    responses=_NO_SUCH,
)
async def get_grouping(stores: CurrentStores, tenant: CurrentTenant, incident_id: _Id) -> GroupingView:
    """Return what made the fingerprints of the event that fired the detector; 404 when there is no such incident, or
    while its event is not in the archive.
    """
    incident = await call(stores.incidents.get, tenant, IncidentId(incident_id))
    if incident is None:
        raise HTTPException(404, f"There is no incident {incident_id}.")
    event = await call(stores.evidence.event, tenant, incident.project_id, EventId(incident.event_id))
    grouping = kept.of_body(event.payload) if event else None
    if grouping is None:
        raise HTTPException(404, f"The archive has no grouping of event {incident.event_id} (yet, or any more).")
    return GroupingView.of(incident.event_id, grouping)


@router.get(
    "/projects/{project_id}/events/{event_id}",
    summary="One archived event, as scrubbed",
    tags=["events"],
    responses=_NO_SUCH,
)
async def get_event(
    stores: CurrentStores,
    tenant: CurrentTenant,
    project_id: Annotated[int, Path(ge=0, lt=1 << 63)],
    event_id: Annotated[str, Path(pattern="^[0-9a-f]{32}$")],
) -> dict[str, object]:
    """Return the event's body; 404 while it is not archived yet, or when it is not this tenant's."""
    event = await call(stores.evidence.event, tenant, ProjectId(project_id), EventId(event_id))
    if event is None:
        raise HTTPException(404, f"Event {event_id} is not in the archive of project {project_id}.")
    body: dict[str, object] = orjson.loads(event.payload)
    return body


async def _rows(stores: CurrentStores, tenant: TenantId, incident_id: str) -> list[StoredFact]:
    """Return all facts of the incident; 404 when this tenant has no such incident."""
    if await call(stores.incidents.get, tenant, IncidentId(incident_id)) is None:
        raise HTTPException(404, f"There is no incident {incident_id}.")
    facts: list[StoredFact] = []
    after = -1
    while page := await call(stores.incidents.timeline, tenant, IncidentId(incident_id), after, _PAGE):
        facts += page
        after = page[-1].offset
    return facts


def _known(rows: Sequence[StoredFact], incident_id: str, text: str) -> tuple[list[StoredFact], Incident]:
    """Return the facts that were known then and what they come to; 404 when the incident did not exist yet."""
    try:
        moment = parse_as_of(text)
    except ValueError as problem:
        raise Malformed(str(problem)) from problem
    found = known(rows, moment)
    incident = state(found)
    if incident is None:
        raise HTTPException(404, not_yet(incident_id, rows, moment))
    return found, incident


def _detail(incident: Incident, base_url: str, then: AsOfView | None = None) -> IncidentDetail:
    return IncidentDetail(
        as_of=then,
        incident=IncidentView.of(incident, base_url),
        grouping=f"{base_url}/incidents/{incident.id}/grouping",
        decisions=[DecisionView.of(decision) for decision in incident.decisions],
        cause=CauseView.of(incident.cause) if incident.cause else None,
        pull_requests=[PullRequestView.of(pull) for pull in incident.pull_requests],
        fix_release=incident.fix_release,
        fix_deployed_at=moment(incident.fix_deployed_at) if incident.fix_deployed_at is not None else None,
        failed_fixes=incident.failed_fixes,
    )
