"""Regression: a resolved error that comes back in a release that should not have it; older clients only leave residue.

An event of an older release, or one from before the resolution, is counted and never re-opens; a newer one does, once a
resolution, in its environment. Newer is what was first seen or deployed later, not what sorts later: version names
have no order that every team keeps.
"""

from collections.abc import Sequence
from copy import copy
from typing import Any, Literal, NamedTuple

from premortem.domain.detection import users
from premortem.domain.detection.known import Known
from premortem.domain.detection.releases import Releases
from premortem.domain.project_stream import ErrorSeen, Resolved

EVERYWHERE = "*"
_MOST = 10_000
_QUIET_MS = 30 * 60_000
_GAPS = 3
_LONGEST_GAP_MS = 8 * 3_600_000

Verdict = Literal["before", "older_release", "not_quiet", "back"]


REASONS: dict[Verdict, str] = {
    "before": "from after the resolution",
    "older_release": "release newer than the one that fixed it",
    "not_quiet": "ms of quiet since the resolution",
    "back": "back after the resolution",
}
"""What a gate is called by what an event was to a resolution."""


class Resolution:
    """One resolution of one fingerprint in one environment; times in milliseconds since 1970 UTC, counts in events."""

    __slots__ = ("at", "back", "last", "release", "residue", "users")

    def __init__(self, at: int, release: str | None, last: int) -> None:
        self.at = at
        self.release = release
        self.last = last
        """The newest event that was residue, or the resolution itself: quiet is counted from there."""
        self.residue = 0
        """Events that older releases, or events from before, have left since."""
        self.back = 0
        """Events that a newer release sent, while a gate holds them back."""
        self.users = 0
        """Their distinct users, as a bitmap."""


class Judged(NamedTuple):
    """What an event says about a resolution, with the numbers behind it."""

    verdict: Verdict
    observed: float
    limit: float


class Resolutions:
    """The resolutions of a project that no regression has used up."""

    def __init__(self) -> None:
        self._of: dict[str, dict[str, Resolution]] = {}

    def __contains__(self, fingerprint: str) -> bool:
        return fingerprint in self._of

    def resolve(self, fingerprint: str, record: Resolved) -> None:
        """Note that the error is resolved; a later resolution of the same environment takes the place of this one."""
        places = self._of.pop(fingerprint, {})
        where = record.environment or EVERYWHERE
        if where == EVERYWHERE:
            places = {}
        places[where] = Resolution(record.resolved_at, record.release, record.resolved_at)
        self._of[fingerprint] = places
        while len(self._of) > _MOST:
            del self._of[next(iter(self._of))]

    def find(self, fingerprint: str, environment: str | None) -> tuple[str, Resolution] | None:
        """Return the resolution that holds in the environment, by its own name or for all; None when there is none."""
        places = self._of.get(fingerprint)
        if places is None:
            return None
        for where in (environment or "", EVERYWHERE):
            if where in places:
                return where, places[where]
        return None

    def places(self, fingerprint: str) -> tuple[str, ...]:
        """Return the environments in which a resolution of it holds; `EVERYWHERE` is one of them."""
        return tuple(self._of.get(fingerprint, ()))

    def only(self, fingerprint: str) -> "Resolutions":
        """Return a copy that holds those of this fingerprint alone."""
        found = Resolutions()
        if fingerprint in self._of:
            found._of[fingerprint] = {where: copy(each) for where, each in self._of[fingerprint].items()}
        return found

    def use_up(self, fingerprint: str, where: str) -> None:
        """Forget a resolution: it re-opens once."""
        del self._of[fingerprint][where]
        if not self._of[fingerprint]:
            del self._of[fingerprint]

    def pack(self) -> list[Any]:
        """Return the state as plain lists, in order."""
        return [
            [name, [[w, r.at, r.release, r.last, r.residue, r.back, users.pack(r.users)] for w, r in places.items()]]
            for name, places in self._of.items()
        ]

    @classmethod
    def unpack(cls, fields: Sequence[Any]) -> "Resolutions":
        """Return what `pack` gave."""
        found = cls()
        for name, places in fields:
            mine = found._of[name] = {}
            for where, at, release, last, residue, back, people in places:
                each = mine[where] = Resolution(at, release, last)
                each.residue, each.back, each.users = residue, back, users.unpack(people)
        return found


def judge(event: ErrorSeen, resolution: Resolution, known: Known, releases: Releases) -> Judged:
    """Say what the event is to the resolution. It changes nothing; `count` takes it in.

    With a release on both sides the releases' first sightings decide. Where either names none, the error must have been
    quiet for half an hour, or three times its mean gap if that is longer: until then it is what was under way.
    """
    if event.occurred_at <= resolution.at:
        return Judged("before", event.occurred_at, resolution.at)
    where = event.environment or ""
    mine = _first_seen(releases, event.release, where)
    if event.release is not None and mine is not None:
        if resolution.release is None:
            if mine > resolution.at:
                return Judged("back", mine, resolution.at)
        elif event.release == resolution.release:
            return Judged("back", mine, mine)
        else:
            fixed = _first_seen(releases, resolution.release, where)
            newer = fixed is not None and mine > fixed
            return Judged("back" if newer else "older_release", mine, fixed if fixed is not None else resolution.at)
    quiet = event.occurred_at - resolution.last
    gap = (known.last_seen - known.first_seen) / max(1, known.total - 1)
    limit = max(_QUIET_MS, _GAPS * min(gap, _LONGEST_GAP_MS))
    return Judged("back" if quiet > limit else "not_quiet", quiet, limit)


def count(event: ErrorSeen, resolution: Resolution, judged: Judged) -> None:
    """Take the event in as residue, or as one that came back."""
    if judged.verdict == "back":
        resolution.back += 1
        if event.user_hash:
            resolution.users = users.add(resolution.users, event.user_hash)
        return
    resolution.residue += 1
    if judged.verdict == "not_quiet":
        resolution.last = max(resolution.last, event.occurred_at)


def _first_seen(releases: Releases, release: str | None, where: str) -> int | None:
    """Return the release's first sighting in the environment, or anywhere when it was not seen there."""
    there = releases.first_seen(release, where)
    return there if there is not None else releases.first_seen(release)
