"""The read API's answers: what a person or a program sees of an incident."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from pydantic import BaseModel, Field

from api.work_views import CauseView, PullRequestView
from premortem.domain.decision import Decision, explain
from premortem.domain.fingerprint import Grouping
from premortem.domain.incident import Incident, Status
from premortem.domain.timeline import Severity
from premortem.ports import StoredFact

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(milliseconds: int) -> datetime:
    """Return the moment `milliseconds` after 1970 UTC, exactly."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


class GateView(BaseModel):
    """One comparison that a detector made."""

    name: str
    observed: float
    limit: float
    passed: bool


class DecisionView(BaseModel):
    """Why a detector fired: its numbers, and one sentence."""

    detector: str = Field(description="`novelty` or `spike`.")
    detector_version: int
    at: datetime
    onset: datetime = Field(description="Where the change is thought to begin.")
    reason: str = Field(description="One sentence for a person.")
    gates: list[GateView]
    window_minutes: int | None = None
    observed: int | None = None
    expected: float | None = None
    dispersion: float | None = None
    score: float | None = None
    threshold: float | None = None

    @classmethod
    def of(cls, decision: Decision) -> "DecisionView":
        """Return the view of a decision."""
        return cls(
            detector=decision.detector,
            detector_version=decision.detector_version,
            at=moment(decision.at),
            onset=moment(decision.onset),
            reason=explain(decision),
            gates=[GateView(**msgspec.structs.asdict(gate)) for gate in decision.gates],
            window_minutes=decision.window_minutes,
            observed=decision.observed,
            expected=decision.expected,
            dispersion=decision.dispersion,
            score=decision.score,
            threshold=decision.threshold,
        )


class IncidentView(BaseModel):
    """An incident in a list."""

    id: str
    project_id: int
    status: Status
    severity: Severity
    level: str
    title: str
    culprit: str
    platform: str
    environment: str | None
    release: str | None
    handled: bool | None
    first_seen: datetime
    opened_at: datetime
    updated_at: datetime
    reason: str = Field(description="Why it was opened, in one sentence.")
    origin: str = Field(description="Where to open the event that fired the detector.")
    fingerprints: list[str]
    merged_into: str | None = None
    owner: str | None = Field(None, description="Whose it is: as a person said, or of the code that a fix changes.")
    acknowledged_by: str | None = Field(None, description="Who looks into it.")
    url: str

    @classmethod
    def of(cls, incident: Incident, base_url: str) -> "IncidentView":
        """Return the view; `base_url` is where this API is reached."""
        own = f"{base_url}/projects/{incident.project_id}/events/{incident.event_id}"
        return cls(
            id=incident.id,
            project_id=incident.project_id,
            status=incident.status,
            severity=incident.severity,
            level=incident.level,
            title=incident.title,
            culprit=incident.culprit,
            platform=incident.platform,
            environment=incident.environment,
            release=incident.release,
            handled=incident.handled,
            first_seen=moment(incident.first_seen),
            opened_at=moment(incident.opened_at),
            updated_at=moment(incident.updated_at),
            reason=explain(incident.decisions[0]),
            origin=_http_or(incident.origin_url, own),
            fingerprints=list(incident.fingerprints),
            merged_into=incident.merged_into,
            owner=incident.owner,
            acknowledged_by=incident.acknowledged_by,
            url=f"{base_url}/incidents/{incident.id}",
        )


class AsOfView(BaseModel):
    """How much of the timeline was known at the moment that was asked about."""

    facts: int
    later: int = Field(description="Facts that were not known yet, and are left out.")
    position: int = Field(description="Of the last fact that was known, on the timeline.")
    occurred_at: datetime = Field(description="When the last of those facts happened.")

    @classmethod
    def of(cls, known: Sequence[StoredFact], all_of_them: int) -> "AsOfView":
        """Return the view of at least one known fact, out of so many."""
        return cls(
            facts=len(known),
            later=all_of_them - len(known),
            position=known[-1].offset,
            occurred_at=moment(max(fact.occurred_at for fact in known)),
        )


