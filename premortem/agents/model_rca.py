"""A model as the analyst of root causes: it claims, `domain.claims` judges."""

from typing import Annotated, Literal

from pydantic import Field

from premortem.agents.asking import Answering, Observed, Questions, shown
from premortem.domain.claims import Claimed
from premortem.domain.evidence import CausalStep, Citation, Hypothesis, Made, SuspectChange
from premortem.domain.tasks import ProposeRootCause
from premortem.domain.timeline import ContextBuilt
from premortem.domain.work import Work

VERSION = 1
_Quote = Annotated[str, Field(min_length=3, max_length=400)]
_Sentence = Annotated[str, Field(max_length=600)]


class Cited(Answering):
    """A span of an observation."""

    evidence_id: Annotated[str, Field(max_length=40)]
    quote: _Quote


class Step(Answering):
    """A link of the chain."""

    at: Annotated[int, Field(ge=0, lt=1 << 53)]
    what: _Sentence
    citation: Cited


class Guess(Answering):
    """A hypothesis."""

    mechanism: _Sentence
    state: Literal["leading", "open", "refuted"]
    supports: Annotated[list[Cited], Field(max_length=6)]
    contradicts: Annotated[list[Cited], Field(max_length=6)]


class RootCauseAnswer(Answering):
    """The schema that the model has to keep."""

    verdict: Literal["confirmed", "probable", "inconclusive", "not_an_incident"]
    summary: _Sentence
    hypotheses: Annotated[list[Guess], Field(min_length=2, max_length=4)]
    chain: Annotated[list[Step], Field(max_length=8)]
    suspect_commit: Annotated[str, Field(pattern="^[0-9a-f]{40,64}$")] | None
    confidence: Annotated[float, Field(ge=0, le=1)]
    missing: Annotated[list[Annotated[str, Field(max_length=60)]], Field(max_length=6)]
    next_action: _Sentence
    next_action_risk: _Sentence


class ModelAnalyst:
    """The analyst that asks a model."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions

    def claim(self, work: Work[ProposeRootCause], context: ContextBuilt) -> tuple[Claimed | str, Made]:
        """Return what the model claims, or why it gave no answer; and what it took. Raises Unavailable."""
        asked = self._questions.ask(work.task, "rca", VERSION, _observed(work, context), RootCauseAnswer)
        if asked.answer is None:
            return asked.why, asked.made
        return _claimed(asked.answer, context), asked.made


def _observed(work: Work[ProposeRootCause], context: ContextBuilt) -> Observed:
    incident = work.incident
    return {
        "incident": {"first_seen": incident.first_seen, "opened_at": incident.opened_at, "level": incident.level,
                     "release": incident.release, "environment": incident.environment},
        "gaps": [{"id": gap.id, "what": gap.what, "why": gap.why} for gap in context.gaps],
        "observations": shown(context.evidence),
    }  # fmt: skip


def _claimed(answer: RootCauseAnswer, context: ContextBuilt) -> Claimed:
    suspect = None
    if answer.suspect_commit:
        # What is said of the commit is replaced by what was observed of it, or it is taken out.
        suspect = SuspectChange(repository="", commit=answer.suspect_commit, committed_at=0, subject="", paths=(),
                                rule="the model suspects it")  # fmt: skip
    return Claimed(
        verdict=answer.verdict,
        summary=answer.summary,
        confidence=answer.confidence,
        hypotheses=tuple(
            Hypothesis(
                id="",
                mechanism=guess.mechanism,
                state=guess.state,
                supports=_citations(guess.supports),
                contradicts=_citations(guess.contradicts),
            )
            for guess in answer.hypotheses
        ),
        chain=tuple(
            CausalStep(at=step.at, what=step.what, citation=Citation(step.citation.evidence_id, step.citation.quote))
            for step in answer.chain
        ),
        suspect=suspect,
        missing=tuple(gap for gap in context.gaps if gap.id in answer.missing) or context.gaps,
        next_action=answer.next_action,
        next_action_risk=answer.next_action_risk,
    )


def _citations(cited: list[Cited]) -> tuple[Citation, ...]:
    return tuple(Citation(each.evidence_id, each.quote) for each in cited)
