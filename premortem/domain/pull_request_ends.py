"""What people do with a pull request, as facts with ids from what happened: whoever hears of it, and however often, it
is one fact.
"""

from msgspec import Struct

from premortem.domain.ids import FactId, derive
from premortem.domain.incident import Incident
from premortem.domain.timeline import FixApplied, HumanResponded


class Said(Struct, frozen=True, kw_only=True):
    """Words of a person about a pull request; `at` in milliseconds since 1970 UTC."""

    by: str
    text: str
    url: str
    at: int


def merged(incident: Incident, repository: str, number: int, commit: str, at: int) -> FixApplied:
    """Return that the pull request was merged as `commit`."""
    return FixApplied(
        id=FactId(derive("pull request merged", incident.id, repository, number, commit)),
        incident_id=incident.id,
        tenant_id=incident.tenant_id,
        project_id=incident.project_id,
        occurred_at=at,
        repository=repository,
        number=number,
        commit=commit,
    )


def closed(incident: Incident, repository: str, number: int, said: Said) -> HumanResponded:
    """Return that the pull request was closed without being merged; the address said must be its own."""
    return HumanResponded(
        id=FactId(derive("pull request closed", incident.id, repository, number)),
        incident_id=incident.id,
        tenant_id=incident.tenant_id,
        project_id=incident.project_id,
        occurred_at=said.at,
        v=3,
        by=said.by,
        text=said.text,
        action="reject_fix",
        url=said.url,
    )


def noted(incident: Incident, said: Said) -> HumanResponded:
    """Return what was said in a comment or a review; its address tells it from others."""
    return HumanResponded(
        id=FactId(derive("said of a pull request", incident.id, said.url)),
        incident_id=incident.id,
        tenant_id=incident.tenant_id,
        project_id=incident.project_id,
        occurred_at=said.at,
        v=3,
        by=said.by,
        text=said.text,
        url=said.url,
    )
