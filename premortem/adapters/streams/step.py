"""The step between reading and delivering, the same for every dataflow: a batch in, an output out. No Bytewax here."""

from collections.abc import Callable, Mapping
from typing import Generic, Protocol

from premortem.adapters.streams.batch import Batch, Item, Output, Progress
from premortem.adapters.streams.dead_letter import dead_letter
from premortem.adapters.streams.stopping import Abandoned
from premortem.domain.conservation import Outcome, Tally
from premortem.domain.versions import Newer
from premortem.exceptions import PremortemException
from premortem.ports import Append, Checkpoint, Flow, LogRecord, Topic


class Handler(Protocol[Item]):
    """What a dataflow does with one record; the state it keeps is its own."""

    def take(self, record: LogRecord, into: list[Item]) -> Outcome:
        """Add to `into`, as the last thing done, what is to be delivered, and return what became of the record.

        Any exception that is not ours makes the record a dead letter; but Newer ends the dataflow before the record.
        """

    def changed(self) -> Mapping[str, bytes | None]:
        """Return the parts of the state that changed since the last call (None = removed)."""


MakeHandler = Callable[[Checkpoint], Handler[Item]]
"""Makes the handler of a partition from the state that its checkpoint holds."""


class Step(Generic[Item]):
    """Takes the batches of one partition through its handler. Makes the handler when the first batch comes."""

    def __init__(self, flow: Flow, topic: Topic, make: MakeHandler[Item]) -> None:
        self._flow, self._topic, self._make = flow, topic, make
        self._handler: Handler[Item] | None = None
        self._next_offset = -1
        self._abandoned = False

    def __call__(self, batch: Batch) -> Output[Item]:
        """Return what the batch asks for; raises RuntimeError when records are missing before it."""
        if batch.opened is not None:
            self._handler = self._make(batch.opened)
            self._next_offset = batch.opened.next_offset
        first = batch.next_offset - len(batch.records)
        if self._handler is None or first != self._next_offset:
            raise RuntimeError(f"{self._flow}/{batch.partition}: expected offset {self._next_offset}, got {first}")
        self._next_offset = batch.next_offset
        try:
            return Output(partition=batch.partition) if self._abandoned else self._take(batch, self._handler)
        except Abandoned:
            self._abandoned = True  # nothing behind this point is settled in this run
            return Output(partition=batch.partition)

    def _take(self, batch: Batch, handler: Handler[Item]) -> Output[Item]:
        items: list[Item] = []
        dead: list[Append] = []
        filtered = late = 0
        take = handler.take
        for record in batch.records:
            try:
                outcome = take(record, items)
            except (PremortemException, Abandoned, Newer):  # what a newer version wrote waits for one
                raise
            except Exception as exception:  # noqa: BLE001 -- a record that cannot be used must not stop those behind it
                dead.append(dead_letter(self._flow, self._topic, record, repr(exception)))
                continue
            if outcome != "out":
                filtered += outcome == "filtered"
                late += outcome == "late"
        taken = len(batch.records)
        out = taken - filtered - late - len(dead)
        return Output(
            partition=batch.partition,
            items=items,
            dead_letters=dead,
            tally=Tally(taken=taken, out=out, filtered=filtered, late=late, dead_lettered=len(dead)),
            progress=Progress(batch.next_offset, handler.changed()) if batch.settle else None,
            opened=batch.opened,
        )
