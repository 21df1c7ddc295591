"""Tried: every patch that was proposed and how it ended, and the work that was given up."""

from collections.abc import Callable, Iterator

from premortem.domain.inert_text import span
from premortem.domain.timeline import (
    EvaluationCompleted,
    FixApplied,
    FixDeployed,
    FixProposed,
    HumanResponded,
    InstrumentationProposed,
    PullRequestOpened,
    TaskFailed,
)
from replay.postmortem.told import Placed, Story

Proposal = FixProposed | InstrumentationProposed


class Attempt:
    """A proposal, its pull request, and what became of it so far."""

    def __init__(self, where: str, proposal: Proposal) -> None:
        self.where, self.proposal = where, proposal
        self.pull: PullRequestOpened | None = None
        self.commit = ""
        self.ends: list[str] = []

    @property
    def is_patch(self) -> bool:
        """Return whether there is anything to apply; a proposal may say that none could be made."""
        return bool(self.proposal.patch or self.proposal.edits or self.pull)

    @property
    def form(self) -> str:
        """Return what kind of a patch it is."""
        return self.proposal.form if isinstance(self.proposal, FixProposed) else "instrumentation"


def attempts(story: Story) -> list[Attempt]:
    """Return every proposal with its end, in the order of the log."""
    found: list[Attempt] = []
    for each in story.facts:
        _take(each, found)
    return found


def tried_lines(story: Story) -> Iterator[str]:
    """Yield a table of the attempts, and what was given up."""
    found = attempts(story)
    if found:
        yield "| what | proposed | pull request | how it ended |"
        yield "|---|---|---|---|"
    for each in found:
        pull = span(f"{each.pull.repository}#{each.pull.number}", 120) if each.pull else "none"
        ended = "; ".join(each.ends) or ("still a draft" if each.pull else _unopened(each.proposal))
        yield f"| {each.form}: {span(each.proposal.summary, 160)} | `{each.where}` | {pull} | {ended} |"
    given_up = [p for p in story.facts if isinstance(p.fact, TaskFailed)]
    if found and given_up:
        yield ""
    for placed in given_up:
        assert isinstance(placed.fact, TaskFailed)
        failed = placed.fact
        what = f"{span(failed.stage, 40)} (`{placed.where}`): {span(failed.reason, 300)}"
        yield f"- Given up after {failed.attempts} attempts: {what}"
    if not found and not given_up:
        yield "Nothing was proposed."


def _take(placed: Placed, found: list[Attempt]) -> None:
    match placed.fact:
        case FixProposed() | InstrumentationProposed():
            found.append(Attempt(placed.where, placed.fact))
        case PullRequestOpened() as pull:
            mine = _last(found, lambda a: a.pull is None and _purpose(a) == pull.purpose)
            if mine is not None:
                mine.pull = pull
        case FixApplied() as merge:
            mine = _last(found, lambda a: _is(a.pull, merge))
            if mine is not None:
                mine.commit = merge.commit
                mine.ends.append(f"merged (`{placed.where}`)")
        case FixDeployed() as deploy:
            mine = _last(found, lambda a: bool(a.commit) and (a.commit == deploy.commit or not deploy.commit))
            if mine is not None:
                mine.ends.append(f"deployed in {span(deploy.release)} (`{placed.where}`)")
        case EvaluationCompleted() as verdict:
            mine = _last(found, lambda a: bool(a.commit) and isinstance(a.proposal, FixProposed))
            if mine is not None:
                mine.ends.append(f"**{verdict.verdict.replace('_', ' ')}** (`{placed.where}`)")
        case HumanResponded(action="reject_fix") as said:
            mine = _last(found, lambda a: a.pull is not None and (a.pull.url == said.url or not said.url))
            if mine is not None:
                text = f": {span(said.text, 200)}" if said.text else ""
                mine.ends.append(f"rejected by {span(said.by, 100)} (`{placed.where}`){text}")
        case _:
            pass


def _last(found: list[Attempt], holds: Callable[[Attempt], bool]) -> Attempt | None:
    return next((attempt for attempt in reversed(found) if holds(attempt)), None)


def _purpose(attempt: Attempt) -> str:
    return "fix" if isinstance(attempt.proposal, FixProposed) else "instrumentation"


def _is(pull: PullRequestOpened | None, merge: FixApplied) -> bool:
    return pull is not None and (pull.repository, pull.number) == (merge.repository, merge.number)


def _unopened(proposal: Proposal) -> str:
    red = [span(check.name, 60) for check in proposal.checks if check.required and check.state != "passed"]
    return f"stopped by {', '.join(red)}" if red else "no pull request was opened"
