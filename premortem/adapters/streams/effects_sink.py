"""The one Bytewax sink: performs effects, partition by partition, patiently while a dependency is away.

A partitioned sink, because Bytewax waits for its writes before an epoch ends; with a dynamic one it does not.
"""

import threading
from collections.abc import Callable

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from premortem.adapters.streams.effects import Effects, Targets, patiently, perform
from premortem.ports import Flow


class EffectsSink(FixedPartitionedSink[Effects, None]):
    """Performs the effects of `flow`; gives a dependency `patience_seconds` to come back before the process ends."""

    def __init__(
        self,
        flow: Flow,
        partitions: int,
        targets: Targets,
        crash: Callable[[str], None],
        *,
        stopping: threading.Event,
        patience_seconds: float,
    ) -> None:
        self._flow, self._partitions, self._targets, self._crash = flow, partitions, targets, crash
        self._stopping, self._patience_seconds = stopping, patience_seconds

    def list_parts(self) -> list[str]:
        """Return the partitions by name."""
        return [str(partition) for partition in range(self._partitions)]

    def part_fn(self, item_key: str) -> int:
        """Return the sink's partition for a key: the log's partition itself."""
        return int(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> "EffectsPartition":  # noqa: ARG002
        """Return the writer of one partition."""
        return EffectsPartition(self._write)

    def _write(self, effects: Effects) -> None:
        patiently(
            lambda: perform(self._flow, effects, self._targets, self._crash), self._stopping, self._patience_seconds
        )


class EffectsPartition(StatefulSinkPartition[Effects, None]):
    """One partition's effects, performed in their order."""

    def __init__(self, write: Callable[[Effects], None]) -> None:
        self._write = write

    def write_batch(self, values: list[Effects]) -> None:
        """Perform each."""
        for effects in values:
            self._write(effects)

    def snapshot(self) -> None:
        """Return nothing: the checkpoint store holds the position."""
