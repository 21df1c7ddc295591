"""Records a second through the dataflow `detect`: `python -m benchmarks.dataflow_detect [RECORDS] [--kafka]`, one core.

Beside it, in the same run: the same log read by a bare Kafka consumer (with `--kafka`), read and decoded by a bare
loop, and the same detector without Bytewax and without a log. The log is in the embedded PostgreSQL, or in the broker
of the tests; either may use the other cores. One partition, ten projects, 500 fingerprints, a tick a minute, and one
checkpoint each 5,000 records.
"""

import argparse
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event

from bytewax.testing import run_main

from benchmarks.kafka import read_bare
from benchmarks.servers import running_broker, running_postgres
from dataflows.wiring import Wiring
from premortem.adapters.checkpoint_store.postgres import PostgresCheckpointStore
from premortem.adapters.event_log import kafka_topics
from premortem.adapters.event_log.kafka import KafkaEventLog
from premortem.adapters.event_log.postgres import PostgresEventLog, create_topics
from premortem.adapters.evidence_store.memory import MemoryEvidenceStore
from premortem.adapters.incident_store.memory import MemoryIncidentStore
from premortem.adapters.postgres import Pool
from premortem.adapters.streams.crash import crash_points
from premortem.adapters.streams.log_source import Pace
from premortem.adapters.streams.log_tail import LogTail
from premortem.adapters.streams.parts import Surroundings
from premortem.adapters.task_queue.memory import MemoryTaskQueue
from premortem.domain import project_stream
from premortem.domain.detection import Detector
from premortem.domain.detection.config import DetectorConfig
from premortem.domain.ids import EventId, Fingerprint, ProjectId, TenantId
from premortem.domain.project_stream import ErrorSeen, ProjectRecord, tick
from premortem.ports import Append, EventLog

_START = 1_700_000_000_000
_PER_MINUTE = 1000


def records(count: int, each_of: int = 0, projects: int = 10) -> Iterator[ProjectRecord]:
    """Yield errors of a steady stream, 1,000 a minute, and the ticks between.

    Some of 500 fingerprints are much more frequent than others; with `each_of`, so many fingerprints come in turn.
    """
    chance = random.Random(1)
    for number in range(count):
        at = _START + number * 60_000 // _PER_MINUTE
        if number % _PER_MINUTE == 0:
            yield tick(at)
        fingerprint = number % each_of if each_of else int(chance.paretovariate(0.8)) % 500
        yield ErrorSeen(
            tenant_id=TenantId("acme"),
            project_id=ProjectId(fingerprint % projects + 1),
            received_at=at,
            event_id=EventId(f"{number:032x}"),
            hashes=(Fingerprint(f"{fingerprint:032x}"), Fingerprint(f"{fingerprint + 1_000_000:032x}")),
            occurred_at=at - 200,
            level="error",
            handled=True,
            title=f"ValueError: invalid value number {fingerprint}",
            culprit="shop.cart in checkout",
            platform="python",
            root_type="ValueError",
            release="shop@1.2.3",
            environment="production",
            user_hash=f"{number % 1000:032x}",
            body_hash=f"{number:064x}",
        )


def fill(log: EventLog, count: int, each_of: int = 0, projects: int = 10) -> None:
    """Write the project stream."""
    batch: list[Append] = []
    for record in records(count, each_of, projects):
        batch.append(Append("sentry.events", str(record.project_id), project_stream.encode(record)))
        if len(batch) == 5000:
            log.append(batch)
            batch = []
    log.append(batch)


def surroundings(log: EventLog, pool: Pool) -> Surroundings:
    """Return what the dataflow touches."""
    return Surroundings(
        event_log=log,
        checkpoint_store=PostgresCheckpointStore(pool),
        task_queue=MemoryTaskQueue(),
        incident_store=MemoryIncidentStore(),
        evidence_store=MemoryEvidenceStore(),
        restore_detector=lambda state: Detector.restore(state, DetectorConfig()),
        stop=Event(),
        crash=crash_points(""),
    )


def read_and_decode(around: Surroundings) -> int:
    """The baseline: read everything, decode everything, do nothing."""
    offset = 0
    while found := around.event_log.read("sentry.events", 0, offset, 1000):
        for record in found:
            project_stream.decode(record.value)
        offset += len(found)
    return offset


def observe_only(decoded: list[ProjectRecord]) -> Callable[[], int]:
    """The detector alone, over records that are decoded already."""

    def run() -> int:
        detector = Detector.restore({}, DetectorConfig())
        for offset, record in enumerate(decoded):
            detector.observe(offset, record)
        return len(decoded)

    return run


def dataflow(around: Surroundings) -> int:
    """The real dataflow, from the log to the timeline."""
    run_main(Wiring(around, LogTail(around.event_log)).dataflow("detect", Pace(follow=False)))
    return around.checkpoint_store.positions()["detect", 0]


def report(name: str, run: Callable[[], int]) -> None:
    """Print the figure of one run, by the wall clock and by this process's own processor time."""
    wall, cpu = time.perf_counter(), time.process_time()
    count = run()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{name:44} {count / wall:10,.0f} records/s   {cpu / count * 1e6:6.2f} us of our processor a record")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="benchmarks.dataflow_detect")
    parser.add_argument("records", nargs="?", type=int, default=100_000)
    parser.add_argument("--kafka", action="store_true", help="the log in Apache Kafka (needs Java and Maven)")
    options = parser.parse_args()
    with ExitStack() as opened:
        directory = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="premortem-bench-")))
        _, pool = opened.enter_context(running_postgres(directory, connections=4))
        brokers = ""
        log: EventLog = PostgresEventLog(pool)
        if options.kafka:
            brokers = opened.enter_context(running_broker(directory))
            kafka_topics.create_topics(brokers, partitions=1, payload_days=1)
            log = KafkaEventLog(brokers)
        else:
            create_topics(pool, 1)
        fill(log, options.records)
        with pool.connection() as connection:
            connection.execute("ANALYZE log_events")
        around = surroundings(log, pool)
        head = log.heads("sentry.events")[0]
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        if brokers:
            report("bare consumer (baseline)", lambda: read_bare(brokers, "sentry.events", head))
        report("read and decode, nothing else (baseline)", lambda: read_and_decode(around))
        report("detector alone, records already decoded", observe_only(list(records(options.records))))
        report("dataflow detect: log, detector, checkpoints", lambda: dataflow(around))
        print(f"findings: {log.heads('debugging.timeline')[0]}")


if __name__ == "__main__":
    main()
