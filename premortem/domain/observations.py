"""Observations: what the results of stored evidence look like, one shape for each kind that analysts read.

An `Evidence.result` is the JSON of one of these, keys sorted, so that a quoted span means something. Times are
milliseconds since 1970 UTC. What clients and authors of commits wrote is in here as they wrote it: text, nothing more.
"""

from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from premortem.domain.evidence import Evidence, EvidenceKind


class Onset(Struct, frozen=True, kw_only=True):
    """When it began: the decision's onset, and the interval that the counts allow."""

    at: int
    earliest: int
    latest: int
    minutes: tuple[tuple[int, int], ...]
    """(start of the minute, events) around the onset; empty minutes left out."""


class ReleaseSeen(Struct, frozen=True, kw_only=True):
    """A release in the incident's environment: how long it was seen, and how many of its events are the incident's."""

    release: str
    first_seen: int
    last_seen: int
    events: int
    failing: int


class Releases(Struct, frozen=True, kw_only=True):
    """The releases around the onset, oldest first; which one was good and which is bad, where that can be told."""

    releases: tuple[ReleaseSeen, ...]
    last_good: str | None
    first_bad: str | None


class DeploySeen(Struct, frozen=True, kw_only=True):
    """A deploy that was reported."""

    release: str
    environment: str
    deployed_at: int


class Deploys(Struct, frozen=True, kw_only=True):
    """The deploys before the end of the onset's interval, newest first."""

    deploys: tuple[DeploySeen, ...]


class Attribute(Struct, frozen=True, kw_only=True):
    """A value that is more frequent among failing events than among events before."""

    name: str
    """`tag:browser`, `flag:new_checkout`, `release`, `environment`, `user`."""
    value: str
    inside: int
    inside_total: int
    before: int
    before_total: int
    lift: float
    """Share inside over share before, each count one up, rounded to 0.01."""


class OverRepresented(Struct, frozen=True, kw_only=True):
    """The attributes that stand out, strongest first."""

    attributes: tuple[Attribute, ...]


class FrameSeen(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A stack frame of an event."""

    filename: str
    function: str
    line: int
    in_app: bool
    context_line: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    """Name and representation, as the client sent them."""


class ExceptionSeen(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An exception of an event; frames run from the oldest call to the one that failed."""

    type: str
    value: str
    frames: tuple[FrameSeen, ...] = ()


class EventSeen(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An event that stands for others, and the rule by which it was picked."""

    rule: Literal["detected", "first", "latest", "rarest"]
    event_id: str
    occurred_at: int
    title: str
    release: str = ""
    environment: str = ""
    transaction: str = ""
    exceptions: tuple[ExceptionSeen, ...] = ()
    """From root cause to outermost."""
    tags: tuple[tuple[str, str], ...] = ()
    breadcrumbs: tuple[tuple[int, str, str], ...] = ()
    """(time, category, message), oldest first."""


class Difference(Struct, frozen=True, kw_only=True):
    """Something that failing events have and others have not, or have otherwise."""

    where: str
    """`breadcrumb`, or `variable total in shop/cart.py:price`."""
    failing: tuple[str, ...]
    others: tuple[str, ...]
    failing_events: int
    other_events: int


class Differences(Struct, frozen=True, kw_only=True):
    """What differs between failing and other events."""

    differences: tuple[Difference, ...]


class BlastRadius(Struct, frozen=True, kw_only=True):
    """How far it reaches."""

    events: int
    users: int
    releases: tuple[str, ...]
    environments: tuple[str, ...]
    first_seen: int
    last_seen: int


class Code(Struct, frozen=True, kw_only=True):
    """The code around an in-app frame, at the failing release's commit."""

    repository: str
    commit: str
    path: str
    function: str
    first_line: int
    failing_line: int
    lines: tuple[str, ...]
    depth: int
    """0 = the frame that failed, 1 = its caller among the in-app frames, and so on."""


class BlameLine(Struct, frozen=True, kw_only=True):
    """A line and who wrote it last."""

    line: int
    text: str
    commit: str
    committed_at: int


class Blame(Struct, frozen=True, kw_only=True):
    """Who wrote the lines around the failing one."""

    repository: str
    commit: str
    path: str
    failing_line: int
    lines: tuple[BlameLine, ...]


class CommitSeen(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A commit between good and bad."""

    id: str
    committed_at: int
    subject: str
    paths: tuple[str, ...]
    patch: str = ""
    """The beginning of what it changed, a unified diff of at most 4 KiB; of the twenty newest that touch code."""


class Commits(Struct, frozen=True, kw_only=True):
    """The commits that came with the first bad release, newest first."""

    repository: str
    bad_commit: str
    good_commit: str | None
    rule: Literal["between_releases", "days_before_onset"]
    commits: tuple[CommitSeen, ...]


class SimilarIncident(Struct, frozen=True, kw_only=True):
    """An incident of the past whose stack looked alike, and what ended it."""

    incident_id: str
    similarity: float
    title: str
    cause: str
    fix_commit: str
    fix_summary: str


class Similar(Struct, frozen=True, kw_only=True):
    """The nearest incidents of the past, nearest first."""

    incidents: tuple[SimilarIncident, ...]


class Correction(Struct, frozen=True, kw_only=True):
    """What a person answered to an earlier proposal."""

    action: Literal["correct_cause", "reject_cause", "reject_fix"]
    at: int
    text: str


class FailedFix(Struct, frozen=True, kw_only=True):
    """A fix that was deployed and did not help."""

    summary: str
    patch: str
    release: str
    verdict: str
    measured: str


class ReleaseMeasured(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a release held before a deploy and after: the incident's events, sessions, about how many other errors."""

    release: str
    carries_fix: bool
    """Its events after the deploy count as after the fix."""
    events: tuple[int, int]
    sessions: tuple[int, int]
    others: tuple[int, int]


class NewErrorMeasured(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An error that nobody had seen before a deploy, on a release with the fix."""

    fingerprint: str
    title: str
    event_id: str
    events: int
    sibling: bool
    """It comes from frames that the fix changed."""


class Exposure(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What was counted to judge a fix: from `begin` to the deploy, and from the deploy to `end`."""

    begin: int
    deployed_at: int
    end: int
    releases: tuple[ReleaseMeasured, ...]
    new_errors: tuple[NewErrorMeasured, ...]
    new_errors_before: int
    """Errors of at least two events that were new between `begin` and the deploy."""


SHAPES: dict[EvidenceKind, type[Struct]] = {
    "onset": Onset,
    "releases": Releases,
    "deploys": Deploys,
    "over_represented": OverRepresented,
    "event": EventSeen,
    "differences": Differences,
    "blast_radius": BlastRadius,
    "code": Code,
    "blame": Blame,
    "commits": Commits,
    "exposure": Exposure,
    "similar": Similar,
    "correction": Correction,
    "failed_fix": FailedFix,
}

T = TypeVar("T", bound=Struct)
_ENCODER = msgspec.json.Encoder(order="sorted")


def result(observation: Struct) -> str:
    """Return the JSON that stands in an `Evidence`."""
    return _ENCODER.encode(observation).decode()


def read(evidence: Evidence, shape: type[T]) -> T | None:
    """Return the observation in an evidence, or None when it is another one or was cut."""
    if SHAPES.get(evidence.kind) is not shape:
        return None
    try:
        return msgspec.json.decode(evidence.result, type=shape)
    except ValueError:
        return None
