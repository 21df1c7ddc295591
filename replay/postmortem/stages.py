"""Stages: how long each step took, from the first event to the end, and which step took longest."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from premortem.domain.moments import length, utc
from premortem.domain.timeline import (
    ContextBuilt,
    EvaluationCompleted,
    FixApplied,
    FixDeployed,
    FixProposed,
    HumanResponded,
    IncidentDetected,
    IncidentFact,
    IncidentReopened,
    IncidentResolved,
    IncidentSuppressed,
    InstrumentationProposed,
    PullRequestOpened,
    RootCauseProposed,
)
from replay.postmortem.earliest import Earliest
from replay.postmortem.told import Story

_MOST = 60
_BY_HAND = ("correct_cause", "reject_cause", "reject_fix", "resolve", "suppress")


class Mark(NamedTuple):
    """Something that a stage ends with; `at` in milliseconds since 1970 UTC, event time."""

    what: str
    at: int
    where: str


class Stage(NamedTuple):
    """From one mark to the next; `took` in milliseconds."""

    before: Mark
    after: Mark

    @property
    def took(self) -> int:
        """Return how long it took; 0 where the second is dated before the first."""
        return max(0, self.after.at - self.before.at)


def stages(story: Story, found: Earliest) -> list[Stage]:
    """Return the stages in the order in which they happened."""
    marks = list(_marks(story, found))
    return [Stage(before, after) for before, after in pairwise(marks)]


def longest(found: list[Stage]) -> Stage | None:
    """Return the stage that took longest, the first of equals; None when there is none that took any time."""
    best = max(found, key=lambda stage: stage.took, default=None)
    return best if best is not None and best.took else None


def stage_lines(found: list[Stage]) -> Iterator[str]:
    """Yield a table of the stages."""
    most = longest(found)
    yield "| from | to | took | at (UTC) | where |"
    yield "|---|---|---|---|---|"
    for stage in found[:_MOST]:
        took = f"**{length(stage.took)}** (the longest)" if stage is most else length(stage.took)
        where = f"`{stage.after.where}`" if stage.after.where else ""
        yield f"| {stage.before.what} | {stage.after.what} | {took} | {utc(stage.after.at)} | {where} |"
    if len(found) > _MOST:
        yield ""
        yield f"{len(found) - _MOST} more are left out."


def _marks(story: Story, found: Earliest) -> Iterator[Mark]:
    opened, partition = story.opened, found.partition
    onset = opened.decision.onset
    if found.begun is not None:
        begun = found.begun
        yield Mark("onset", min(onset, begun.occurred_at), "")
        yield Mark("first event", begun.occurred_at, f"sentry.events/{partition}/{begun.offset}")
    else:
        yield Mark("onset", onset, "")
    is_over = False
    for each in story.facts:
        what = "" if is_over and isinstance(each.fact, IncidentResolved) else _stage(each.fact)
        is_over = isinstance(each.fact, IncidentResolved) or (is_over and not isinstance(each.fact, IncidentReopened))
        if what:
            yield Mark(what, _at(each.fact), each.where)
        if isinstance(each.fact, IncidentDetected) and found.did and found.did.at > each.fact.occurred_at:
            yield Mark("told", found.did.at, "")


def _at(fact: IncidentFact) -> int:
    return fact.deployed_at or fact.occurred_at if isinstance(fact, FixDeployed) else fact.occurred_at


def _stage(fact: IncidentFact) -> str:
    """Return what a fact ends, in a word or two; nothing for a fact that ends no stage."""
    match fact:
        case IncidentDetected():
            return "detection"
        case IncidentReopened():
            return "open again"
        case ContextBuilt():
            return "context"
        case RootCauseProposed():
            return "cause"
        case FixProposed():
            return "fix proposed"
        case InstrumentationProposed():
            return "instrumentation proposed"
        case PullRequestOpened():
            return "pull request"
        case FixApplied():
            return "merge"
        case FixDeployed():
            return "deploy"
        case EvaluationCompleted():
            return f"verdict: {fact.verdict}"
        case IncidentResolved():
            return "resolved"
        case IncidentSuppressed():
            return "suppressed"
        case HumanResponded() if fact.action in _BY_HAND:
            return "answer of a person"
        case _:
            return ""
