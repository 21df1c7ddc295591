"""Which partition a key belongs to: the same in every adapter and every profile, for ever."""

from zlib import crc32

from premortem.exceptions import Malformed
from premortem.ports import Append, Topic


def partition_of(key: str, partitions: int) -> int:
    """Return the partition of `key` among `partitions`: CRC-32 (ISO 3309) of its UTF-8 bytes, modulo.

    Python's own hash differs from run to run and Kafka's from client to client; this one is fixed by its standard.
    """
    return crc32(key.encode()) % partitions


def place_of(record: Append, partitions: int) -> tuple[Topic, int]:
    """Return where `record` goes in a topic of so many partitions; Malformed when it names one that is not there."""
    partition = partition_of(record.key, partitions) if record.partition is None else record.partition
    if not 0 <= partition < partitions:
        raise Malformed(f"{record.topic} has no partition {partition}")
    return record.topic, partition
