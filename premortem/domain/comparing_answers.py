"""Comparing two answers to one question: what stayed, what is new, what is gone, and what either took. Pure."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from premortem.domain.claims import stands
from premortem.domain.evidence import Citation, Evidence
from premortem.domain.timeline import RootCauseProposed


class Moved(Struct, frozen=True):
    """Things that both answers have, that only the new one has, and that only the old one has."""

    kept: tuple[str, ...]
    new: tuple[str, ...]
    gone: tuple[str, ...]


class Opinion(Struct, frozen=True, kw_only=True):
    """What an answer comes to."""

    by: str
    """The model's name, or `rules`."""
    verdict: str
    """What counts; `raw_verdict` is the analyst's own."""
    confidence: float
    raw_verdict: str
    raw_confidence: float
    suspect: str
    """The commit that counts; `raw_suspect` is the analyst's own. Empty = none."""
    raw_suspect: str
    tokens: int
    cost_microdollars: int
    duration_ms: int


class Difference(Struct, frozen=True, kw_only=True):
    """An old answer beside a new one."""

    old: Opinion
    new: Opinion
    hypotheses: Moved
    """By what they say."""
    citations: Moved
    """As `ev-...: quote`."""
    unresolved: tuple[str, ...]
    """Citations of the new answer that do not occur in the stored evidence; the rules of evidence leave none."""
    dropped: tuple[str, ...]
    """What the rules of evidence took out of the new answer, a sentence each."""
    no_answer: str
    """Why the model that was asked gave none, so that the rules' answer stands; empty = it did, or none was asked."""

    @property
    def same_verdict(self) -> bool:
        """The analysts decide alike, each for itself."""
        return self.old.raw_verdict == self.new.raw_verdict

    @property
    def same_suspect(self) -> bool:
        """The analysts suspect the same change, each for itself; or none."""
        return self.old.raw_suspect == self.new.raw_suspect


_NO_ANSWER = "the model gave no answer: "


def compare(old: RootCauseProposed, new: RootCauseProposed, evidence: Sequence[Evidence]) -> Difference:
    """Return how a new answer differs from the old one; both rest on `evidence`."""
    by_id = {each.id: each for each in evidence}
    return Difference(
        old=opinion(old),
        new=opinion(new),
        hypotheses=_moved([each.mechanism for each in old.hypotheses], [each.mechanism for each in new.hypotheses]),
        citations=_moved([_shown(each) for each in cited(old)], [_shown(each) for each in cited(new)]),
        unresolved=tuple(dict.fromkeys(_shown(each) for each in cited(new) if not stands(each, by_id))),
        dropped=new.dropped,
        no_answer=next((each.removeprefix(_NO_ANSWER) for each in new.dropped if each.startswith(_NO_ANSWER)), ""),
    )


def opinion(fact: RootCauseProposed) -> Opinion:
    """Return what an answer comes to. Before version 4 of the fact an analyst's own verdict was not kept."""
    made, suspect = fact.made, fact.suspect.commit if fact.suspect else ""
    kept = bool(fact.raw_verdict)
    return Opinion(
        by=(made.model or made.by) if made else fact.agent,
        verdict=fact.verdict,
        confidence=fact.confidence,
        raw_verdict=fact.raw_verdict or fact.verdict,
        raw_confidence=fact.raw_confidence,
        suspect=suspect,
        raw_suspect=fact.raw_suspect if kept else suspect,
        tokens=made.input_tokens + made.output_tokens if made else 0,
        cost_microdollars=made.cost_microdollars if made else 0,
        duration_ms=made.duration_ms if made else 0,
    )


def cited(fact: RootCauseProposed) -> list[Citation]:
    """Return every citation of an answer, in order."""
    of_hypotheses = [each for one in fact.hypotheses for each in (*one.supports, *one.contradicts)]
    return [*of_hypotheses, *(step.citation for step in fact.chain)]


class Totals(Struct, frozen=True, kw_only=True):
    """Many answers beside the old ones."""

    incidents: int
    no_answer: int
    same_verdict: int
    same_suspect: int
    proved_right: int
    """Old answers that proved right."""
    suspect_of_right: int
    """New answers that suspect the same change as one that proved right."""
    tokens: int
    cost_microdollars: int
    old_cost_microdollars: int
    p50_ms: int
    p95_ms: int
    """How long half of the new answers, and 95 of 100, took at most (nearest rank)."""


def totals(compared: Mapping[str, Difference], right: Sequence[str]) -> Totals:
    """Return the sums over answers by incident; `right` are the incidents whose old answer proved right."""
    found = list(compared.values())
    proved = [each for name, each in compared.items() if name in right]
    return Totals(
        incidents=len(found),
        no_answer=sum(bool(each.no_answer) for each in found),
        same_verdict=sum(each.same_verdict for each in found),
        same_suspect=sum(each.same_suspect for each in found),
        proved_right=len(proved),
        suspect_of_right=sum(each.same_suspect for each in proved),
        tokens=sum(each.new.tokens for each in found),
        cost_microdollars=sum(each.new.cost_microdollars for each in found),
        old_cost_microdollars=sum(each.old.cost_microdollars for each in found),
        p50_ms=_at_most([each.new.duration_ms for each in found], 50),
        p95_ms=_at_most([each.new.duration_ms for each in found], 95),
    )


def _at_most(values: Sequence[int], percent: int) -> int:
    ordered = sorted(values)
    return ordered[max(-(-len(ordered) * percent // 100), 1) - 1] if ordered else 0


def _moved(old: Sequence[str], new: Sequence[str]) -> Moved:
    before, after = list(dict.fromkeys(old)), list(dict.fromkeys(new))
    return Moved(
        tuple(each for each in after if each in before),
        tuple(each for each in after if each not in before),
        tuple(each for each in before if each not in after),
    )


def _shown(citation: Citation) -> str:
    return f"{citation.evidence_id}: {citation.quote}"
