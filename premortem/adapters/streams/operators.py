"""Steps as Bytewax operators see them."""

from collections.abc import Callable
from typing import Any

from bytewax.operators import StatefulBatchLogic

from premortem.adapters.streams.batch import Batch, Output, part_name
from premortem.adapters.streams.step import Step


def partition_key(batch: Batch) -> str:
    """Return the key of a batch: its log partition, which holds whole projects (or incidents) in total order."""
    return part_name(batch.partition)


class StepLogic(StatefulBatchLogic[Batch, Output[Any], None]):
    """One step per key. Bytewax keeps no state for it: that travels in the first batch and in the outputs."""

    def __init__(self, step: Step[Any]) -> None:
        self._step = step

    def on_batch(self, values: list[Batch]) -> tuple[list[Output[Any]], bool]:
        """Return the outputs of the batches, in their order; the step is never discarded."""
        return [self._step(batch) for batch in values], False

    def snapshot(self) -> None:
        """Return nothing: there is no recovery store."""


MakeLogic = Callable[[None], StepLogic]
"""What `bytewax.operators.stateful_batch` asks for: makes the logic of a key; there is never a state to resume."""


def logic_of(make_step: Callable[[], Step[Any]]) -> MakeLogic:
    """Return what makes a logic around a fresh step."""

    def make(_resume_state: None) -> StepLogic:
        return StepLogic(make_step())

    return make
