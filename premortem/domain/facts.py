"""Facts: what the timeline (`debugging.timeline`) tells about incidents, in the past tense; one closed union.

Key = incident id. A fact's id is derived from what caused it, so the same fact written twice is one fact. Times are
integers: milliseconds since 1970, UTC. Offsets and `recorded_at` belong to the log and are never inside a fact.
"""

from typing import Literal

from msgspec import Struct

from premortem.domain.decision import Decision
from premortem.domain.evidence import (
    CausalStep,
    Check,
    CodeLocation,
    Edit,
    Evidence,
    Gap,
    Hypothesis,
    Made,
    SuspectChange,
)
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
    suppressed_by: str = ""
    """The rule that suppresses it from its first moment on, from version 2 on; `IncidentSuppressed` follows."""
    tag_hashes: tuple[str, ...] = ()
    """Of the event, from version 3 on: what a rule that names a tag was matched with."""


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
    detector_version: int = 0
    """Of the detector that said so, from version 2 on; 0 = not said."""


class ContextBuilt(_Fact, frozen=True, tag="ContextBuilt", omit_defaults=True, kw_only=True):
    """Evidence was gathered; `missing` names what was asked for and could not be had. Version 2 holds it all."""

    evidence_ids: tuple[str, ...]
    missing: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    gaps: tuple[Gap, ...] = ()
    made: Made | None = None


class Baseline(Struct, frozen=True, kw_only=True):
    """What the rules said beside a model: what it has to be better than."""

    agent: str
    verdict: str
    summary: str
    confidence: float
    suspect_commit: str


class RootCauseProposed(_Fact, frozen=True, tag="RootCauseProposed", omit_defaults=True, kw_only=True):
    """An analyst named a cause, or said that it cannot. From version 2 on with everything that it rests on."""

    verdict: Literal["confirmed", "probable", "inconclusive", "not_an_incident"]
    summary: str
    confidence: float
    """What counts: the raw one after the cap, calibrated where outcomes are known; 0 to 1."""
    agent: str
    hypotheses: tuple[Hypothesis, ...] = ()
    chain: tuple[CausalStep, ...] = ()
    suspect: SuspectChange | None = None
    suspect_rule: str = ""
    """The rule that selected the suspect change, or why there is none."""
    location: CodeLocation | None = None
    """Where the code is that fails."""
    raw_confidence: float = 0.0
    cap: float = 1.0
    cap_reason: str = ""
    missing: tuple[Gap, ...] = ()
    next_action: str = ""
    next_action_risk: str = ""
    dropped: tuple[str, ...] = ()
    """Claims that the rules of evidence took out, a sentence each."""
    baseline: Baseline | None = None
    made: Made | None = None
    decided_by: str = ""
    """From version 4 on: whose verdict this is (`calibration.decider`), and what became of causes like it before."""
    claimed: float = 0.0
    """The confidence after the cap, before outcomes were asked."""
    observed_right: int = 0
    observed_cases: int = 0
    """Earlier causes of the same decider and cap whose outcome was known then, those of the benchmark included."""
    benchmark_cases: int = 0
    """How many of them the benchmark lent."""
    least_cases: int = 0
    """Fewer cases than so many open no pull request."""
    raw_verdict: str = ""
    """What the analyst itself would have decided, whatever counts: a model's, where it only tells."""
    raw_suspect: str = ""
    """The commit that it suspects by itself, if what was observed shows it."""


class InstrumentationProposed(_Fact, frozen=True, tag="InstrumentationProposed", omit_defaults=True, kw_only=True):
    """The cause could not be told for want of data; this patch would record it next time."""

    summary: str
    patch: str
    """A unified diff."""
    gap: str = ""
    """Id of the missing piece of context that it supplies."""
    separates: tuple[str, ...] = ()
    """Ids of the hypotheses that it will tell apart."""
    settles: str = ""
    """The value that would settle it."""
    repository: str = ""
    base_commit: str = ""
    edits: tuple[Edit, ...] = ()
    checks: tuple[Check, ...] = ()
    ready: bool = False
    """Every required check passed: a pull request may be opened."""
    made: Made | None = None


class FixProposed(_Fact, frozen=True, tag="FixProposed", omit_defaults=True, kw_only=True):
    """A patch that should remove the cause."""

    summary: str
    patch: str
    """A unified diff."""
    form: Literal["fix", "revert", "mitigation"] = "fix"
    """mitigation = it silences or avoids the error, and removes no cause."""
    repository: str = ""
    base_commit: str = ""
    edits: tuple[Edit, ...] = ()
    explanation: str = ""
    risk: str = ""
    rollback: str = ""
    success: str = ""
    """What will be seen when it works."""
    checks: tuple[Check, ...] = ()
    ready: bool = False
    """Every required check passed: a pull request may be opened."""
    made: Made | None = None


