"""Avoidable delay: when the incident could have been told, and when the evidence was enough for its cause."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from premortem.domain.claims import Settled
from premortem.domain.moments import length, utc
from premortem.domain.timeline import ContextBuilt, IncidentReopened, IncidentSuppressed, RootCauseProposed
from replay.postmortem.causes import accepted
from replay.postmortem.earliest import Earliest, Firing
from replay.postmortem.told import Placed, Story

Settle = Callable[[ContextBuilt], Settled]
"""What the rules of evidence leave of the rules' own claim, given a context: pure."""
_NOTABLE_MS = 60_000


class Sufficient(NamedTuple):
    """The first context from which the rules reach the accepted cause, and the fact that proposed it."""

    context: Placed
    cause: Placed


def sufficient(story: Story, settle: Settle) -> Sufficient | None:
    """Return when the evidence was first enough; None = it never was, or there is no cause.

    Enough = from it the rules name the same change, or none where the cause names none, and it allows as much
    confidence as the cause has in the end.
    """
    found = accepted(story)
    if found is None or found[1].verdict == "inconclusive":
        return None
    where, cause = found
    proposed = next(each for each in story.facts if each.where == where)
    for each in story.facts:
        if isinstance(each.fact, ContextBuilt) and each.fact.evidence and _reaches(settle(each.fact), cause):
            return Sufficient(each, proposed)
    return None


def _reaches(settled: Settled, cause: RootCauseProposed) -> bool:
    mine = cause.suspect.commit if cause.suspect else None
    theirs = settled.suspect.commit if settled.suspect else None
    return mine == theirs and settled.cap >= cause.confidence


def delay_lines(story: Story, found: Earliest, settle: Settle) -> Iterator[str]:
    """Yield when it could have been known, what it was held back by, and for how long."""
    enough = sufficient(story, settle)
    yield from _table(found, enough)
    yield ""
    yield from _told_late(found)
    yield from _suppressed(story)
    yield from _thought_late(story, enough)


def _table(found: Earliest, enough: Sufficient | None) -> Iterator[str]:
    stream = f"sentry.events/{found.partition}"
    yield "| | at (UTC) | where |"
    yield "|---|---|---|"
    if found.first is not None:
        yield f"| the first event of the error | {utc(found.first.occurred_at)} | `{stream}/{found.first.offset}` |"
    if found.begun is not None and found.begun != found.first:
        began = found.begun
        yield f"| the first event since the onset | {utc(began.occurred_at)} | `{stream}/{began.offset}` |"
    yield from _row("the detector could have told it, had nobody set anything", found.could, stream)
    yield from _row("the detector told it", found.did, stream)
    if enough is not None:
        yield (
            f"| the evidence was enough for the cause | {utc(enough.context.fact.occurred_at)} | "
            f"`{enough.context.where}` |"
        )
        yield f"| the cause was proposed | {utc(enough.cause.fact.occurred_at)} | `{enough.cause.where}` |"


def _row(what: str, firing: Firing | None, stream: str) -> Iterator[str]:
    if firing is not None:
        yield f"| {what} | {utc(firing.at)} | `{stream}/{firing.event.offset}` |"


def _told_late(found: Earliest) -> Iterator[str]:
    if found.did is None:
        yield "- Today's detector does not open this incident from the log, so nothing is said of when it could have."
        return
    if not found.avoidable:
        held = f", though these were set: {', '.join(found.settings)}" if found.settings else ""
        yield f"- Nothing that a person had set held it back{held}."
    else:
        named = " and ".join(found.settings)
        yield f"- **What persons had set cost {length(found.avoidable)}**: {named}."
        if len(found.settings) > 1:
            for cost in found.costs:
                yield f"  - Without {cost.what} alone it would have been told {length(cost.milliseconds)} earlier."
            if not found.costs:
                yield "  - Without any of them alone it would have been told no earlier."
    if found.begun is not None and found.could is not None:
        needed = found.could.at - found.begun.occurred_at
        yield (
            f"- The detector itself needed {length(needed)} from the first event since the onset until it was sure."
            if needed
            else "- The detector itself needed no more than the first event."
        )
        if found.could.waited >= _NOTABLE_MS:
            yield f"- Of that it waited {length(found.could.waited)} for others of the same cause."
        late = found.begun.received_at - found.begun.occurred_at
        if late >= _NOTABLE_MS:
            yield f"- That first event came {length(late)} after it had happened."


def _suppressed(story: Story) -> Iterator[str]:
    """Yield for how long a suppression kept anybody from being told and any work from beginning."""
    since: Placed | None = None
    for each in story.facts:
        if isinstance(each.fact, IncidentSuppressed):
            since = since or each
        elif isinstance(each.fact, IncidentReopened) and since is not None:
            took = each.fact.occurred_at - since.fact.occurred_at
            yield f"- It was suppressed for {length(took)}, from `{since.where}` to `{each.where}`."
            since = None


def _thought_late(story: Story, enough: Sufficient | None) -> Iterator[str]:
    if enough is None:
        found = accepted(story)
        if found is None or found[1].verdict == "inconclusive":
            yield "- The evidence was never enough to name a cause: see what was missing."
        else:
            yield "- From no stored evidence alone do the rules reach the cause as it stood in the end."
        return
    late = enough.cause.fact.occurred_at - enough.context.fact.occurred_at
    earlier = [each for each in story.of(ContextBuilt) if each.offset < enough.context.offset]
    if earlier:
        took = enough.context.fact.occurred_at - earlier[0].fact.occurred_at
        looks = f"{len(earlier)} earlier look{'' if len(earlier) == 1 else 's'} at the evidence"
        yield f"- {looks} did not show enough; the right one came {length(took)} after the first."
    yield f"- From the evidence to the cause it took {length(late)}."
