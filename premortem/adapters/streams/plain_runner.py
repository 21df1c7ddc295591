"""The dataflows without Bytewax: the oracle of the tests, and the way out should the engine have to go."""

from premortem.adapters.streams.batch import Batch
from premortem.adapters.streams.parts import SOURCES, Surroundings, parts_of
from premortem.ports import Flow


def run_plain(flow: Flow, around: Surroundings, *, limit: int = 1000, settle_records: int = 5000) -> None:
    """Take one dataflow over every partition, one after the other, from its checkpoint to the end of the log."""
    for partition in range(around.event_log.partitions(SOURCES[flow])):
        _run_partition(flow, partition, around, limit, settle_records)


def _run_partition(flow: Flow, partition: int, around: Surroundings, limit: int, settle_records: int) -> None:
    parts = parts_of(flow, around)
    step, deliver = parts.make_step(), parts.make_delivery()
    checkpoint = around.checkpoint_store.load(flow, partition)
    offset = settled = checkpoint.next_offset
    deliver(step(Batch(partition=partition, next_offset=offset, opened=checkpoint)))
    while records := around.event_log.read(SOURCES[flow], partition, offset, limit):
        offset += len(records)
        settle = offset - settled >= settle_records
        settled = offset if settle else settled
        deliver(step(Batch(partition=partition, records=records, next_offset=offset, settle=settle)))
    deliver(step(Batch(partition=partition, next_offset=offset, settle=True)))
