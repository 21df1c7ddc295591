"""Causes: what the accepted cause rests on, span by span, what speaks against it, and what was missing."""

from collections.abc import Iterator, Sequence

from premortem.domain.evidence import Citation, Evidence, Gap
from premortem.domain.inert_text import span
from premortem.domain.moments import utc
from premortem.domain.timeline import ContextBuilt, HumanResponded, IncidentFact, RootCauseProposed
from replay.postmortem.told import Story

_MOST_CITED, _MOST_STEPS, _MOST_GAPS = 12, 12, 20


def accepted(story: Story) -> tuple[str, RootCauseProposed] | None:
    """Return the cause that stood in the end: the newest one that was proposed, with its place."""
    return story.newest(RootCauseProposed)


def cause_lines(story: Story) -> Iterator[str]:
    """Yield the cause, its hypotheses with their evidence, and the causal chain."""
    found = accepted(story)
    if found is None:
        yield "No cause was proposed."
        return
    where, cause = found
    verdict = cause.verdict.replace("_", " ").capitalize()
    yield f"**{verdict}**, confidence {cause.confidence:.2f} (`{where}`): {span(cause.summary, 400)}"
    yield from _capped(cause)
    if cause.suspect is not None:
        suspect = cause.suspect
        yield ""
        yield (
            f"The change: {span(suspect.commit[:12], 12)} {span(suspect.subject)} in {span(suspect.repository, 120)}, "
            f"committed {utc(suspect.committed_at)}. Why this one: {span(suspect.rule)}."
        )
    if cause.location is not None:
        place = cause.location
        yield ""
        yield f"It fails at {span(f'{place.path}:{place.line}')} in {span(place.function or '?', 120)}."
    yield from _corrections(story, where)
    known = _known(story)
    for hypothesis in cause.hypotheses:
        if hypothesis.state == "leading":
            yield ""
            yield f"What is likeliest: {span(hypothesis.mechanism, 400)}"
            yield ""
            yield from _cited("shown by", hypothesis.supports, known)
    if cause.chain:
        yield ""
        yield "How it came about:"
        yield ""
        for step in cause.chain[:_MOST_STEPS]:
            yield f"- {utc(step.at)}: {span(step.what, 300)} ({_source(step.citation, known)})"
    yield from _before(story, where)


def against_lines(story: Story) -> Iterator[str]:
    """Yield what speaks against the cause: contradicting spans, rivals not refuted, and what did not stand."""
    found = accepted(story)
    if found is None:
        yield "There is no cause to speak against."
        return
    _, cause = found
    known, lines = _known(story), list[str]()
    for each in cause.hypotheses:
        if each.state == "leading":
            lines += _cited("contradicted by", each.contradicts, known)
        else:
            lines.append(f"- {_STATES[each.state]}: {span(each.mechanism, 300)}")
            lines += [f"  {line}" for line in _cited("for it", each.supports, known)]
            lines += [f"  {line}" for line in _cited("against it", each.contradicts, known)]
    lines += [f"- Taken out by the rules of evidence: {span(taken, 300)}" for taken in cause.dropped]
    if cause.baseline is not None:
        base = cause.baseline
        lines.append(f"- The rules alone said {base.verdict}, {base.confidence:.2f}: {span(base.summary, 300)}")
    yield from lines or ["Nothing that was observed."]


def missing_lines(story: Story) -> Iterator[str]:
    """Yield what was asked for and could not be had, and how to have it next time."""
    gaps: dict[str, tuple[Gap, str]] = {}
    looks = story.of(ContextBuilt, RootCauseProposed)
    for each in looks:
        found = each.fact.gaps if isinstance(each.fact, ContextBuilt) else _missing(each.fact)
        if isinstance(each.fact, ContextBuilt):
            still = {gap.id for gap in found}
            gaps |= {name: (gap, until or each.where) for name, (gap, until) in gaps.items() if name not in still}
        gaps |= {gap.id: (gap, "") for gap in found}
    if not gaps:
        yield "Nothing." if looks else "No evidence was gathered."
        return
    yield "| what | why | how to have it next time |"
    yield "|---|---|---|"
    for gap, until in list(gaps.values())[:_MOST_GAPS]:
        had = f"; it was there from `{until}` on" if until else ""
        yield f"| {span(gap.what)} | {gap.why.replace('_', ' ')}{had} | {span(gap.how, 300)} |"


_STATES = {"open": "Not refuted", "refuted": "Refuted"}


def _capped(cause: RootCauseProposed) -> Iterator[str]:
    if cause.cap_reason:
        claimed = f"{cause.raw_confidence:.2f} was claimed; the" if cause.raw_confidence > cause.cap else "The"
        yield ""
        yield f"{claimed} evidence allows {cause.cap:.2f} at most: {span(cause.cap_reason, 200)}."


def _missing(fact: IncidentFact) -> tuple[Gap, ...]:
    return fact.missing if isinstance(fact, RootCauseProposed) else ()


def _before(story: Story, where: str) -> Iterator[str]:
    """Yield the causes that were proposed before this one."""
    earlier = [each for each in story.of(RootCauseProposed) if each.where != where][-_MOST_STEPS:]
    if earlier:
        yield ""
        yield "Proposed before:"
        yield ""
    for each in earlier:
        assert isinstance(each.fact, RootCauseProposed)
        said = f"{each.fact.verdict.replace('_', ' ')}, confidence {each.fact.confidence:.2f}"
        yield f"- {said} (`{each.where}`): {span(each.fact.summary, 300)}"


def _corrections(story: Story, where: str) -> Iterator[str]:
    """Yield what persons said of the cause after it was proposed."""
    after = False
    for each in story.facts:
        after = after or each.where == where
        match each.fact:
            case HumanResponded(action="confirm_cause" | "correct_cause" | "reject_cause") if after:
                said = {"confirm_cause": "confirmed", "correct_cause": "corrected", "reject_cause": "rejected"}
                text = f": {span(each.fact.text, 400)}" if each.fact.text else ""
                yield ""
                yield f"**{span(each.fact.by, 100)} {said[each.fact.action]} it** (`{each.where}`){text}"
            case _:
                pass


def _known(story: Story) -> dict[str, tuple[str, Evidence]]:
    known: dict[str, tuple[str, Evidence]] = {}
    for where, evidence in story.observations():
        known.setdefault(evidence.id, (where, evidence))
    return known


def _cited(word: str, citations: Sequence[Citation], known: dict[str, tuple[str, Evidence]]) -> list[str]:
    return [
        f"- {word}: {span(citation.quote, 300)} ({_source(citation, known)})" for citation in citations[:_MOST_CITED]
    ]


def _source(citation: Citation, known: dict[str, tuple[str, Evidence]]) -> str:
    """Return where a quoted span stands: the observation's id and kind, and the fact that holds it."""
    found = known.get(citation.evidence_id)
    if found is None:
        return f"{span(citation.evidence_id, 40)}, which no fact holds"
    where, evidence = found
    return f"{span(evidence.id, 40)}, {evidence.kind.replace('_', ' ')}, `{where}`"
