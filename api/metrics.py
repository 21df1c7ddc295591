"""What `/metrics` tells beside the gateway's own counters: lags, conservation and queues, from the stores.

Each part is read aside, with a deadline: a store that is away or hangs takes its own lines away and nothing else, and
`premortem_part_up` says so.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import get_args

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from premortem.bootstrap import READER_SECONDS, SOURCES
from premortem.domain import conservation
from premortem.domain.conservation import STATE_KEY, Tally
from premortem.domain.tasks import QUEUES
from premortem.domain.work import Ending, WorkTally
from premortem.ports import CheckpointStore, EventLog, TaskQueue, WorkerBook

_WAIT_SECONDS = 2.0


class StoreMetrics:
    """Reads the parts at once, each in a thread of its own that may hang without harm to anyone else."""

    def __init__(
        self,
        event_log: EventLog,
        checkpoints: CheckpointStore,
        tasks: TaskQueue,
        workers: WorkerBook,
        *,
        wait_seconds: float = _WAIT_SECONDS,
    ) -> None:
        self._log, self._checkpoints, self._wait_seconds = event_log, checkpoints, wait_seconds
        self._tasks, self._workers = tasks, workers
        self._parts: dict[str, Callable[[], Sequence[Metric]]] = {
            "lags": self._lags,
            "conservation": self._conservation,
            "queues": self._queues,
            "workers": self._work,
        }
        self._threads = ThreadPoolExecutor(len(self._parts), thread_name_prefix="metrics")
        self._reading: dict[str, asyncio.Future[Sequence[Metric]]] = {}

    async def text(self) -> bytes:
        """Return the lines of all parts that answered in time."""
        reading = [self._read(name) for name in self._parts]
        await asyncio.wait(reading, timeout=self._wait_seconds)
        up = GaugeMetricFamily("premortem_part_up", "1 when this part of the metrics could be read", labels=["part"])
        families: list[Metric] = [up]
        for name, found in zip(self._parts, reading, strict=True):
            answered = found.done() and found.exception() is None
            up.add_metric([name], float(answered))
            families += found.result() if answered else []
        return generate_latest(_Read(families))

    def close(self) -> None:
        """Stop the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _read(self, name: str) -> "asyncio.Future[Sequence[Metric]]":
        """Return the reading of a part; one that hangs is waited for again, never begun twice."""
        reading = self._reading.get(name)
        if reading is None or reading.done():
            reading = asyncio.get_running_loop().run_in_executor(self._threads, self._parts[name])
            self._reading[name] = reading
        return reading

    def _lags(self) -> Sequence[Metric]:
        family = GaugeMetricFamily(
            "premortem_dataflow_lag_records",
            "Records on the log that a dataflow has not passed yet.",
            labels=["dataflow", "partition"],
        )
        positions = self._checkpoints.positions()
        heads = {topic: self._log.heads(topic) for topic in sorted(set(SOURCES.values()))}
        for flow, topic in SOURCES.items():
            for partition, head in enumerate(heads[topic]):
                family.add_metric([flow, str(partition)], max(0, head - positions.get((flow, partition), 0)))
        return [family]

    def _conservation(self) -> Sequence[Metric]:
        taken = CounterMetricFamily(
            "premortem_dataflow_taken_records", "Records that a dataflow took from the log.", labels=["dataflow"]
        )
        went = CounterMetricFamily(
            "premortem_dataflow_records",
            "Where they went; the sum over outcomes is what was taken.",
            labels=["dataflow", "outcome"],
        )
        tallies: dict[str, Tally] = defaultdict(Tally)
        for (flow, _), stored in self._checkpoints.parts(STATE_KEY).items():
            tallies[flow] += conservation.decode(stored)
        for flow in SOURCES:
            tally = tallies[flow]
            taken.add_metric([flow], tally.taken)
            for outcome in ("out", "filtered", "late", "dead_lettered"):
                went.add_metric([flow, outcome], getattr(tally, outcome))
        return [taken, went]

    def _queues(self) -> Sequence[Metric]:
        waiting = GaugeMetricFamily("premortem_queue_tasks", "Tasks that wait or are worked on.", labels=["queue"])
        dead = GaugeMetricFamily("premortem_queue_dead_tasks", "Tasks that failed for good.", labels=["queue"])
        for queue in sorted(QUEUES.values()):
            waiting.add_metric([queue], self._tasks.depth(queue))
            dead.add_metric([queue], self._tasks.depth(f"{queue}-dlq"))
        return [waiting, dead]

    def _work(self) -> Sequence[Metric]:
        readers = GaugeMetricFamily(
            "premortem_queue_workers", "Workers that were heard of in the last minute.", labels=["queue"]
        )
        received = CounterMetricFamily(
            "premortem_worker_received_tasks", "Tasks that workers were handed.", labels=["queue"]
        )
        went = CounterMetricFamily(
            "premortem_worker_tasks",
            "How that ended; what is received and not among them is worked on, or its worker died.",
            labels=["queue", "outcome"],
        )
        alive, tallies = self._workers.readers(READER_SECONDS), self._workers.tallies()
        for queue in sorted(QUEUES.values()):
            tally = tallies.get(queue, WorkTally())
            readers.add_metric([queue], alive.get(queue, 0))
            received.add_metric([queue], tally.received)
            for outcome in get_args(Ending):
                went.add_metric([queue, outcome], getattr(tally, outcome))
        return [readers, received, went]


class _Read(Collector):
    """Families that were read already, as something that can be rendered."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families
