"""What was learned before: similar incidents and what ended them; people's corrections; fixes that did not help."""

from collections.abc import Sequence

from premortem.domain import timeline
from premortem.domain.ids import IncidentId, TenantId
from premortem.domain.incident import FAILED
from premortem.domain.likeness import Vector, vector
from premortem.domain.observations import Correction, FailedFix, Similar, SimilarIncident
from premortem.domain.timeline import EvaluationCompleted, FixApplied, FixProposed, HumanResponded, IncidentFact
from premortem.ports import Alike, IncidentStore, Lookalike, SimilarIncidents
from premortem.workers.context.findings import Findings, Subject
from premortem.workers.context.payloads import Payload
from premortem.workers.context.texts import cut

_MOST, _LEAST_SIMILARITY = 5, 0.5
_PAGE, _LONGEST, _LONGEST_PATCH = 1_000, 1_000, 8 << 10


def likeness(subject: Subject, payload: Payload) -> Lookalike:
    """Return the incident by what its stack looks like."""
    failing = payload.failing()
    frames = list(reversed(failing.in_app())) if failing else []
    types = [exception.type for exception in payload.exceptions if exception.type]
    like: Vector = vector(
        types, [(frame.filename or frame.module, frame.function) for frame in frames], subject.incident.title
    )
    return Lookalike(
        tenant_id=subject.incident.tenant_id,
        project_id=subject.incident.project_id,
        incident_id=subject.incident.id,
        opened_at=subject.incident.opened_at,
        vector=like,
    )


def similar(memory: SimilarIncidents, incidents: IncidentStore, like: Lookalike, findings: Findings) -> None:
    """Find the incidents that looked alike, and what ended them."""
    near = memory.nearest(like.tenant_id, like.vector, like.opened_at, _MOST)
    found = [
        told
        for each in near
        if each.similarity >= _LEAST_SIMILARITY and (told := _told(incidents, like.tenant_id, each)) is not None
    ]
    if not found:
        findings.miss("similar", "an incident of the past that looked alike", "There is none yet: it is the first.")
        return
    fixed = sum(bool(each.fix_commit) for each in found)
    asked: dict[str, object] = {"tenant": like.tenant_id, "before": like.opened_at, "limit": _MOST}
    title = f"{len(found)} incidents of the past looked alike, {fixed} of them were fixed"
    findings.add("similar", title, "nearest", asked, Similar(incidents=tuple(found)))


def _told(incidents: IncidentStore, tenant: TenantId, near: Alike) -> SimilarIncident | None:
    incident = incidents.get(tenant, near.incident_id)
    if incident is None:
        return None
    commit, summary = "", ""
    if incident.status == "resolved":
        for fact in _facts(incidents, tenant, near.incident_id):
            if isinstance(fact, FixProposed) and not commit:
                summary = fact.summary
            elif isinstance(fact, FixApplied):
                commit = fact.commit
            elif isinstance(fact, EvaluationCompleted) and fact.verdict in FAILED:
                commit, summary = "", ""
    return SimilarIncident(
        incident_id=near.incident_id,
        similarity=near.similarity,
        title=cut(incident.title, _LONGEST),
        cause=cut(incident.cause.summary, _LONGEST) if incident.cause else "",
        fix_commit=commit,
        fix_summary=cut(summary, _LONGEST) if commit else "",
    )


def _facts(incidents: IncidentStore, tenant: TenantId, incident_id: IncidentId) -> Sequence[IncidentFact]:
    stored = incidents.timeline(tenant, incident_id, -1, _PAGE)
    decoded = [timeline.decode(row.value) for row in stored]
    return [fact for fact in decoded if not isinstance(fact, timeline.TimelineTicked)]


def learned(facts: Sequence[IncidentFact], findings: Findings) -> None:
    """Find what people said to earlier proposals of this incident, and which fixes of it did not help."""
    fix: FixProposed | None = None
    for fact in facts:
        if isinstance(fact, FixProposed):
            fix = fact
        elif isinstance(fact, HumanResponded) and fact.action in ("correct_cause", "reject_cause", "reject_fix"):
            said = Correction(action=fact.action, at=fact.occurred_at, text=cut(fact.text, _LONGEST))
            title = f"A person's answer: {fact.action.replace('_', ' ')}"
            findings.add("correction", title, "timeline", {"fact": fact.id}, said, untrusted=False)
        elif isinstance(fact, EvaluationCompleted) and fact.verdict in FAILED and fix is not None:
            failed = FailedFix(
                summary=cut(fix.summary, _LONGEST),
                patch=cut(fix.patch, _LONGEST_PATCH),
                release=fact.release or "",
                verdict=fact.verdict,
                measured=cut(fact.summary, _LONGEST),
            )
            title = f"A fix that was {fact.verdict.replace('_', ' ')}"
            findings.add("failed_fix", title, "timeline", {"fix": fix.id, "verdict": fact.id}, failed)
