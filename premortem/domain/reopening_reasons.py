"""Why nothing opens an incident again, or only a narrow case: each a sentence with what mends it.

These sentences explain what `reopening` found by trying; they decide nothing.
"""

from collections.abc import Iterator

from msgspec import Struct

from premortem.domain.detection.gates import Mute
from premortem.domain.detection.users import SATURATED
from premortem.domain.ids import ProjectId
from premortem.domain.moments import utc
from premortem.domain.project_stream import ErrorSeen


class Reason(Struct, frozen=True):
    """What stands before it, and what a person can do about it."""

    why: str
    mend: str


class Asked(Struct, frozen=True, kw_only=True):
    """One error of a resolved incident, as the detector holds it. Times in milliseconds since 1970 UTC."""

    project_id: ProjectId
    fingerprint: str
    owner: str
    """The incident that would be opened in its place; empty = itself."""
    merged: bool
    waits: bool
    """A signal of it is held back, and opens an incident of its own when it passes."""
    is_resolved: bool
    resolved_at: int
    at: int
    """The moment that is asked about."""
    horizon: int
    release: str | None
    """The release that is said to hold the fix."""
    release_seen: int | None
    environment: str | None
    environment_known: bool
    mute: Mute | None
    least_events: int
    least_users: int


def obstacle(asked: Asked) -> Reason:
    """Return what keeps every event of the error from opening the incident again."""
    show = f"premortem incidents show {asked.owner}"
    if asked.owner and asked.merged:
        return Reason(f"it was merged into incident {asked.owner}, and what comes back opens that one", show)
    if asked.owner:
        return Reason(f"its error belongs to incident {asked.owner} by now, and would open that one", show)
    if asked.waits:
        return Reason(
            "a return of its error waits for the end of quiet hours, or for others of its cause, and opens an incident "
            "of its own then",
            "wait for it, and work on that one",
        )
    if not asked.is_resolved:
        return Reason(
            "the detector holds no resolution of its error: a return in quiet hours opened an incident of its own and "
            "used it up, or ten thousand later resolutions pushed it out",
            "resolve it once more: premortem incidents resolve",
        )
    if asked.resolved_at > asked.horizon:
        return Reason(
            f"it is said to be resolved at {utc(asked.resolved_at)} UTC, and only what comes later counts",
            "resolve it with the time of today",
        )
    mute = asked.mute
    if mute is not None and mute.until > asked.horizon:
        return Reason(f"its error is muted until {utc(mute.until)} UTC, which is without an end", _unmute(asked))
    if asked.least_users > SATURATED:
        return Reason(
            f"the project's rule minimum_users asks for {asked.least_users} users, and no more than {SATURATED} can be "
            f"told apart",
            f"premortem rules set minimum_users 100 --project {asked.project_id}",
        )
    return Reason("every event that was tried was held back", f"premortem why --project {asked.project_id}")


def narrowings(asked: Asked, event: ErrorSeen, after_outburst: bool) -> Iterator[Reason]:
    """Yield why it is only a narrow case that this event opens it again; nothing for an ordinary one."""
    yield from _of_mute(asked, event.received_at, after_outburst)
    yield from _of_release(asked, event.release)
    if asked.waits:
        yield Reason(
            "a return of its error waits for the end of quiet hours and opens an incident of its own then; until then "
            "only a fatal one opens this",
            "wait for it, and work on that one",
        )
    if asked.environment and not asked.environment_known:
        yield Reason(
            f"only events of environment {asked.environment} count, and nothing was ever heard of it",
            "is its name spelt as the SDKs send it?",
        )
    rules = f"premortem rules list --project {asked.project_id}"
    if asked.least_events > 1:
        yield Reason(f"it has to come back {asked.least_events} times (the rule minimum_events)", rules)
    if asked.least_users:
        many = f"{asked.least_users} users" if asked.least_users > 1 else "a user"
        yield Reason(
            f"it has to come back to {many} (the rule minimum_users), so events that name no user do not count", rules
        )


def _of_mute(asked: Asked, at: int, after_outburst: bool) -> Iterator[Reason]:
    mute = asked.mute
    if mute is None or mute.until <= asked.at:
        return
    burst = f" it comes {mute.tripwire:g} times as often as when it was muted" if mute.tripwire is not None else ""
    if after_outburst:
        yield Reason(
            f"its error is muted without an end, unless{burst}: that opens this one, or an incident of its own",
            _unmute(asked),
        )
    elif mute.until < at:
        yield Reason(
            f"its error is muted, so nothing before {utc(mute.until)} UTC counts{', unless' + burst if burst else ''}",
            _unmute(asked),
        )


def _of_release(asked: Asked, release: str | None) -> Iterator[Reason]:
    if asked.release is None:
        return
    mend = "name the release that runs, or none"
    others = "until then any other release's events are taken for those of older clients"
    if asked.release_seen is None:
        yield Reason(
            f"nothing was ever heard of release {asked.release}: only its own events count, or those that name no "
            f"release after half an hour of quiet or more; {others}",
            mend,
        )
    elif asked.release_seen > asked.at:
        yield Reason(f"release {asked.release} is told to be deployed at {utc(asked.release_seen)} UTC: {others}", mend)
    elif release == asked.release or release is None:
        yield Reason(
            f"no release can be ordered behind {asked.release} any more: only its own events count, or those that name "
            f"no release after half an hour of quiet or more",
            mend,
        )


def _unmute(asked: Asked) -> str:
    return f"premortem unmute {asked.fingerprint} --project {asked.project_id}"
