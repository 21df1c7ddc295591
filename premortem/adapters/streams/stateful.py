"""Bytewax's shell around a step: one logic per log partition, built from its checkpoint; nothing is ever pickled."""

from collections.abc import Callable, Iterable, Sequence

from bytewax.operators import StatefulBatchLogic

from premortem.adapters.streams.effects import Effects
from premortem.adapters.streams.log_source import Batch
from premortem.ports import LogRecord

Step = Callable[[Sequence[LogRecord]], Effects]
"""One batch of one partition in, its effects out."""
BuildStep = Callable[[int], Step]
"""Partition -> its step, standing at the partition's checkpoint."""


class Stepper(StatefulBatchLogic[Batch, Effects, None]):
    """Builds its step when the first batch names the partition, then calls it once a batch."""

    def __init__(self, build: BuildStep) -> None:
        self._build = build
        self._step: Step | None = None

    def on_batch(self, values: list[Batch]) -> tuple[Iterable[Effects], bool]:
        """Return the effects of each batch; the logic is never discarded."""
        if self._step is None:
            self._step = self._build(values[0].partition)
        step = self._step
        return [step(batch.records) for batch in values], StatefulBatchLogic.RETAIN

    def snapshot(self) -> None:
        """Return nothing: the checkpoint store holds the state."""
