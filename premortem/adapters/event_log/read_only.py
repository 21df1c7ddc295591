"""An event log of which only the reading end is left."""

from premortem.ports import LogReader


class ReadOnlyLog:
    """Reads what another log holds; nothing on it could append or trim."""

    def __init__(self, log: LogReader) -> None:
        self.partitions = log.partitions
        self.read = log.read
        self.heads = log.heads
        self.low_watermarks = log.low_watermarks
