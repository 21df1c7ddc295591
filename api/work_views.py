"""The read API's answers about the work on an incident: its cause, its pull requests, the evidence behind them."""

from typing import Literal

from pydantic import BaseModel, Field

from premortem.domain.evidence import Evidence
from premortem.domain.incident import Cause, PullRequest


class CauseView(BaseModel):
    """What the newest analysis says; the fact `RootCauseProposed` of the timeline holds all of it."""

    verdict: Literal["confirmed", "probable", "inconclusive", "not_an_incident"]
    summary: str
    confidence: float = Field(description="0 to 1, after the cap that the evidence sets.")

    @classmethod
    def of(cls, cause: Cause) -> "CauseView":
        """Return the view of a cause."""
        return cls(verdict=cause.verdict, summary=cause.summary, confidence=cause.confidence)


class PullRequestView(BaseModel):
    """A pull request that the incident opened."""

    repository: str = Field(description="owner/name.")
    number: int
    url: str
    branch: str
    state: Literal["draft", "merged", "closed"]
    purpose: Literal["fix", "instrumentation"]
    commit: str = Field(description="The merge; empty until there is one.")

    @classmethod
    def of(cls, pull: PullRequest) -> "PullRequestView":
        """Return the view of a pull request."""
        return cls(**{name: getattr(pull, name) for name in pull.__struct_fields__})


class EvidenceView(BaseModel):
    """An observation as it was stored: what was asked of whom, and the answer."""

    id: str
    kind: str
    title: str
    query: str
    parameters: list[tuple[str, str]]
    result: str = Field(description="The answer, letter for letter: citations quote from it.")
    hash: str = Field(description="SHA-256 of the compact JSON of [kind, query, parameters, result].")
    untrusted: bool = Field(description="Whether somebody outside may have written parts of it.")
    truncated: bool

    @classmethod
    def of(cls, evidence: Evidence) -> "EvidenceView":
        """Return the view of an observation."""
        return cls(**{name: getattr(evidence, name) for name in evidence.__struct_fields__})
