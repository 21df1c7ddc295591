"""The timeline (`debugging.timeline`): the closed union of facts about incidents, in the past tense.

Key = incident id. A fact's id is derived from what caused it, so the same fact written twice is one fact. Times are
integers: milliseconds since 1970, UTC. Offsets and `recorded_at` belong to the log and are never inside a fact.
"""

from typing import Literal

import msgspec
from msgspec import Struct

from premortem.domain.decision import Decision
from premortem.domain.ids import FactId, Fingerprint, IncidentId, ProjectId, TenantId
from premortem.domain.project_stream import Level

Severity = Literal["low", "medium", "high", "critical"]


class _Fact(Struct, frozen=True, tag_field="kind", omit_defaults=True, kw_only=True):
    """What every fact says: its id, whose incident it is about, and when it happened (event time)."""

    id: FactId
    incident_id: IncidentId
    tenant_id: TenantId
    project_id: ProjectId
    occurred_at: int
    v: int = 1


class IncidentDetected(_Fact, frozen=True, tag="IncidentDetected", omit_defaults=True, kw_only=True):
    """A detector opened an incident; the decision carries its numbers."""

    fingerprint: Fingerprint
    title: str
    culprit: str
    severity: Severity
    level: Level
    decision: Decision
    event_id: str
    """The event whose arrival fired the detector."""
    first_seen: int
    platform: str = "other"
    release: str | None = None
    environment: str | None = None
    origin_url: str | None = None
    handled: bool | None = None


class IncidentGrew(_Fact, frozen=True, tag="IncidentGrew", omit_defaults=True, kw_only=True):
    """Another signal joined: a sibling fingerprint, or a new finding about the same one."""

    fingerprint: Fingerprint
    severity: Severity
    decision: Decision
    event_id: str
    title: str = ""
    """Of the error that joined, from version 2 on; empty where an incident hands over what was merged."""


class IncidentMerged(_Fact, frozen=True, tag="IncidentMerged", omit_defaults=True, kw_only=True):
    """This incident proved to be part of another one; both timelines stay."""

    into: IncidentId


class ContextBuilt(_Fact, frozen=True, tag="ContextBuilt", omit_defaults=True, kw_only=True):
    """Evidence was gathered and frozen; `missing` names what was asked for and could not be had."""

    evidence_ids: tuple[str, ...]
    missing: tuple[str, ...] = ()


class RootCauseProposed(_Fact, frozen=True, tag="RootCauseProposed", omit_defaults=True, kw_only=True):
    """An analyst named a cause, or said that it cannot."""

    verdict: Literal["confirmed", "probable", "inconclusive", "not_an_incident"]
    summary: str
    confidence: float
    agent: str


class InstrumentationProposed(_Fact, frozen=True, tag="InstrumentationProposed", omit_defaults=True, kw_only=True):
    """The cause could not be told for want of data; this patch would record it next time."""

    summary: str
    patch: str


class FixProposed(_Fact, frozen=True, tag="FixProposed", omit_defaults=True, kw_only=True):
    """A patch that should remove the cause."""

    summary: str
    patch: str


class PullRequestOpened(_Fact, frozen=True, tag="PullRequestOpened", omit_defaults=True, kw_only=True):
    """A draft pull request holds the patch."""

    repository: str
    number: int
    url: str
    branch: str


class FixApplied(_Fact, frozen=True, tag="FixApplied", omit_defaults=True, kw_only=True):
    """The pull request was merged. Merged is not deployed."""

    repository: str
    number: int
    commit: str


class FixDeployed(_Fact, frozen=True, tag="FixDeployed", omit_defaults=True, kw_only=True):
    """The release that carries the fix was seen in the environment. Deployed is not verified."""

    release: str
    environment: str
    inferred: bool
    """True when no deploy was reported and the first event of the release stands for it."""


class EvaluationCompleted(_Fact, frozen=True, tag="EvaluationCompleted", omit_defaults=True, kw_only=True):
    """Error rates before and after the deploy were compared."""

    verdict: Literal["fixed", "not_fixed", "inconclusive"]
    summary: str


class IncidentResolved(_Fact, frozen=True, tag="IncidentResolved", omit_defaults=True, kw_only=True):
    """The incident is over: by measurement, by a person, or because its errors stayed quiet."""

    reason: Literal["verified", "by_person", "quiet"]
    by: str | None = None
    release: str | None = None
    """The release that holds the fix; older ones only leave residue."""


class IncidentReopened(_Fact, frozen=True, tag="IncidentReopened", omit_defaults=True, kw_only=True):
    """The errors came back after a resolution, in a release that should not have had them."""

    reason: str
    event_id: str | None = None
    decision: Decision | None = None
    """What the detector compared; None when a person re-opened it."""


class IncidentSuppressed(_Fact, frozen=True, tag="IncidentSuppressed", omit_defaults=True, kw_only=True):
    """A person said that this is no incident, or not now."""

    reason: str
    by: str | None = None


class TaskFailed(_Fact, frozen=True, tag="TaskFailed", omit_defaults=True, kw_only=True):
    """A worker gave a task up."""

    task_id: str
    stage: str
    reason: str


class HumanResponded(_Fact, frozen=True, tag="HumanResponded", omit_defaults=True, kw_only=True):
    """A person answered what the incident was waiting for, or left a note."""

    by: str
    text: str


class TimelineTicked(Struct, frozen=True, tag_field="kind", tag="TimelineTicked", omit_defaults=True, kw_only=True):
    """The gateway's clock passed `at`; belongs to no incident."""

    at: int
    v: int = 1


IncidentFact = (
    IncidentDetected
    | IncidentGrew
    | IncidentMerged
    | ContextBuilt
    | RootCauseProposed
    | InstrumentationProposed
    | FixProposed
    | PullRequestOpened
    | FixApplied
    | FixDeployed
    | EvaluationCompleted
    | IncidentResolved
    | IncidentReopened
    | IncidentSuppressed
    | TaskFailed
    | HumanResponded
)
TimelineEvent = IncidentFact | TimelineTicked

_ENCODER = msgspec.json.Encoder(order="deterministic")
_DECODER = msgspec.json.Decoder(TimelineEvent)

encode = _ENCODER.encode
"""Fact to bytes; equal facts give equal bytes."""

decode = _DECODER.decode
"""Bytes to fact. Raises `msgspec.DecodeError` (a ValueError) for bytes that no version of ours wrote."""
