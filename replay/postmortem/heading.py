"""Heading: what it is, for whom, and a summary that is read in thirty seconds."""

from collections.abc import Iterator, Sequence

from premortem.domain.decision import DetectorName
from premortem.domain.inert_text import quiet, span
from premortem.domain.moments import length, utc
from premortem.domain.observations import BlastRadius, OverRepresented, read
from premortem.domain.timeline import (
    ContextBuilt,
    EvaluationCompleted,
    FixProposed,
    IncidentDetected,
    IncidentReopened,
    InstrumentationProposed,
)
from replay.postmortem.causes import accepted
from replay.postmortem.earliest import Earliest
from replay.postmortem.stages import Stage, longest
from replay.postmortem.told import Story
from replay.postmortem.tried import attempts

_MOST_PLACES, _MOST_ATTRIBUTES = 8, 3
_NOTABLE_MS = 60_000
_OVER = ("resolved", "suppressed")


def title_line(story: Story) -> str:
    """Return the first line: signs that could be Markdown are left out of the error's title."""
    kind = "Post-mortem" if is_over(story) else "Interim post-mortem"
    return f"# {kind}: {quiet(story.incident.title, 120) or 'an error without a title'}"


def is_over(story: Story) -> bool:
    """Say whether the incident is over; else what is written is an interim word."""
    return story.incident.status in _OVER


def open_lines(story: Story) -> Iterator[str]:
    """Yield a warning where the incident goes on, or is told elsewhere."""
    incident = story.incident
    if incident.merged_into is not None:
        yield f"> It is part of incident {span(incident.merged_into, 64)}; the rest of its story is told there."
        yield ""
    elif not is_over(story):
        newest = story.facts[-1]
        yield (
            f"> **This incident is not over.** Its status is {incident.status.replace('_', ' ')}; the newest fact is "
            f"of {utc(newest.fact.occurred_at)} UTC (`{newest.where}`). What is said here may change."
        )
        yield ""


def fact_lines(story: Story, found: Earliest) -> Iterator[str]:
    """Yield a table of what a reader asks first."""
    incident, opened = story.incident, story.opened
    yield "| | |"
    yield "|---|---|"
    yield f"| Incident | {span(incident.id, 64)} |"
    yield f"| Error | {span(incident.title)} |"
    yield f"| Where | {span(incident.culprit or 'unknown')} |"
    yield f"| Severity | {incident.severity} |"
    yield f"| Status | {incident.status.replace('_', ' ')} |"
    yield f"| Began | {utc(opened.decision.onset)} UTC |"
    yield f"| Detected | {utc(_told_at(opened, found))} UTC, as {_AS[opened.decision.detector]} |"
    if story.ended is not None:
        at = story.ended.fact.occurred_at
        yield f"| Over | {utc(at)} UTC, after {length(at - opened.decision.onset)} |"
    yield f"| Release | {span(incident.release or 'none reported')} |"
    yield f"| Environment | {span(incident.environment or 'none reported', 64)} |"
    if len(incident.fingerprints) > 1:
        yield f"| Errors | {len(incident.fingerprints)} of one cause |"
    yield from _reach_rows(story)


def summary_lines(story: Story, found: Earliest, stages: Sequence[Stage]) -> Iterator[str]:
    """Yield the summary: what happened, how it was noticed, why it came about, what ended it, and what took longest."""
    incident, opened = story.incident, story.opened
    where = f" in {span(incident.environment, 64)}" if incident.environment else ""
    release = f", in release {span(incident.release)}" if incident.release else ""
    yield f"{span(incident.title)} began{where} at {utc(opened.decision.onset)} UTC{release}.{_reached(story)}"
    noticed = _told_at(opened, found) - opened.decision.onset
    late = f", {length(found.avoidable)} later than it could have" if found.avoidable >= _NOTABLE_MS else ""
    came = found.begun.received_at - found.begun.occurred_at if found.begun else 0
    after = f"; its first event came {length(came)} after it had happened" if came >= _NOTABLE_MS else ""
    yield f"It was noticed {f'after {length(noticed)}' if noticed else 'at once'}{late}{after}."
    yield ""
    yield _why(story)
    yield ""
    yield " ".join(_end(story))
    most = longest(list(stages))
    if most is not None:
        yield ""
        yield f"The longest wait was from {most.before.what} to {most.after.what}: {length(most.took)}."


_AS: dict[DetectorName, str] = {
    "novelty": "a new error",
    "environment": "an error that is new in its environment",
    "release": "an error that is back in a new release",
    "spike": "a spike",
    "ramp": "a slow ramp",
    "regression": "the return of a resolved error",
}


