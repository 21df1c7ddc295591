"""The Bytewax sink: one part per log partition.

Never a DynamicSink: Bytewax does not wait for those when it counts what has been written.
"""

from collections.abc import Callable
from typing import Any

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from premortem.adapters.streams.batch import Output, part_name

Write = Callable[[Output[Any]], None]


class PartitionedSink(FixedPartitionedSink[Output[Any], None]):
    """Hands each output to the delivery of its partition; an exception there ends the dataflow."""

    def __init__(self, partitions: Callable[[], int], make: Callable[[], Write]) -> None:
        self._partitions, self._make = partitions, make

    def list_parts(self) -> list[str]:
        """Return the names of the log's partitions."""
        return [part_name(partition) for partition in range(self._partitions())]

    def part_fn(self, item_key: str) -> int:
        """Return which part an output belongs to."""
        return int(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> "SinkPart":  # noqa: ARG002 -- Bytewax\'s
        """Return the writer of one partition."""
        return SinkPart(self._make())


class SinkPart(StatefulSinkPartition[Output[Any], None]):
    """Writes the outputs of one partition, one after the other."""

    def __init__(self, write: Write) -> None:
        self._write = write

    def write_batch(self, values: list[Output[Any]]) -> None:
        """Write the outputs in their order."""
        for output in values:
            self._write(output)

    def snapshot(self) -> None:
        """Return nothing: there is no recovery store."""
