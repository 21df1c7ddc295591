"""BuildContext: everything that the stores and the code tell of an incident, as evidence, and what is missing, as gaps.

Nothing is concluded here. The same stores give the same evidence, byte by byte.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence

from premortem.domain.archive import ArchivedEvent
from premortem.domain.decision import Decision
from premortem.domain.evidence import Made
from premortem.domain.ids import EventId, Fingerprint
from premortem.domain.observations import Releases
from premortem.domain.tasks import MOST_RECEIVES, BuildContext
from premortem.domain.timeline import ContextBuilt, IncidentDetected, IncidentFact, IncidentReopened
from premortem.domain.work import Answer, Work
from premortem.exceptions import Retryable
from premortem.ports import Administration, EvidenceStore, IncidentStore, SimilarIncidents, SourceCode
from premortem.workers.context import code_seen, events_seen, past, releases_seen
from premortem.workers.context.findings import Findings, Subject
from premortem.workers.context.fitting import fit
from premortem.workers.context.onset import BEFORE_MS, MINUTE_MS, onset
from premortem.workers.context.payloads import Payload, read_payload

AGENT, VERSION = "context", 1
_MOST_FINGERPRINTS = 20


class Contexts:
    """The handler."""

    def __init__(
        self,
        evidence: EvidenceStore,
        source: SourceCode,
        administration: Administration,
        similar: SimilarIncidents,
        incidents: IncidentStore,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._evidence, self._source, self._administration = evidence, source, administration
        self._similar, self._incidents, self._seconds = similar, incidents, seconds

    def __call__(self, work: Work[BuildContext]) -> Answer:
        """Return the context. Raises Retryable while the archive is behind or a store is away."""
        started = self._seconds()
        findings = Findings(work.receive_count)
        event = self._detected(work, findings)
        subject = self._subject(work, event, findings)
        payload = read_payload(event) if event else Payload()
        self._ask_archive(subject, event, payload, findings)
        self._ask_past(work, subject, payload, findings)
        evidence, dropped = fit(findings.drafts)
        for title in dropped:
            findings.miss("size", f"what did not fit: {title}", "It is in the archive and in the repository.")
        made = Made(
            by="rules",
            agent=AGENT,
            agent_version=VERSION,
            task_id=work.task.id,
            attempt=work.task.attempt,
            duration_ms=round((self._seconds() - started) * 1000),
        )
        fact = ContextBuilt(
            **work.heading(made.duration_ms),
            v=3,
            evidence_ids=tuple(each.id for each in evidence),
            missing=tuple(gap.id for gap in findings.gaps),
            evidence=evidence,
            gaps=tuple(findings.gaps),
            made=made,
        )
        return Answer(facts=(fact,))

    def _detected(self, work: Work[BuildContext], findings: Findings) -> ArchivedEvent | None:
        """Return the event that opened the incident; the archive is a moment behind the detector."""
        incident = work.incident
        found = self._evidence.event(incident.tenant_id, incident.project_id, EventId(_event_id(work)))
        if found is None and work.receive_count < MOST_RECEIVES:
            raise Retryable("the incident's event is not in the archive yet. Does archive run?")
        if found is None:
            how = "It is not in the archive: it was erased, or archive does not run."
            findings.miss("event", "the event that opened the incident", how, "unavailable")
        return found

    def _subject(self, work: Work[BuildContext], event: ArchivedEvent | None, findings: Findings) -> Subject:
        incident, decision = work.incident, _decision(work.facts)
        known = [*incident.fingerprints, *([event.fingerprint] if event else [])]
        fingerprints = tuple(dict.fromkeys(known))[:_MOST_FINGERPRINTS]
        now = max(work.task.at, decision.at)
        end = now - now % MINUTE_MS + MINUTE_MS
        start = decision.onset - decision.onset % MINUTE_MS - BEFORE_MS
        counts = self._counts(work, fingerprints, start, end)
        seen = onset(decision, counts, end)
        asked: dict[str, object] = {"tenant": incident.tenant_id, "project": incident.project_id,
                                    "fingerprints": fingerprints, "start": start, "end": end}  # fmt: skip
        minutes = (seen.latest - seen.earliest) // MINUTE_MS
        title = f"It began within these {minutes} minutes, by the {decision.detector} detector and the counts"
        findings.add("onset", title, "counts", asked, seen, untrusted=False)
        return Subject(
            incident=incident,
            task=work.task,
            fingerprints=fingerprints,
            environment=incident.environment or "",
            earliest=seen.earliest,
            latest=seen.latest,
            end=end,
        )

    def _counts(
        self, work: Work[BuildContext], fingerprints: Sequence[Fingerprint], start: int, end: int
    ) -> Counter[int]:
        found: Counter[int] = Counter()
        for fingerprint in fingerprints:
            for each in self._evidence.counts(work.task.tenant_id, work.task.project_id, fingerprint, start, end):
                found[each.minute] += each.count
        return found

    def _ask_archive(self, subject: Subject, event: ArchivedEvent | None, payload: Payload, findings: Findings) -> None:
        store = self._evidence
        releases = releases_seen.releases(store, subject, findings)
        self._ask_code(subject, event, payload, releases, findings)
        releases_seen.deploys(store, subject, findings)
        events_seen.attributes(store, subject, findings)
        if event:
            events_seen.representatives(store, subject, event, payload, findings)
        events_seen.differences(store, subject, findings)
        events_seen.reach(store, subject, findings)
        if not payload.breadcrumbs:
            findings.miss("breadcrumbs", "what happened before", "Let the SDK record breadcrumbs: logs become some.")

    def _ask_code(
        self,
        subject: Subject,
        event: ArchivedEvent | None,
        payload: Payload,
        releases: Releases | None,
        findings: Findings,
    ) -> None:
        incident = subject.incident
        release = event.release if event else incident.release or ""
        firsts = {each.release: each.first_seen for each in releases.releases} if releases else {}
        mapped = self._administration.repositories(incident.tenant_id, incident.project_id)
        known = code_seen.repositories(self._source, mapped, release, firsts.get(release, subject.latest), findings)
        failing = payload.failing()
        frames = failing.in_app() if failing else []
        if not frames:
            findings.miss(
                "frames", "where in the application it failed", "Send a stack trace with the application's frames."
            )
        elif not frames[0].variables:
            how = "Let the SDK record local variables, or log them before the statement that failed."
            findings.miss("local_variables", "the variables where it failed", how, instrumentable=True)
        codes = code_seen.code(self._source, known, frames, findings)
        pair = (releases.last_good, releases.first_bad) if releases else (None, None)
        code_seen.commits(self._source, known, codes, pair, subject, findings)

    def _ask_past(self, work: Work[BuildContext], subject: Subject, payload: Payload, findings: Findings) -> None:
        like = past.likeness(subject, payload)
        past.similar(self._similar, self._incidents, like, findings)
        self._similar.remember(like)
        past.learned(work.facts, findings)


def _decision(facts: Sequence[IncidentFact]) -> Decision:
    """Return the decision that opened the incident, or opened it again."""
    decisions = [
        fact.decision for fact in facts if isinstance(fact, IncidentDetected | IncidentReopened) and fact.decision
    ]
    return decisions[-1]


def _event_id(work: Work[BuildContext]) -> str:
    """Return the newest event that a detector fired upon."""
    named = [fact.event_id for fact in work.facts if isinstance(fact, IncidentReopened) and fact.event_id]
    return named[-1] if named else work.incident.event_id
