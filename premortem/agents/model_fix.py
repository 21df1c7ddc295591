"""A model that proposes a fix: edits of the files that code found, which then pass every check or go no further."""

from typing import Annotated, Literal

from pydantic import Field

from premortem.agents.asking import Answering, Observed, Questions, shown
from premortem.agents.fix import Proposal, nothing
from premortem.domain.claims import clean
from premortem.domain.evidence import Edit, Made
from premortem.domain.tasks import ProposeFix
from premortem.domain.timeline import ContextBuilt, RootCauseProposed
from premortem.domain.work import Work

VERSION = 1
_Sentence = Annotated[str, Field(max_length=600)]
_Text = Annotated[str, Field(max_length=8_000)]


class EditAnswer(Answering):
    """One replacement."""

    path: Annotated[str, Field(min_length=1, max_length=300)]
    old: _Text
    new: _Text


class FixAnswer(Answering):
    """The schema that the model has to keep."""

    edits: Annotated[list[EditAnswer], Field(max_length=10)]
    form: Literal["fix", "mitigation"]
    summary: Annotated[str, Field(max_length=120)]
    explanation: _Sentence
    risk: _Sentence
    rollback: _Sentence
    success: _Sentence


class ModelFixes:
    """The proposer that asks a model."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions

    def propose(
        self, work: Work[ProposeFix], cause: RootCauseProposed, context: ContextBuilt, files: dict[str, str]
    ) -> tuple[Proposal, Made]:
        """Return the model's proposal, without edits and with the reason when it gave none. Raises Unavailable."""
        observed: Observed = {
            "cause": {"summary": cause.summary, "hypotheses": [each.mechanism for each in cause.hypotheses]},
            "files": files,
            "observations": shown(context.evidence),
        }
        asked = self._questions.ask(work.task, "fix", VERSION, observed, FixAnswer)
        if asked.answer is None:
            return nothing(f"The model gave no answer: {asked.why}."), asked.made
        return _proposal(asked.answer), asked.made


def _proposal(answer: FixAnswer) -> Proposal:
    dropped: list[str] = []
    summary, explanation, risk, rollback, success = (
        clean(text, dropped, what)
        for what, text in (
            ("summary", answer.summary),
            ("explanation", answer.explanation),
            ("risk", answer.risk),
            ("rollback", answer.rollback),
            ("success", answer.success),
        )
    )
    said = f" Taken out of what the model wrote: {'; '.join(dropped)}." if dropped else ""
    return Proposal(
        edits=tuple(Edit(edit.path, edit.old, edit.new) for edit in answer.edits),
        form=answer.form,
        summary=summary or "A change of the failing code",
        explanation=(explanation + said).strip(),
        risk=risk,
        rollback=rollback or "Revert this change.",
        success=success or "The error no longer occurs in releases that carry the change.",
    )
