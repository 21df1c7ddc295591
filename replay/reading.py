"""Reading: one project's records out of its partition, in the order of the log, with the time that passes between."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from premortem.adapters.event_log.partitioner import partition_of
from premortem.domain.detection.ordering import LATENESS_MS
from premortem.domain.ids import ProjectId
from premortem.domain.project_stream import (
    DetectorConfigured,
    ErrorSeen,
    Muted,
    ProjectRecord,
    RuleChanged,
    SuppressionChanged,
    Ticked,
    decode,
    tick,
)
from premortem.exceptions import Malformed
from premortem.ports import LogReader, LogRecord, Topic

_AT_ONCE = 2_000

Progress = Callable[[int, int], None]
"""Told (records read, records to read)."""


def batches(
    log: LogReader, topic: Topic, partition: int, start: int, end: int, most: int = _AT_ONCE
) -> Iterator[Sequence[LogRecord]]:
    """Yield a partition's records from offset `start` up to `end`, up to `most` at a time; fewer where the log ends.

    Raises OffsetLost as `read` does.
    """
    while start < end and (found := log.read(topic, partition, start, min(most, end - start))):
        yield found
        start = found[-1].offset + 1


def project_records(
    log: LogReader, project: ProjectId, until: int | None, progress: Progress = lambda _done, _all: None
) -> Iterator[tuple[int, ProjectRecord]]:
    """Yield (offset, record) of what was received up to `until` (ms since 1970 UTC; None = all), in the log's order.

    Records of other projects in the same partition come as ticks: of them only the time matters. What stands on the log
    when its clock has passed `until` by the detector's lateness was not known then, and is left out.
    """
    partition = partition_of(str(project), log.partitions("sentry.events"))
    head = log.heads("sentry.events")[partition]
    for found in batches(log, "sentry.events", partition, 0, head):
        for each in found:
            try:
                record = decode(each.value)
            except ValueError:
                continue  # what detect could not read changed nothing either: it is a dead letter
            if until is not None and record.received_at > until:
                if record.received_at > until + LATENESS_MS:
                    return
                continue
            mine = record.project_id == project or isinstance(record, Ticked)
            yield each.offset, record if mine else tick(record.received_at)
        progress(found[-1].offset + 1, head)


def is_of(fingerprint: str, text: str) -> Callable[[ErrorSeen], bool]:
    """Return what tells whether an event is meant: by the beginning of one of its hashes, or by a part of its title.

    Raises Malformed when neither is given.
    """
    if fingerprint:
        return lambda event: any(each.startswith(fingerprint) for each in event.hashes)
    if text:
        wanted = text.casefold()
        return lambda event: wanted in event.title.casefold()
    raise Malformed("which error is meant? Name it: --fingerprint, or --text with a part of its title.")


def newest(log: LogReader, project: ProjectId) -> int | None:
    """Return the newest time that the project's partition has told (ms since 1970 UTC); None when it is empty."""
    partition = partition_of(str(project), log.partitions("sentry.events"))
    head = log.heads("sentry.events")[partition]
    found = log.read("sentry.events", partition, max(0, head - _AT_ONCE), _AT_ONCE)
    return max((decode(each.value).received_at for each in found), default=None)


def steering(log: LogReader, project: ProjectId) -> dict[str, Any]:
    """Return what a person has set of the project, by the log: `rules`, `detector`, and the `mutes` and `suppressions`
    that hold.
    """
    rules: dict[str, float] = {}
    numbers: dict[str, float] = {}
    mutes: dict[str, Muted] = {}
    suppressions: dict[str, SuppressionChanged] = {}
    clock = 0
    for _, record in project_records(log, project, None):
        clock = max(clock, record.received_at)
        match record:
            case RuleChanged():
                rules.pop(record.rule, None)
                rules.update({record.rule: record.value} if record.value is not None else {})
            case DetectorConfigured():
                numbers.update(record.values)
            case Muted():
                mutes[record.fingerprint] = record
            case SuppressionChanged():
                suppressions[record.name] = record
            case _:
                pass
    held = [mute for mute in mutes.values() if mute.until > clock]
    holding = [suppressions[name] for name in sorted(suppressions) if suppressions[name].until > clock]
    return {
        "rules": rules,
        "detector": numbers,
        "mutes": [{"fingerprint": m.fingerprint, "until": m.until, "tripwire": m.tripwire} for m in held],
        "suppressions": [
            {
                "name": each.name,
                "owner": each.owner,
                "reason": each.reason,
                "until": each.until,
                "fingerprint": each.fingerprint,
                "title": each.title,
                "release": each.release,
                "environment": each.environment,
                "tag": each.tag,
                "tripwire": each.tripwire,
            }
            for each in holding
        ],
    }
