"""Explaining: why a recorded detection is not what a replay tells, or that nothing accounts for it."""

from bisect import bisect_right
from typing import NamedTuple

from msgspec.structs import replace

from premortem.adapters.event_log.partitioner import partition_of
from premortem.domain.detection.config import VERSION
from replay.detecting.differing import Difference
from replay.detecting.recorded import Timeline

_SHAPE = ("v", "detector_version")
"""Fields that a newer version of a record says of itself, and that decide nothing."""
_OF_EVENT = frozenset(
    (
        *("tenant_id", "project_id", "occurred_at", "title", "culprit", "level", "platform", "release"),
        *("environment", "origin_url", "handled", "tag_hashes"),
    )
)
"""Fields that are the event's."""


class Said(NamedTuple):
    """That a version of the detector told something at a time (ms since 1970 UTC)."""

    at: int
    version: int


class Versions:
    """Which version of the detector ran when, as the facts of each partition of the project stream tell.

    Made when the replay is over: by then it is known which facts it tells, too.
    """

    def __init__(self, timeline: Timeline, partitions: int) -> None:
        self._partitions = partitions
        self._said: dict[int, list[Said]] = {}
        self._ours: dict[int, int] = {}
        """When each partition's first fact was told that a replay tells to the byte (ms since 1970 UTC)."""
        for each in timeline:
            place = self._of(each.project)
            if each.version:
                self._said.setdefault(place, []).append(Said(each.at, each.version))
            if each.matched and each.version == VERSION:
                self._ours[place] = min(each.at, self._ours.get(place, each.at))
        for said in self._said.values():
            said.sort()

    def _of(self, project: int) -> int:
        return partition_of(str(project), self._partitions)

    def ran(self, difference: Difference) -> int:
        """Return the version that ran where the difference is: its own, or, where it says none, its neighbours'.

        Between two versions it is the older one: a newer one has not shown itself yet. 0 = nothing tells.
        """
        if difference.recorded_by:
            return difference.recorded_by
        said = self._said.get(self._of(difference.project), [])
        here = bisect_right(said, (difference.at, 1 << 62))
        near = [each.version for each in said[max(0, here - 1) : here + 1]]
        return next((version for version in near if version != VERSION), near[0] if near else 0)

    def before(self, difference: Difference) -> int:
        """Return the version that left its state to the one that runs where the difference is; 0 = none did.

        An older version that speaks behind this one left none: that is a step back, or somebody's edit.
        """
        place = self._of(difference.project)
        until = min(difference.at, self._ours.get(place, difference.at))
        return next(
            (each.version for each in self._said.get(place, []) if each.version < VERSION and each.at <= until), 0
        )


def by_version(difference: Difference, versions: Versions) -> Difference:
    """Return the difference explained by the versions of record and detector, where they do."""
    if _is_of_shape(difference):
        note = "an older version of the record left out what the newer one says"
        return replace(difference, reason="record version", note=note)
    ran = versions.ran(difference)
    if ran > VERSION:
        return replace(difference, reason="newer version", note=f"version {ran} of the detector")
    if 0 < ran < VERSION:
        return replace(difference, reason="detector version", note=f"version {ran}")
    before = versions.before(difference)
    if before and not _is_of_event(difference):
        note = f"version {before} ran before, and left its state to this one"
        return replace(difference, reason="state of an older version", note=note)
    return difference


def _is_of_event(difference: Difference) -> bool:
    """Say whether the same event is told otherwise: no state of a detector accounts for that."""
    names = {field.name.partition("[")[0] for field in difference.fields}
    return bool(names & _OF_EVENT) and "event_id" not in names


def _is_of_shape(difference: Difference) -> bool:
    """Say whether both say the same, the recorded one in an older version of its shape."""
    names = {field.name: field for field in difference.fields}
    if difference.kind != "other content" or not set(names) <= set(_SHAPE) or "v" not in names:
        return False
    return _number(names["v"].recorded, 1) < _number(names["v"].replayed, 1) and all(
        field.recorded in ("(none)", "0") for name, field in names.items() if name != "v"
    )


def _number(text: str, absent: int) -> int:
    return int(text) if text.isdigit() else absent
