"""What a person says of an incident, as a fact; and what must be said for it to be one."""

from typing import Literal

from premortem.domain.ids import FactId, derive
from premortem.domain.incident import Incident
from premortem.domain.timeline import HumanResponded

Action = Literal[
    "note",
    "acknowledge",
    "assign",
    "confirm_cause",
    "correct_cause",
    "reject_cause",
    "reject_fix",
    "resolve",
    "suppress",
]
LONGEST_TEXT, LONGEST_NAME = 4000, 100
_NEEDS_TEXT = ("note", "correct_cause", "reject_cause", "reject_fix", "suppress")
_LONGEST_SUPPRESSION_MS = 366 * 24 * 3_600_000
_OVER = ("resolved", "suppressed")
_STILL_TAKEN = ("note", "confirm_cause", "reject_cause")
"""Of an incident that is over: what moves nothing then. Whether its cause was right is often known only afterwards."""


def responded(
    incident: Incident,
    action: Action,
    *,
    by: str,
    text: str,
    at: int,
    until: int | None = None,
    owner: str = "",
    key: str = "",
) -> HumanResponded:
    """Return the fact. The same `key` for the same incident gives the same one; without a key, the same words at the
    same time do. `until` is when a suppression ends (ms), at most a year after `at`; `owner` is whose it is assigned.

    Raises ValueError, with what is missing, when it does not say enough, when there is no cause to confirm, and for an
    incident that is over, of which only notes are taken, and whether its cause was right.
    """
    if not by.strip():
        raise ValueError("who says so? Name a person in `by`.")
    if action in _NEEDS_TEXT and not text.strip():
        raise ValueError(f"{action} needs a text: the reason, or what is the case instead.")
    if (action == "assign") != bool(owner.strip()):
        raise ValueError("assign, and nothing else, needs `owner`: whose the incident is.")
    if max(len(by), len(owner)) > LONGEST_NAME or len(text) > LONGEST_TEXT:
        raise ValueError(f"a name has at most {LONGEST_NAME} characters, a text at most {LONGEST_TEXT}.")
    if (action == "suppress") != (until is not None):
        raise ValueError("a suppression, and nothing else, needs `until`: when it ends.")
    if until is not None and not at < until <= at + _LONGEST_SUPPRESSION_MS:
        raise ValueError("a suppression ends later than now, and within a year.")
    if action == "confirm_cause" and incident.cause is None:
        raise ValueError("no cause was proposed yet, so there is none to confirm.")
    if incident.status in _OVER and action not in _STILL_TAKEN:
        raise ValueError(f"the incident is {incident.status} already. Leave a note, or wait until it comes back.")
    named = (incident.tenant_id, incident.id, *((key,) if key else (action, by, text, owner, until or 0, at)))
    return HumanResponded(
        id=FactId(derive("response by key" if key else "response", *named)),
        incident_id=incident.id,
        tenant_id=incident.tenant_id,
        project_id=incident.project_id,
        occurred_at=at,
        v=4,
        by=by.strip(),
        text=text.strip(),
        action=action,
        until=until,
        owner=owner.strip(),
    )
