"""What the archive tells of the failing events: which stand for others, what they carry, what differs, their reach."""

from collections.abc import Sequence
from functools import partial
from typing import Literal

from premortem.domain.archive import ArchivedEvent
from premortem.domain.ids import EventId
from premortem.domain.observations import (
    BlastRadius,
    Differences,
    EventSeen,
    ExceptionSeen,
    FrameSeen,
    OverRepresented,
)
from premortem.ports import Errors, EvidenceStore
from premortem.workers.context import differing, standing_out
from premortem.workers.context.findings import Findings, Subject
from premortem.workers.context.onset import DAY_MS
from premortem.workers.context.payloads import Payload, ReadException, ReadFrame, read_payload
from premortem.workers.context.texts import cut

_SAMPLE = 20
_ATTRIBUTES = 500
_LEAST_BEFORE = 20
"""Of fewer events of the same errors before, those of all errors are compared with."""
_WEEK_MS = 7 * DAY_MS
_HOUR_MS = 3_600_000
_MOST_EXCEPTIONS, _MOST_FRAMES, _WITH_VARIABLES, _MOST_TAGS, _MOST_BREADCRUMBS = 5, 25, 6, 40, 30
_SHORT = 200
Rule = Literal["detected", "first", "latest", "rarest"]


def reach(store: EvidenceStore, subject: Subject, findings: Findings) -> None:
    """Find how far the errors reach since the onset."""
    errors = subject.failing()
    found = findings.tried(
        lambda: store.reach(subject.incident.tenant_id, subject.incident.project_id, errors),
        "blast_radius",
        "how far it reaches",
    )
    if found is None:
        return
    radius = BlastRadius(
        events=found.events,
        users=found.users,
        releases=found.releases,
        environments=found.environments,
        first_seen=found.first_seen,
        last_seen=found.last_seen,
    )
    title = f"{found.events} events of {found.users} users since the onset"
    findings.add("blast_radius", title, "reach", _asked(subject), radius)
    if not found.users:
        findings.miss("users", "whom it concerns", "Let the SDK set the user (an id is enough: it is kept as a hash).")


def attributes(store: EvidenceStore, subject: Subject, findings: Findings) -> None:
    """Find what failing events carry more often than events before."""
    tenant, project = subject.incident.tenant_id, subject.incident.project_id
    what = "what stands out among the failing events"
    before = subject.before(_WEEK_MS)
    counts = findings.tried(
        lambda: store.attributes(tenant, project, subject.failing(), before, _ATTRIBUTES), "attributes", what
    )
    if counts is not None and counts.before < _LEAST_BEFORE:
        before = subject.before(DAY_MS, all_errors=True)
        counts = findings.tried(
            lambda: store.attributes(tenant, project, subject.failing(), before, _ATTRIBUTES), "attributes", what
        )
    if counts is None:
        return
    if not counts.before:
        findings.miss("attributes", what, "There was no error in the day before to compare with.")
        return
    compared = "all errors of the day" if not before.fingerprints else "the same errors of the week"
    found = OverRepresented(attributes=standing_out.attributes(counts))
    title = f"{len(found.attributes)} attributes stand out among {counts.inside} failing events"
    asked = _asked(subject) | {"before": compared, "before_start": before.start, "before_end": before.end}
    findings.add("over_represented", f"{title}, against {compared} before", "attributes", asked, found)


def representatives(
    store: EvidenceStore, subject: Subject, detected: ArchivedEvent, payload: Payload, findings: Findings
) -> None:
    """Find the event that fired the detector, the first, the latest and the rarest one."""
    _add_event("detected", detected, payload, findings)
    ask = partial(_chosen, store, subject, detected.event_id)
    for rule, event in findings.tried(ask, "events", "which events stand for the others") or ():
        _add_event(rule, event, read_payload(event), findings)


def _chosen(store: EvidenceStore, subject: Subject, detected: EventId) -> list[tuple[Rule, ArchivedEvent]]:
    """Return the first, the latest and the rarest event, each once, and not the one that is told already."""
    tenant, project = subject.incident.tenant_id, subject.incident.project_id
    found = store.representatives(tenant, project, subject.failing())
    if found is None:
        return []
    wanted: dict[EventId, Rule] = {found.first: "first"}
    wanted.setdefault(found.latest, "latest")
    if found.rarest is not None:
        wanted.setdefault(found.rarest, "rarest")
    events = [
        (rule, store.event(tenant, project, event_id)) for event_id, rule in wanted.items() if event_id != detected
    ]
    return [(rule, event) for rule, event in events if event is not None]


