"""Cited: the observation that a citation names, out of the facts that hold it."""

from collections.abc import Sequence

from premortem.domain.evidence import Evidence
from premortem.domain.timeline import ContextBuilt, EvaluationCompleted, TimelineEvent


def evidence_in(facts: Sequence[TimelineEvent], evidence_id: str) -> Evidence | None:
    """Return the observation of that id that one of the facts holds; None = none does."""
    for fact in facts:
        if isinstance(fact, ContextBuilt | EvaluationCompleted):
            for evidence in fact.evidence:
                if evidence.id == evidence_id:
                    return evidence
    return None