def _told_at(opened: IncidentDetected, found: Earliest) -> int:
    return max(opened.occurred_at, found.did.at) if found.did is not None else opened.occurred_at


def _why(story: Story) -> str:
    found = accepted(story)
    if found is None:
        return "Why it happened is not known: no cause was proposed."
    _, cause = found
    said = span(cause.summary, 400)
    match cause.verdict:
        case "inconclusive":
            return f"Why it happened is not known ({said})."
        case "not_an_incident":
            return f"The analysis says that nothing is broken: {said}"
        case "confirmed" | "probable":
            return f"Why, with a confidence of {cause.confidence:.2f}: {said}"


def _end(story: Story) -> Iterator[str]:
    tried = [each for each in attempts(story) if each.is_patch]
    verdict = story.newest(EvaluationCompleted)
    again = len(story.of(IncidentReopened))
    if tried:
        opened = sum(each.pull is not None for each in tried)
        merged = sum(bool(each.commit) for each in tried)
        yield f"{_many(len(tried), 'patch', 'patches')} proposed, {opened} opened as a pull request, {merged} merged."
    elif story.of(FixProposed, InstrumentationProposed):
        yield "No patch could be made."
    if verdict is not None:
        said = verdict[1].verdict.replace("_", " ")
        yield f"What was deployed last was measured as **{said}**: {span(verdict[1].summary, 300)}"
    if again:
        yield f"It was opened again {'once' if again == 1 else f'{again} times'}."
    if story.ended is not None:
        yield f"It was over at {utc(story.ended.fact.occurred_at)} UTC."
    elif story.incident.status == "suppressed":
        yield "It was suppressed, not resolved."
    else:
        yield "It is not over."


def _many(count: int, one: str, more: str) -> str:
    return f"{count} {one} was" if count == 1 else f"{count} {more} were"


def _reached(story: Story) -> str:
    until, found = _until_the_fix(story), _blast(story)
    if until is not None:
        return f" Until the fix it came to {until}."
    if found is None:
        return ""
    _, reach = found
    users = f" and about {reach.users} user{'' if reach.users == 1 else 's'}" if reach.users else ""
    return f" When the evidence was gathered it had come to {_events(reach.events)}{users}."


def _reach_rows(story: Story) -> Iterator[str]:
    found = _blast(story)
    if found is None:
        yield "| For whom | not known: no blast radius is stored |"
        return
    cited, reach = found
    who = f"about {reach.users} user{'' if reach.users == 1 else 's'}" if reach.users else "its events name no users"
    span_of_it = f"{utc(reach.first_seen)} to {utc(reach.last_seen)}"
    yield f"| For whom | {_events(reach.events)}, {who}, {span_of_it}, when the evidence was gathered ({cited}) |"
    if until := _until_the_fix(story):
        yield f"| Until the fix | {until} |"
    yield f"| Releases | {_places(reach.releases)} |"
    yield f"| Environments | {_places(reach.environments)} |"
    for where, evidence in story.observations():
        over = read(evidence, OverRepresented)
        if over is not None and over.attributes:
            for each in over.attributes[:_MOST_ATTRIBUTES]:
                what, cited = span(f"{each.name} = {each.value}", 120), f"{span(evidence.id, 40)}, `{where}`"
                share = (
                    f"{each.inside} of {each.inside_total} failing events, {each.before} of {each.before_total} before"
                )
                yield f"| Mostly | {what}: {share} ({cited}) |"
            return


def _events(count: int) -> str:
    return f"{count} event{'' if count == 1 else 's'}"


def _until_the_fix(story: Story) -> str | None:
    """Return what was counted from onset to fix, when the fix was measured."""
    verdict = story.newest(EvaluationCompleted)
    for each in verdict[1].comparisons if verdict else ():
        if each.against == "onset_to_fix":
            return f"{_events(each.before_events)} in {each.before_exposure} {each.unit}"
    return None


def _blast(story: Story) -> tuple[str, BlastRadius] | None:
    """Return the newest blast radius, with what cites it."""
    for each in reversed(story.of(ContextBuilt)):
        assert isinstance(each.fact, ContextBuilt)
        for evidence in each.fact.evidence:
            reach = read(evidence, BlastRadius)
            if reach is not None:
                return f"{span(evidence.id, 40)}, `{each.where}`", reach
    return None


def _places(names: Sequence[str]) -> str:
    shown = ", ".join(span(name, 64) for name in names[:_MOST_PLACES])
    more = f" and {len(names) - _MOST_PLACES} more" if len(names) > _MOST_PLACES else ""
    return f"{shown}{more}" if names else "none reported"
