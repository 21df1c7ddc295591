"""Copying: one event log into another, every record at the same partition and offset.

Checkpoints, incidents and the detector's state name offsets, so a log that moves must keep each of them. Where the
source was trimmed, the copy begins with empty records that are trimmed at once: offsets of a log always start at 0.
"""

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

from premortem.exceptions import Conflict, Unavailable
from premortem.ports import TOPICS, Append, EventLog, LogRecord, Topic

Progress = Callable[[Topic, int, int], None]
"""Called with a topic, how many of its records are there, and how many there will be."""

_BATCH = 2_000
_EMPTY_READS = 10
_END_OF_TIME = 4_102_444_800_000
"""2100-01-01: later than any record."""


def copy_log(source: EventLog, target: EventLog, progress: Progress = lambda *_: None) -> dict[Topic, int]:
    """Copy what `target` has not got yet, and compare all of it; return the records per topic that are the same.

    May be called again after an interruption: it goes on where the target ends. Raises Conflict when the partitions
    differ, when the target holds something else, or when somebody writes to either log meanwhile.
    """
    for topic in TOPICS:
        ours, theirs = source.partitions(topic), target.partitions(topic)
        if ours != theirs:
            raise Conflict(f"{topic} has {ours} partitions here and {theirs} there. Create it there with {ours}.")
    before = {topic: list(source.heads(topic)) for topic in TOPICS}
    for topic in TOPICS:
        _fill_what_was_trimmed(source, target, topic)
        total, there = sum(before[topic]), sum(target.heads(topic))
        for partition, head in enumerate(before[topic]):
            for copied in _copy_partition(source, target, topic, partition, head):
                there += copied
                progress(topic, there, total)
    same = {topic: _compare(source, target, topic, before[topic]) for topic in TOPICS}
    for topic in TOPICS:
        if list(source.heads(topic)) != before[topic] or list(target.heads(topic)) != before[topic]:
            raise Conflict(
                f"somebody wrote to {topic} meanwhile. Stop the gateway and the dataflows, then run it again."
            )
    return same


def _fill_what_was_trimmed(source: EventLog, target: EventLog, topic: Topic) -> None:
    """Bring the target's partitions to where the source's begin, with records that are trimmed again."""
    lows, heads = source.low_watermarks(topic), target.heads(topic)
    for partition, (low, head) in enumerate(zip(lows, heads, strict=True)):
        for start in range(head, low, _BATCH):
            target.append([Append(topic, "", b"", partition)] * min(_BATCH, low - start))
    heads = target.heads(topic)
    if any(lows) and list(heads) == list(lows):  # else records of the source stand behind them already
        target.trim(topic, _END_OF_TIME)


def _copy_partition(source: EventLog, target: EventLog, topic: Topic, partition: int, head: int) -> Iterator[int]:
    """Append what is missing, and yield how many records each append brought."""
    offset = target.heads(topic)[partition]
    if offset > head:
        raise Conflict(f"{topic}/{partition} there ends at {offset}, beyond {head} here. Copy into topics of its own.")
    while offset < head:
        records = _read(source, topic, partition, offset, min(_BATCH, head - offset))
        places = target.append([Append(topic, record.key, record.value, partition) for record in records])
        if [place.offset for place in places] != [record.offset for record in records]:
            raise Conflict(
                f"{topic}/{partition}: offset {records[0].offset} became {places[0].offset}. Somebody else writes to "
                f"these topics, or an append was cut off: delete them and begin again."
            )
        offset += len(records)
        yield len(records)


def _read(log: EventLog, topic: Topic, partition: int, offset: int, count: int) -> Sequence[LogRecord]:
    """Return exactly `count` records that are known to be there; a log may give them bit by bit."""
    records: list[LogRecord] = []
    empty = 0
    while len(records) < count:
        more = log.read(topic, partition, offset + len(records), count - len(records))
        empty = 0 if more else empty + 1
        if empty == _EMPTY_READS:
            raise Unavailable(f"{topic}/{partition} does not give offset {offset + len(records)}. Try again later.")
        records.extend(more)
    return records


def _compare(source: EventLog, target: EventLog, topic: Topic, heads: Sequence[int]) -> int:
    """Read both and return how many records are the same; raise Conflict at the first difference."""
    same = 0
    for partition, low in enumerate(source.low_watermarks(topic)):
        for offset in range(low, heads[partition], _BATCH):
            count = min(_BATCH, heads[partition] - offset)
            ours = _read(source, topic, partition, offset, count)
            if _digest(ours) != _digest(_read(target, topic, partition, offset, count)):
                raise Conflict(
                    f"{topic}/{partition} differs behind offset {offset}. Delete the topics and begin again."
                )
            same += count
    return same


def _digest(records: Sequence[LogRecord]) -> str:
    digest = sha256()
    for record in records:
        for part in (str(record.offset).encode(), record.key.encode(), record.value):
            digest.update(len(part).to_bytes(8))
            digest.update(part)
    return digest.hexdigest()
