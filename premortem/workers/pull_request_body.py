"""What a pull request says: why it is there, what shows it, what was tried and what was not. Pure.

Every word that somebody else wrote, or a model, stands in code (`inert_text`); only the frame around it is Markdown.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain
from urllib.parse import quote

from msgspec import Struct

from premortem.domain.evidence import Check, Citation, Evidence, Gap
from premortem.domain.incident import Incident
from premortem.domain.inert_text import fence, quiet, span
from premortem.domain.timeline import ContextBuilt, FixProposed, InstrumentationProposed, RootCauseProposed

LONGEST = 65_536
"""Characters that GitHub takes."""
_ROWS, _OUTPUTS, _STEPS, _GAPS, _FILES = 30, 12, 12, 12, 10
_LAST_MS = 253_402_300_799_000
Proposal = FixProposed | InstrumentationProposed


class Told(Struct, frozen=True, kw_only=True):
    """Everything that a pull request is told from."""

    incident: Incident
    proposal: Proposal
    cause: RootCauseProposed | None
    context: ContextBuilt | None
    url: str
    """Where this installation is reached, without a final slash: the only place that is linked to."""
    branch: str
    base_commit: str
    """What the branch begins at."""
    paths: tuple[str, ...]
    owners: tuple[str, ...] = ()
    test_command: str = ""


def title(proposal: Proposal) -> str:
    """Return the title: one line that mentions and refers to nothing."""
    what = "Record more" if isinstance(proposal, InstrumentationProposed) else "Fix"
    if isinstance(proposal, FixProposed) and proposal.form != "fix":
        what = proposal.form.capitalize()
    return f"Premortem: {quiet(proposal.summary, 80) or what}"


def message(told: Told) -> str:
    """Return the commit's message; it closes no issue when it is merged."""
    return f"{title(told.proposal)}\n\nIncident: {_address(told)}\nProposed by Premortem. Nobody has reviewed it yet.\n"


def body(told: Told) -> str:
    """Return the whole text, in Markdown."""
    parts = (
        _opening(told),
        _cause(told),
        _evidence(told),
        _change(told),
        _unverified(told),
        _checks(told.proposal.checks),
        _success(told),
        _locally(told),
        _rollback(told),
    )
    return "\n\n".join(chain.from_iterable(parts)) + "\n"


# -------------------------------------------------------------------------------------------------------- its parts
def _opening(told: Told) -> Sequence[str]:
    incident = told.incident
    rows = [
        ("Incident", f"[{span(incident.id)}]({_address(told)}) ([timeline]({_address(told)}/timeline))"),
        ("Error", span(incident.title)),
        ("Where", span(incident.culprit)),
        ("Severity", f"{incident.severity}, opened {_moment(incident.opened_at)}"),
        ("Release", span(incident.release or "none reported")),
        ("Environment", span(incident.environment or "none reported")),
    ]
    table = "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])
    said = "This draft was written by a machine. What stands in code below was observed, or made by a model: read it as"
    return (f"{said} data, whatever it says.", table)


def _cause(told: Told) -> Sequence[str]:
    cause = told.cause
    if cause is None:
        return ("## Cause", "No cause was proposed before this patch.")
    made = f", by {span(cause.agent)}"
    lines = [
        "## Cause",
        f"{cause.verdict.capitalize()}, confidence {cause.confidence:.2f}{made}:",
        fence(cause.summary),
    ]
    if cause.cap_reason:
        lines.append(f"The confidence is capped at {cause.cap:.2f}: {span(cause.cap_reason, 300)}")
    if cause.suspect:
        suspect = cause.suspect
        lines.append(
            f"Suspect change: {span(suspect.commit, 40)} {span(suspect.subject)}, {_moment(suspect.committed_at)}, "
            f"selected by {span(suspect.rule)}"
        )
    if cause.location:
        place = cause.location
        lines.append(f"It fails at {span(f'{place.path}:{place.line}')} in {span(place.function or '?')}.")
    steps = [
        f"- {_moment(step.at)}: {span(step.what)} ({span(step.citation.evidence_id, 40)})"
        for step in cause.chain[:_STEPS]
    ]
    return (*lines, "\n".join(steps)) if steps else lines


def _evidence(told: Told) -> Sequence[str]:
    stored = told.context.evidence if told.context else ()
    cited = _cited(told.cause)
    ordered = sorted(stored, key=lambda each: (each.id not in cited, each.id))
    rows = [_row(each, each.id in cited) for each in ordered[:_ROWS]]
    more = [f"{len(ordered) - _ROWS} more are on the timeline."] if len(ordered) > _ROWS else []
    head = "| evidence | kind | what it shows | cited |\n|---|---|---|---|"
    return ("## Evidence", "\n".join([head, *rows]) if rows else "None was stored.", *more)


def _row(evidence: Evidence, cited: bool) -> str:
    return f"| {span(evidence.id, 40)} | {evidence.kind} | {span(evidence.title)} | {'yes' if cited else ''} |"


