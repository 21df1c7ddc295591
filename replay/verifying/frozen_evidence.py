"""Evidence as it was frozen into its facts: hashes and ids recomputed, citations opened."""

from collections.abc import Iterator, Sequence

from premortem.domain.claims import stands
from premortem.domain.evidence import Citation, Evidence, evidence_hash
from premortem.domain.timeline import (
    AnswerReconsidered,
    ContextBuilt,
    EvaluationCompleted,
    IncidentFact,
    RootCauseProposed,
)
from replay.verifying.checked import Check, Wrong, differing, shown
from replay.verifying.incident_records import Placed


def evidence_checks(facts: Sequence[Placed]) -> tuple[Check, Check]:
    """Return the check of every observation's hash and id, and that of every citation."""
    return _observations(facts), _citations(facts)


def evidence_of(fact: IncidentFact) -> tuple[Evidence, ...]:
    """Return the observations that a fact holds."""
    return fact.evidence if isinstance(fact, ContextBuilt | EvaluationCompleted) else ()


def _observations(facts: Sequence[Placed]) -> Check:
    wrong: list[Wrong] = []
    count = 0
    for placed in facts:
        held = evidence_of(placed.fact)
        count += len(held)
        for each in held:
            digest = evidence_hash(each.kind, each.query, each.parameters, each.result)
            where = f"{placed.where}, evidence {each.id}"
            wrong += differing(where, [("hash", digest, each.hash), ("id", f"ev-{digest[:12]}", each.id)])
        if isinstance(placed.fact, ContextBuilt) and held:
            named = [("evidence ids", tuple(each.id for each in held), placed.fact.evidence_ids)]
            wrong += differing(placed.where, named)
    return Check(what="evidence has the hash of what it holds", count=count, wrong=tuple(wrong))


def _citations(facts: Sequence[Placed]) -> Check:
    known: dict[str, Evidence] = {}
    wrong: list[Wrong] = []
    count = 0
    for placed in facts:
        for citation in _cited_by(placed.fact):
            count += 1
            if not stands(citation, known):
                held = known.get(citation.evidence_id)
                found = f"evidence {citation.evidence_id} without it" if held else f"no evidence {citation.evidence_id}"
                wrong.append(Wrong(placed.where, f"the quote {shown(citation.quote)!r}", found))
        known |= {each.id: each for each in evidence_of(placed.fact)}
    return Check(what="citations open, and hold their quotes", count=count, wrong=tuple(wrong))


def _cited_by(fact: IncidentFact) -> Iterator[Citation]:
    cause = fact.answer if isinstance(fact, AnswerReconsidered) else fact
    if not isinstance(cause, RootCauseProposed):
        return
    for hypothesis in cause.hypotheses:
        yield from hypothesis.supports
        yield from hypothesis.contradicts
    for step in cause.chain:
        yield step.citation
