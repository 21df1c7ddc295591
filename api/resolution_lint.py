"""Resolution lint for the API: a resolution that no event would ever take back is refused, a weak one is warned of."""

from fastapi import HTTPException

from api.dependencies import Stores, call
from premortem.domain.incident import Incident
from premortem.domain.reopening import lint, sentence
from premortem.domain.timeline import IncidentFact


async def checked(stores: Stores, incident: Incident, fact: IncidentFact, *, anyway: bool) -> list[str]:
    """Return what is to be known of the resolution that the fact leads to; 409 when nothing could open it again.

    `anyway` makes a warning of the refusal. It asks the detector's newest checkpoint, without its errors
    (`bootstrap.held`); where there is none, nothing can be told and nothing is refused.
    """
    project = await call(stores.held, incident.project_id)
    if project is None:
        return []
    answer = await call(lint, incident, project, fact.occurred_at, fact)
    said = [sentence(answer.verdict, reason) for reason in answer.reasons]
    if answer.verdict == "never" and not anyway:
        raise HTTPException(409, f"{said[0]} To resolve it all the same, send `anyway`: true.")
    return said