class IncidentDetail(BaseModel):
    """One incident with every decision about it."""

    incident: IncidentView
    as_of: AsOfView | None = Field(None, description="Null = as it is now.")
    decisions: list[DecisionView]
    grouping: str = Field(description="Where to read why the event that fired the detector is this error.")
    cause: CauseView | None = Field(description="Null until somebody has analysed it.")
    pull_requests: list[PullRequestView]
    fix_release: str | None = Field(description="The release that carries the newest fix, once it was seen.")
    fix_deployed_at: datetime | None
    failed_fixes: int = Field(description="How many fixes were measured and did not help.")


class GroupedValueView(BaseModel):
    """One thing that two events must have in common to be the same error."""

    role: str = Field(description="What it is: `module`, `function`, `type`, `message`, `fingerprint`...")
    value: str


class VariantView(BaseModel):
    """One way to see an event: by the application's frames, by all frames, by its message."""

    name: str
    strategy: str = Field(description="What decided: `exception`, `stacktrace`, `message`, `fingerprint`...")
    fingerprint: str = Field(description="The MD5 of the values, one behind the other.")
    values: list[GroupedValueView]


class GroupingView(BaseModel):
    """Why an event belongs to its incident: two events are one error when they share a fingerprint."""

    event_id: str
    version: int = Field(description="Of the rules that made it.")
    variants: list[VariantView] = Field(description="The strongest first.")

    @classmethod
    def of(cls, event_id: str, grouping: Grouping) -> "GroupingView":
        """Return the view of an event's grouping."""
        variants = [
            VariantView(
                name=variant.name,
                strategy=variant.strategy,
                fingerprint=variant.hash,
                values=[GroupedValueView(role=role, value=value) for role, value in variant.values],
            )
            for variant in grouping.variants
        ]
        return cls(event_id=event_id, version=grouping.version, variants=variants)


class IncidentPage(BaseModel):
    """A page of incidents, newest first."""

    incidents: list[IncidentView]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last one.")


class FactView(BaseModel):
    """One fact of a timeline."""

    id: str
    kind: str
    occurred_at: datetime
    position: int = Field(description="Its place on the timeline; pass the last one as `after` for what follows.")
    fact: dict[str, Any]

    @classmethod
    def of(cls, stored: StoredFact) -> "FactView":
        """Return the view of a stored fact."""
        return cls(
            id=stored.fact_id,
            kind=stored.kind,
            occurred_at=moment(stored.occurred_at),
            position=stored.offset,
            fact=msgspec.json.decode(stored.value),
        )


class TimelinePage(BaseModel):
    """Facts of one incident in order."""

    facts: list[FactView]


class ReleaseNotice(BaseModel):
    """A release, as sentry-cli announces it; other keys are ignored."""

    version: str = Field(min_length=1)


class ProjectSlug(BaseModel):
    """A project by its short name."""

    slug: str


class ReleaseView(BaseModel):
    """A release, as Sentry shows it."""

    version: str
    organization: str
    projects: list[ProjectSlug]


class DeployNotice(BaseModel):
    """A deploy, as sentry-cli tells of it; other keys are ignored."""

    environment: str = Field(min_length=1, max_length=64, description="Without a slash or a line end.")
    name: str | None = Field(None, description="Cut to 64 characters.")
    url: str | None = Field(None, description="Where to read about it; http or https.")
    dateStarted: str | float | None = None  # noqa: N815 -- Sentry's spelling
    dateFinished: str | float | None = Field(None, description="When it was done; now if left out.")  # noqa: N815
    projects: list[str] | None = Field(
        None, description="Slugs of the projects; every one of the tenant's if left out."
    )


class DeployView(BaseModel):
    """A deploy, as Sentry shows it."""

    id: str
    environment: str
    name: str | None
    url: str | None
    dateStarted: None = None  # noqa: N815 -- Sentry's spelling
    dateFinished: datetime  # noqa: N815


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return the `openapi_extra` of a route that reads its body by itself, within limits: a document of this model."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": model.model_json_schema()}}}}


def _http_or(url: str | None, fallback: str) -> str:
    """Return `url` when it is an http(s) address (it came with an event, so it may be anything), else `fallback`."""
    return url if url and url.startswith(("https://", "http://")) else fallback