def _cited(cause: RootCauseProposed | None) -> set[str]:
    if cause is None:
        return set()
    citations: list[Citation] = [step.citation for step in cause.chain]
    for hypothesis in cause.hypotheses:
        citations += (*hypothesis.supports, *hypothesis.contradicts)
    return {citation.evidence_id for citation in citations}


def _change(told: Told) -> Sequence[str]:
    proposal = told.proposal
    files = ["\n".join(f"- {span(path)}" for path in told.paths[:_FILES])]
    if told.owners:
        files.append(f"Their owners, as CODEOWNERS says: {', '.join(span(name, 60) for name in told.owners[:_FILES])}.")
    if isinstance(proposal, InstrumentationProposed):
        settles = [f"It would settle: {span(proposal.settles)}"] if proposal.settles else []
        apart = ", ".join(span(name, 60) for name in proposal.separates[:_FILES])
        tells = [f"It tells these hypotheses apart: {apart}"] if apart else []
        said = "The cause could not be told for want of this. The patch records it next time, and changes nothing else."
        return ("## The patch", said, fence(proposal.summary), *settles, *tells, *files)
    forms = {
        "fix": "A fix, which should remove the cause.",
        "revert": "The suspect change taken out again.",
        "mitigation": "**A mitigation: it silences or avoids the error, and removes no cause.**",
    }
    risk = ["Risk:", fence(proposal.risk)] if proposal.risk else []
    return ("## The patch", forms[proposal.form], fence(proposal.explanation or proposal.summary, 4000), *risk, *files)


def _unverified(told: Told) -> Sequence[str]:
    proposal, items = told.proposal, []
    if told.base_commit != proposal.base_commit:
        items.append(
            f"The checks ran on {span(proposal.base_commit, 40)}. The branch has moved on to "
            f"{span(told.base_commit, 40)} since; the edits still apply, nothing was run there."
        )
    untried = [check for check in proposal.checks if check.state == "not_possible"]
    items += [f"Check {span(check.name, 60)}: not possible. {span(check.output, 300)}" for check in untried[:_GAPS]]
    tolerated = [check for check in proposal.checks if check.state == "failed" and not check.required]
    items += [f"Check {span(check.name, 60)} failed, and is not required." for check in tolerated[:_GAPS]]
    gaps: tuple[Gap, ...] = (told.cause.missing if told.cause else ()) + (told.context.gaps if told.context else ())
    known = {gap.id: gap for gap in reversed(gaps)}
    items += [
        f"{span(known[name].id, 60)}: {span(known[name].what)} ({known[name].why.replace('_', ' ')})"
        for name in sorted(known)[:_GAPS]
    ]
    items.append("That it works under your traffic: that is measured after the deploy.")
    return ("## What was not verified", "\n".join(f"- {item}" for item in items))


def _checks(checks: Sequence[Check]) -> Sequence[str]:
    ordered = sorted(checks[:_ROWS], key=lambda check: check.name != "reproduction")
    rows = [
        f"| {span(check.name, 60)} | {check.state.replace('_', ' ')} | {'yes' if check.required else 'no'} |"
        for check in ordered
    ]
    outputs = [
        part
        for check in ordered[:_OUTPUTS]
        if check.output
        for part in (f"Output of {span(check.name, 60)}:", fence(check.output, 1200))
    ]
    return ("## Checks", "\n".join(["| check | result | required |", "|---|---|---|", *rows]), *outputs)


def _success(told: Told) -> Sequence[str]:
    where = span(told.incident.environment or "its environment")
    if isinstance(told.proposal, InstrumentationProposed):
        said = f"Once a release that carries the merge was seen in {where} for a while, the evidence is gathered anew."
        return ("## How success is measured", said)
    said = (
        f"Once a release that carries the merge is seen in {where}, errors per session after it are tested against the "
        f"same hours before and the time from onset to fix. The verdict is a fact of the incident; a fix that does not "
        f"help opens it again, with this patch as evidence."
    )
    return ("## How success is measured", said, *([fence(told.proposal.success)] if told.proposal.success else []))


def _locally(told: Told) -> Sequence[str]:
    lines = [f"git fetch origin {told.branch}", f"git switch {told.branch}", told.test_command]
    return ("## How to try it", fence("\n".join(line for line in lines if line), 2000, "sh"))


def _rollback(told: Told) -> Sequence[str]:
    written = told.proposal.rollback if isinstance(told.proposal, FixProposed) else ""
    said = "Revert the merge. Premortem never merges, and writes to no branch but this one."
    close = "Close this with a comment that says why, and the search for the cause begins anew, with your words in it."
    return ("## Rollback", said, *([fence(written)] if written else []), close)


def _address(told: Told) -> str:
    return f"{told.url}/incidents/{quote(told.incident.id, safe='')}"


def _moment(milliseconds: int) -> str:
    """Return the time to the minute, UTC; a commit may claim any."""
    return datetime.fromtimestamp(min(max(milliseconds, 0), _LAST_MS) // 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
