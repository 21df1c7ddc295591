"""Other settings: whether detections are as recorded, had a person's setting not stood on the log as it does.

That a setting lies between proves nothing. So the project is replayed as though the record had not been there, or had
said the limit that the recorded decisions were measured by; it explains what differs when nothing differs any more.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from premortem.domain.ids import ProjectId
from premortem.domain.project_stream import (
    DetectorConfigured,
    Muted,
    ProjectRecord,
    RuleChanged,
    SuppressionChanged,
    decode,
    encode,
)
from premortem.ports import LogReader
from replay.detecting.differing import Difference
from replay.detecting.recorded import AT_ONCE, Place
from replay.reading import batches

Instead = Callable[[bytes], bytes | None]

_BEGINNINGS = tuple(
    b'{"kind":"%s"' % kind.__name__.encode() for kind in (DetectorConfigured, RuleChanged, Muted, SuppressionChanged)
)
_MOST_TRIED = 8
"""Settings, the newest first; each costs a replay of the project, or a few."""
_MOST_VALUES = 3
"""Limits that are tried in the place of one: the first mostly fits, the others are of what grew."""


class Trial(NamedTuple):
    """What is supposed of a setting."""

    note: str
    instead: Instead


def trials(
    log: LogReader, partition: int, head: int, project: ProjectId, differences: Sequence[Difference]
) -> Iterator[Trial]:
    """Yield what may be supposed of the project's settings, of the newest one first."""
    limits = _limits(differences)
    for value, (place, record) in list(_settings(log, partition, head, project).items())[: -_MOST_TRIED - 1 : -1]:
        what = f"{type(record).__name__} of the project stream, partition {place.partition}, offset {place.offset}"
        yield Trial(f"as though there were no {what}", _in_place_of(value, None))
        for changed in _changed(record, limits):
            said = msgspec.json.encode(changed.values if isinstance(changed, DetectorConfigured) else changed.value)
            yield Trial(f"as though {what} said {said.decode()}", _in_place_of(value, encode(changed)))


def _in_place_of(value: bytes, other: bytes | None) -> Instead:
    return lambda record: other if record == value else record


def _settings(
    log: LogReader, partition: int, head: int, project: ProjectId
) -> dict[bytes, tuple[Place, ProjectRecord]]:
    """Return the project's settings, each with where it stands first."""
    found: dict[bytes, tuple[Place, ProjectRecord]] = {}
    for records in batches(log, "sentry.events", partition, 0, head, AT_ONCE):
        for each in records:
            if each.value.startswith(_BEGINNINGS) and each.value not in found:
                record = decode(each.value)
                if record.project_id == project:
                    found[each.value] = Place(partition, each.offset), record
    return found


def _limits(differences: Sequence[Difference]) -> Mapping[float, Sequence[float]]:
    """Return, for each limit of the replay's decisions, those that recorded ones were measured by in its place."""
    recorded: dict[str, dict[float, None]] = {}
    replayed: dict[str, dict[float, None]] = {}
    for limit in (limit for difference in differences for limit in difference.limits):
        (recorded if limit.recorded else replayed).setdefault(limit.name, {})[limit.value] = None
    found: dict[float, Sequence[float]] = {}
    for name, values in replayed.items():
        others = [value for value in recorded.get(name, ()) if value not in values]
        found.update(dict.fromkeys(values, others[:_MOST_VALUES]))
    return found


def _changed(
    record: ProjectRecord, limits: Mapping[float, Sequence[float]]
) -> Iterator[DetectorConfigured | RuleChanged]:
    """Yield the setting with a recorded limit in the place of one of its own."""
    match record:
        case DetectorConfigured():
            for name, value in record.values.items():
                yield from (replace(record, values={**record.values, name: other}) for other in limits.get(value, ()))
        case RuleChanged() if record.value is not None:
            yield from (replace(record, value=other) for other in limits.get(record.value, ()))
        case _:
            pass