class PullRequestOpened(_Fact, frozen=True, tag="PullRequestOpened", omit_defaults=True, kw_only=True):
    """A draft pull request holds the patch."""

    repository: str
    number: int
    url: str
    branch: str
    purpose: Literal["fix", "instrumentation"] = "fix"
    base_commit: str = ""
    head_commit: str = ""
    made: Made | None = None
    owners: tuple[str, ...] = ()
    """Of the changed files, as the repository's CODEOWNERS names them, from version 4 on."""


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
    commit: str = ""
    """The merge that the release carries."""
    carries: Literal["ancestor", "order"] = "order"
    """How that is known: git says so, or only that the release was first seen after the merge."""
    deployed_at: int = 0
    """When the release reached the environment, which may be long before anybody looked; 0 = `occurred_at`."""


class Comparison(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Two rates, side by side: events over exposure (sessions or minutes), and an exact test between them."""

    against: Literal["same_hours", "onset_to_fix", "concurrent_releases", "new_errors"]
    """new_errors = not events but errors that nobody had seen before are counted."""
    unit: Literal["sessions", "minutes"]
    before_events: int
    before_exposure: int
    after_events: int
    after_exposure: int
    needed_exposure: int
    """Exposure after the deploy that was fixed beforehand as the least for a verdict; 0 = this one has no say alone."""
    least_exposure: int = 0
    most_exposure: int = 0
    """What the exposure after the deploy may really have been: a fall is measured by the least, a rise by the most."""
    dispersion: float = 1.0
    """Events that count as one, because they come together: variance over mean, measured before the deploy."""
    ratio: float | None = None
    """Rate after over rate before; None = nothing before."""
    low: float | None = None
    high: float | None = None
    """Bounds of the 95 % interval of the ratio: the lower one by the most exposure, the upper one by the least."""
    p_lower: float = 1.0
    """Chance of so few events or fewer after, if nothing had changed."""
    p_higher: float = 1.0


class EvaluationCompleted(_Fact, frozen=True, tag="EvaluationCompleted", omit_defaults=True, kw_only=True):
    """Error rates before and after the deploy were compared. Version 2 speaks of effects and carries the numbers."""

    verdict: Literal["fixed", "not_fixed", "effective", "ineffective", "harmful", "inconclusive"]
    """The first two are how version 1 said effective and ineffective: no reader meets them (`upcast`)."""
    summary: str
    reason: str = ""
    """What decided, in a word: fell, stayed, moved, rose, new_errors; why inconclusive: underpowered, no_traffic,
    subsided, not_deployed."""
    release: str | None = None
    environment: str | None = None
    comparisons: tuple[Comparison, ...] = ()
    siblings: tuple[Fingerprint, ...] = ()
    """Errors first seen on the fix's release in the frames that it changed."""
    look_again_at: int | None = None
    """When to measure anew; None = this verdict is final."""
    made: Made | None = None
    evidence: tuple[Evidence, ...] = ()
    """What was counted, per release, before and after."""


Effect = Literal["effective", "ineffective", "harmful", "inconclusive"]


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
    rule: str = ""
    """The rule that said so, from version 2 on; empty = a person did, about this incident alone."""
    until: int | None = None
    detector_version: int = 0
    """Of the detector that applied the rule, from version 3 on; 0 = not said, or a person did."""


class TaskFailed(_Fact, frozen=True, tag="TaskFailed", omit_defaults=True, kw_only=True):
    """A worker gave a task up."""

    task_id: str
    stage: str
    """The queue, without `-tasks`, or `policy`; version 1 said the task's kind."""
    reason: str
    attempts: int = 1


class HumanResponded(_Fact, frozen=True, tag="HumanResponded", omit_defaults=True, kw_only=True):
    """A person answered what the incident was waiting for, or left a note. Version 2 says what the answer was."""

    by: str
    text: str
    action: Literal[
        "note",
        "acknowledge",
        "correct_cause",
        "reject_cause",
        "reject_fix",
        "resolve",
        "suppress",
        "confirm_cause",
        "assign",
    ] = "note"
    """`confirm_cause` from version 3 on, `assign` from version 4 on."""
    until: int | None = None
    """When a suppression ends."""
    url: str = ""
    """Where it was said, when elsewhere: a review, a closed pull request."""
    owner: str = ""
    """Whose the incident is from here on."""


class Changed(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What was another when a question was asked again."""

    model: str = ""
    """Its name; empty = the rules alone answered."""
    prompt_hash: str = ""
    """SHA-256 (hex) of the instructions that were given in place of ours; empty = ours."""
    budget_tokens: int = 0
    """What the answer might take; 0 = the rules take nothing."""


class AnswerReconsidered(_Fact, frozen=True, tag="AnswerReconsidered", omit_defaults=True, kw_only=True):
    """A question was asked again on the evidence that was stored for it. It stands beside the old answer: it moves no
    status, and nothing follows from it.
    """

    stage: Literal["rca"]
    reconsiders: FactId
    """The answer that was asked for again."""
    answer: RootCauseProposed
    """What would have stood there instead, with who made it and what that took."""
    changed: Changed


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
    | AnswerReconsidered
)
TimelineEvent = IncidentFact | TimelineTicked
