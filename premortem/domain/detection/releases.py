"""Releases: when each release and environment of a project was first seen; what is newer than what follows from it."""

from collections.abc import Sequence
from typing import Any

_MOST = 2_000
"""Releases that are kept; the one heard of first goes first, and counts as older than every other from then on."""
_MOST_ENVIRONMENTS = 64
_LATE = 1 << 62
"""A time behind every other: a release that was never seen somewhere was not seen before anything."""
NOWHERE = ""
"""The environment of events that name none."""


class Releases:
    """First sightings, by event or by deploy notice, in milliseconds since 1970 UTC (event time).

    A sighting is the earliest time told so far: an event that comes late can only move it back.
    """

    def __init__(self) -> None:
        self._seen: dict[str, dict[str, int]] = {}
        self._since: dict[str, int] = {}
        self._bits: dict[str, int] = {}
        self._firsts: dict[str, str] = {}
        """Environment -> the release that was heard of first there."""

    def see(self, release: str | None, environment: str | None, at: int) -> int:
        """Note that the release was seen in the environment at this time; return the environment's bit.

        The bit is for sets of environments held as one number; it is 0 for one of more than are kept.
        """
        where = environment or NOWHERE
        if release is not None:
            places = self._seen.get(release)
            if places is None or at < places.get(where, _LATE):  # what was seen earlier there changes nothing
                self._see_release(release, where, at)
        since = self._since.get(where)
        if since is None:
            if len(self._since) >= _MOST_ENVIRONMENTS:
                return 0
            self._bits[where] = 1 << len(self._since)
        if since is None or at < since:
            self._since[where] = at
        return self._bits[where]

    def _see_release(self, release: str, where: str, at: int) -> None:
        places = self._seen.get(release)
        if places is None:
            if len(self._seen) >= _MOST:
                del self._seen[next(iter(self._seen))]
            places = self._seen[release] = {}
        first = places.get(where)
        if first is None and len(places) >= _MOST_ENVIRONMENTS:
            return
        if where not in self._firsts and len(self._firsts) < _MOST_ENVIRONMENTS:
            self._firsts[where] = release
        if first is None or at < first:
            places[where] = at

    def first_seen(self, release: str | None, environment: str | None = None) -> int | None:
        """Return when the release was first seen in the environment (None = in any); None when it never was."""
        places = self._seen.get(release) if release is not None else None
        if not places:
            return None
        return min(places.values()) if environment is None else places.get(environment)

    def arrived(self, release: str | None, environment: str | None) -> int | None:
        """Return when the release came to the environment; None for the first one there: nothing came before it."""
        where = environment or NOWHERE
        return None if self._firsts.get(where) == release else self.first_seen(release, where)

    def environment_since(self, environment: str | None) -> int | None:
        """Return when the environment was first heard of."""
        return self._since.get(environment or NOWHERE)

    def pack(self) -> list[Any]:
        """Return the state as plain lists, in order."""
        seen = [[name, list(places.items())] for name, places in self._seen.items()]
        return [seen, list(self._since.items()), list(self._firsts.items())]

    @classmethod
    def unpack(cls, fields: Sequence[Any]) -> "Releases":
        """Return what `pack` gave."""
        found = cls()
        found._seen = {name: dict(places) for name, places in fields[0]}
        found._since, found._firsts = dict(fields[1]), dict(fields[2])
        found._bits = {where: 1 << n for n, where in enumerate(found._since)}
        return found
