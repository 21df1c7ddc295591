"""The end of every dataflow: deliver, and only when that is durable save the position. No Bytewax here."""

from collections.abc import Callable, Sequence
from typing import Generic

from msgspec import Struct

from premortem.adapters.streams.batch import Item, Output, Progress
from premortem.adapters.streams.crash import Crash
from premortem.adapters.streams.dead_letter import TOPIC
from premortem.adapters.streams.patience import Patience
from premortem.adapters.streams.stopping import Abandoned
from premortem.domain import conservation
from premortem.domain.conservation import STATE_KEY, Tally
from premortem.ports import Append, CheckpointStore, EventLog, Flow


class Delivered(Struct, frozen=True):
    """What became of delivered items that turned out to need no effect, or to be unusable."""

    filtered: int = 0
    dead_letters: Sequence[Append] = ()


ALL_DELIVERED = Delivered()


Deliver = Callable[[Sequence[Item]], Delivered]
"""Makes the effects of items durable: when it returns they survive a crash, when it raises they may not.

It is called again with the same items after a crash: the effects must stand that.
"""


class Delivery(Generic[Item]):
    """Delivers the outputs of one partition, keeps its tally, and saves its position.

    `effect` names the crash point behind the delivery. Raises what `patience` gives up with, and Conflict when another
    worker of the same dataflow has come further.
    """

    def __init__(
        self,
        flow: Flow,
        effect: str,
        deliver: Deliver[Item],
        log: EventLog,
        checkpoints: CheckpointStore,
        patience: Patience,
        crash: Crash,
    ) -> None:
        self._flow, self._effect, self._deliver = flow, effect, deliver
        self._log, self._checkpoints, self._patience, self._crash = log, checkpoints, patience, crash
        self._tally = Tally()
        self._abandoned = False

    def __call__(self, output: Output[Item]) -> None:
        """Deliver, count, and save the position when the output brings one."""
        if output.opened is not None:
            stored = output.opened.state.get(STATE_KEY)
            self._tally = conservation.decode(stored) if stored else Tally()
        if not self._abandoned:
            try:
                self._settle(output)
            except Abandoned:
                self._abandoned = True  # what follows must not be saved either: positions know no holes

    def _settle(self, output: Output[Item]) -> None:
        delivered = self._deliver(output.items) if output.items else ALL_DELIVERED
        letters = [*output.dead_letters, *delivered.dead_letters]
        if letters:
            self._patience(lambda: self._log.append(letters))
        if output.items:
            self._crash(f"{self._flow}.after_{self._effect}")
        self._tally = self._tally + output.tally + _moved(delivered)
        if output.progress is not None:
            self._save(output.partition, output.progress)

    def _save(self, partition: int, progress: Progress) -> None:
        self._crash(f"{self._flow}.before_checkpoint")
        changed = {**progress.changed, STATE_KEY: conservation.encode(self._tally)}
        self._patience(lambda: self._checkpoints.save(self._flow, partition, progress.next_offset, changed))
        self._crash(f"{self._flow}.after_checkpoint")


def _moved(delivered: Delivered) -> Tally:
    """Return the correction of a tally for items that did not go out after all."""
    dead = len(delivered.dead_letters)
    return Tally(out=-delivered.filtered - dead, filtered=delivered.filtered, dead_lettered=dead)


def appending(log: EventLog, patience: Patience) -> Deliver[Append]:
    """Return a delivery that appends its items to the log, and leaves dead letters to be counted as such."""

    def deliver(items: Sequence[Append]) -> Delivered:
        letters = [item for item in items if item.topic == TOPIC]
        others = [item for item in items if item.topic != TOPIC] if letters else items
        if others:
            patience(lambda: log.append(others))
        return Delivered(dead_letters=letters) if letters else ALL_DELIVERED

    return deliver
