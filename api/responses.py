"""What a person answers to an incident: acknowledged, its cause confirmed or not, resolved, suppressed, or a note."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, HTTPException, Path, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError

from api.body import read_object
from api.dependencies import CurrentStores, CurrentTenant, call
from api.problems import refusals
from api.resolution_lint import checked
from api.schemas import body_of, moment
from premortem.domain import timeline
from premortem.domain.ids import IncidentId
from premortem.domain.responses import LONGEST_NAME, LONGEST_TEXT, Action, responded
from premortem.ports import Append
from premortem.sentry.scrub import scrub

router = APIRouter(tags=["incidents"], responses=refusals(400, 401, 404, 408, 409, 413, 422, 503))


class ResponseNotice(BaseModel):
    """What somebody says of an incident."""

    action: Action = Field(
        description="`note`, `assign` and `confirm_cause` move nothing. `suppress` needs `until`, `assign` needs "
        "`owner`; all need a text but `acknowledge`, `assign`, `confirm_cause` and `resolve`."
    )
    by: str = Field(min_length=1, max_length=LONGEST_NAME, description="Who says so.")
    text: str = Field("", max_length=LONGEST_TEXT, description="The reason, or what is the case instead.")
    until: datetime | None = Field(None, description="When a suppression ends: RFC 3339, within a year.")
    owner: str = Field("", max_length=LONGEST_NAME, description="Whose the incident is, for `assign`.")
    anyway: bool = Field(False, description="Resolve it also when nothing could ever open it again.")


class ResponseView(BaseModel):
    """The fact that it became; the same one when the same key was sent before."""

    id: str = Field(description="Of the fact on the timeline.")
    action: Action
    occurred_at: datetime
    timeline: str = Field(description="Where it appears as soon as it is folded.")
    warnings: list[str] = Field([], description="Of a resolution: why only a narrow case could open it again.")


@router.post(
    "/incidents/{incident_id}/responses",
    summary="Answer an incident, as a person",
    status_code=201,
    openapi_extra=body_of(ResponseNotice),
)
async def create_response(
    stores: CurrentStores,
    tenant: CurrentTenant,
    incident_id: Annotated[str, Path(max_length=64, description="An incident's id.")],
    request: Request,
    key: Annotated[
        str, Header(alias="Idempotency-Key", max_length=200, description="The same key again is the same answer.")
    ] = "",
) -> ResponseView:
    """Append the answer to the incident's timeline. Any token of the tenant may."""
    notice = _notice(await read_object(request), stores.salt)
    incident = await call(stores.incidents.get, tenant, IncidentId(incident_id))
    if incident is None:
        raise HTTPException(404, f"There is no incident {incident_id}.")
    now, until = stores.clock.now(), _milliseconds(notice.until)
    try:
        said = {"by": notice.by, "text": notice.text, "owner": notice.owner}
        fact = responded(incident, notice.action, **said, at=now, until=until, key=key)
    except ValueError as problem:
        raise HTTPException(422, str(problem)) from problem
    resolves = fact.action == "resolve"
    warnings = await checked(stores, incident, fact, anyway=notice.anyway) if resolves else []
    await stores.append([Append("debugging.timeline", incident.id, timeline.encode(fact))])
    return ResponseView(
        id=fact.id,
        action=fact.action,
        occurred_at=moment(fact.occurred_at),
        timeline=f"{stores.public_url}/incidents/{incident.id}/timeline",
        warnings=warnings,
    )


def _notice(value: dict[str, Any], salt: bytes) -> ResponseNotice:
    """Return what was sent, without secrets. Raises RequestValidationError, with the field's name."""
    value, _ = scrub(value, salt=salt)
    try:
        return ResponseNotice.model_validate(value)
    except ValidationError as exception:
        errors = [{**each, "loc": ("body", *each["loc"])} for each in exception.errors(include_url=False)]
        raise RequestValidationError(errors) from exception


def _milliseconds(until: datetime | None) -> int | None:
    if until is None:
        return None
    aware = until if until.tzinfo else until.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1000)
