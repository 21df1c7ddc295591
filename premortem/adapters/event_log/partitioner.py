"""Which partition a key belongs to: the same in every adapter and every profile, for ever."""

from zlib import crc32


def partition_of(key: str, partitions: int) -> int:
    """Return the partition of `key` among `partitions`: CRC-32 (ISO 3309) of its UTF-8 bytes, modulo.

    Python's own hash differs from run to run and Kafka's from client to client; this one is fixed by its standard.
    """
    return crc32(key.encode()) % partitions
