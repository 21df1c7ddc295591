"""Outcomes: what became of each proposed cause, a fold of its incident's facts.

A person's newest word on a cause counts before any measurement. Without one, the verdict on its merged fix does:
effective = right, ineffective or harmful = wrong. A mitigation removes no cause, so what is measured of it says nothing
of one. A cause that claims nothing (inconclusive, no incident) has no outcome, nor has one that nobody judged.
"""

from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from premortem.domain.evidence import Made
from premortem.domain.ids import FactId
from premortem.domain.timeline import (
    EvaluationCompleted,
    FixApplied,
    FixProposed,
    HumanResponded,
    IncidentFact,
    PullRequestOpened,
    RootCauseProposed,
)

Outcome = Literal["right", "wrong", ""]
"""Empty = not known."""
_SAID: dict[str, Outcome] = {"confirm_cause": "right", "correct_cause": "wrong", "reject_cause": "wrong"}
_MEASURED: dict[str, Outcome] = {"effective": "right", "ineffective": "wrong", "harmful": "wrong"}


class ProposedCause(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A cause, and what became of it."""

    id: FactId
    at: int
    """When it was proposed (milliseconds since 1970 UTC)."""
    decided_by: str
    """Whose verdict it is (`decider`)."""
    reason: str
    """Why its confidence was capped."""
    claimed: float
    """The confidence after the cap, before outcomes were asked; 0 to 1."""
    claims: bool = True
    """It names a cause: what says that it does not know cannot be wrong."""
    mitigates: bool = False
    """Its newest patch only silences or avoids the error."""
    pull_request: tuple[str, int] | None = None
    """Repository and number of its newest fix."""
    in_force: bool = False
    """Its fix is the one that was merged last: what is measured now is measured of it."""
    said: Outcome = ""
    measured: Outcome = ""


Causes = tuple[ProposedCause, ...]
decode_causes = msgspec.json.Decoder(Causes).decode
"""The causes of an incident from its bytes."""


def outcome(cause: ProposedCause) -> Outcome:
    """Return what is known of the cause."""
    return cause.said or cause.measured if cause.claims else ""


def learned(causes: Causes, fact: IncidentFact) -> Causes:
    """Return the causes of an incident after `fact`."""
    match fact:
        case RootCauseProposed():
            return (*causes, _proposed(fact))
        case HumanResponded() if fact.action in _SAID:
            return _newest(causes, said=_SAID[fact.action])
        case FixProposed():
            return _newest(causes, mitigates=fact.form == "mitigation")
        case PullRequestOpened() if fact.purpose == "fix":
            return _newest(causes, pull_request=(fact.repository, fact.number))
        case FixApplied():
            return _merged(causes, (fact.repository, fact.number))
        case EvaluationCompleted():
            return _judged(causes, _MEASURED.get(fact.verdict, ""))
        case _:
            return causes


def decider(fact: RootCauseProposed) -> str:
    """Return whose verdict a cause is: the agent, its version and, where it chose what is suspected, the model.

    A model that only tells what the rules decided is not the one to be measured: the rules are.
    """
    if fact.decided_by or fact.made is None:
        return fact.decided_by or fact.agent
    if chosen_by_model(fact):
        return model_decides(fact.made)
    # Before version 4 of the fact, the rules that a model told were of version 1.
    return "rules 1" if fact.made.by == "model" else f"{fact.made.agent} {fact.made.agent_version}"


def model_decides(made: Made) -> str:
    """Return the decider that a model is where it chose what is suspected."""
    return f"{made.agent} {made.agent_version} by {made.model}"


def chosen_by_model(fact: RootCauseProposed) -> bool:
    """Tell whether the change that is suspected is a model's choice, and not that of the rules beside it."""
    if fact.made is None or fact.made.by != "model" or fact.baseline is None:
        return False
    return fact.suspect is not None and fact.suspect.commit != fact.baseline.suspect_commit


def _proposed(fact: RootCauseProposed) -> ProposedCause:
    return ProposedCause(
        id=fact.id,
        at=fact.occurred_at,
        decided_by=decider(fact),
        reason=fact.cap_reason,
        claimed=fact.claimed if fact.decided_by else fact.confidence,
        claims=fact.verdict in ("confirmed", "probable"),
    )


def _newest(causes: Causes, **known: object) -> Causes:
    return (*causes[:-1], replace(causes[-1], **known)) if causes else causes


def _merged(causes: Causes, pull_request: tuple[str, int]) -> Causes:
    if all(cause.pull_request != pull_request for cause in causes):
        return causes
    return tuple(replace(cause, in_force=cause.pull_request == pull_request) for cause in causes)


def _judged(causes: Causes, measured: Outcome) -> Causes:
    if not measured:
        return causes
    return tuple(
        replace(cause, measured=measured) if cause.in_force and not cause.mitigates else cause for cause in causes
    )