def differences(store: EvidenceStore, subject: Subject, findings: Findings) -> None:
    """Find breadcrumbs, variables and flags that failing events have and others have not."""
    failing = findings.tried(lambda: _failing(store, subject), "differences", "what differs between events")
    others = findings.tried(lambda: _others(store, subject), "differences", "what differs between events")
    if failing is None or others is None:
        return
    read, beside = [read_payload(event) for event in failing], [read_payload(event) for event in others]
    asked = _asked(subject) | {"sample": len(read), "others": len(beside)}
    flags = standing_out.flags(read, beside)
    if flags:
        title = f"{len(flags)} feature flags stand out among {len(read)} failing events"
        findings.add("over_represented", title, "sample", asked, OverRepresented(attributes=flags))
    elif not any(payload.flags for payload in read):
        findings.miss("feature_flags", "which feature flags were on", "Let the SDK record feature flags.")
    found = differing.differences(read, beside)
    if found:
        title = f"{len(found)} differences between {len(read)} failing and {len(beside)} other events"
        findings.add("differences", title, "sample", asked, Differences(differences=found))
    elif differing.compared(read, beside):
        findings.miss("differences", "what differs between failing and other events", "Nothing that was recorded does.")
    else:
        findings.miss("differences", "what differs between failing and other events", "There are too few events yet.")


def _failing(store: EvidenceStore, subject: Subject) -> Sequence[ArchivedEvent]:
    return store.sample(subject.incident.tenant_id, subject.incident.project_id, subject.failing(), _SAMPLE)


def _others(store: EvidenceStore, subject: Subject) -> Sequence[ArchivedEvent]:
    """Return events of the same errors before, and of other errors around the onset up to as many."""
    tenant, project = subject.incident.tenant_id, subject.incident.project_id
    before = list(store.sample(tenant, project, subject.before(_WEEK_MS), _SAMPLE))
    if len(before) >= _SAMPLE:
        return before
    around = Errors(fingerprints=subject.fingerprints, start=subject.earliest - _HOUR_MS, end=subject.end)
    missing = _SAMPLE - len(before)
    return before + list(store.sample(tenant, project, around, missing, others_in=subject.environment))


def _add_event(rule: Rule, event: ArchivedEvent, payload: Payload, findings: Findings) -> None:
    seen = EventSeen(
        rule=rule,
        event_id=event.event_id,
        occurred_at=event.occurred_at,
        title=cut(event.title, _SHORT),
        release=cut(event.release, _SHORT),
        environment=cut(event.environment, _SHORT),
        transaction=payload.transaction,
        exceptions=tuple(_exception(each) for each in payload.exceptions[-_MOST_EXCEPTIONS:]),
        tags=tuple((cut(name, _SHORT), cut(value, _SHORT)) for name, value in event.tags[:_MOST_TAGS]),
        breadcrumbs=payload.breadcrumbs[-_MOST_BREADCRUMBS:],
    )
    titles = {
        "detected": "The event that fired the detector",
        "first": "The first event since the onset",
        "latest": "The latest event",
        "rarest": "The first event of the rarest title, release and environment",
    }
    asked = {"tenant": event.tenant_id, "project": event.project_id, "event_id": event.event_id}
    findings.add("event", titles[rule], "event", asked, seen)


def _exception(exception: ReadException) -> ExceptionSeen:
    frames = exception.frames[-_MOST_FRAMES:]
    telling = {id(frame) for frame in exception.in_app()[:_WITH_VARIABLES]} | {id(frame) for frame in frames[-1:]}
    return ExceptionSeen(
        type=exception.type,
        value=exception.value,
        frames=tuple(_frame(frame, with_variables=id(frame) in telling) for frame in frames),
    )


def _frame(frame: ReadFrame, *, with_variables: bool) -> FrameSeen:
    return FrameSeen(
        filename=frame.filename,
        function=frame.function,
        line=frame.line,
        in_app=bool(frame.in_app),
        context_line=frame.context_line,
        variables=frame.variables if with_variables else (),
    )


def _asked(subject: Subject) -> dict[str, object]:
    return {
        "tenant": subject.incident.tenant_id,
        "project": subject.incident.project_id,
        "fingerprints": subject.fingerprints,
        "start": subject.earliest,
        "end": subject.end,
    }
