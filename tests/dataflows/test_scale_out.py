"""More workers, more processes: the same incidents, whatever the cluster, and also when it grows or breaks."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from threading import Event

import pytest

from premortem.adapters.checkpoint_store.memory import MemoryCheckpointStore
from premortem.adapters.checkpoint_store.postgres import PostgresCheckpointStore
from premortem.adapters.event_log import kafka_topics
from premortem.adapters.event_log.kafka import KafkaEventLog
from premortem.adapters.event_log.memory import MemoryEventLog
from premortem.adapters.event_log.postgres import PostgresEventLog, create_topics
from premortem.adapters.evidence_store.memory import MemoryEvidenceStore
from premortem.adapters.incident_store.memory import MemoryIncidentStore
from premortem.adapters.incident_store.postgres import PostgresIncidentStore
from premortem.adapters.postgres import Pool, open_pool
from premortem.adapters.streams.parts import SOURCES, Surroundings
from premortem.adapters.streams.plain_runner import run_plain
from premortem.adapters.task_queue.memory import MemoryTaskQueue
from premortem.domain import project_stream
from premortem.domain.detection import Detector
from premortem.domain.ids import EventId, Fingerprint, ProjectId
from premortem.domain.project_stream import ErrorSeen
from premortem.ports import Append, EventLog, Flow
from tests.dataflows.world import TENANT
from tests.kafka_fixture import KafkaBroker
from tests.ports import free_port
from tests.warm import WarmProcess

PARTITIONS, PROJECTS, FINGERPRINTS, EVENTS = 8, 24, 120, 4_000
START = 1_795_360_907_000
Process = subprocess.Popen[bytes] | WarmProcess
FLOWS: tuple[Flow, ...] = ("detect", "materialize")


def event(number: int) -> Append:
    """Return the number-th error: every third fingerprint is unhandled, the others page when they insist."""
    rank = number * number % FINGERPRINTS
    project, at = rank % PROJECTS + 1, START + number * 50
    record = ErrorSeen(
        tenant_id=TENANT,
        project_id=ProjectId(project),
        received_at=at,
        event_id=EventId(f"{number:032x}"),
        hashes=(Fingerprint(f"{rank:032x}"),),
        occurred_at=at,
        level="error",
        handled=rank % 3 > 0,
        title=f"ValueError {rank}",
        user_hash=f"{number % 50:016x}",
    )
    return Append("sentry.events", str(project), project_stream.encode(record))


@pytest.fixture(scope="module")
def expected() -> str:
    """The digest of all incidents as one plain loop makes them."""
    log = MemoryEventLog(PARTITIONS)
    log.append([event(n) for n in range(EVENTS)])
    around = Surroundings(
        event_log=log,
        checkpoint_store=MemoryCheckpointStore(),
        task_queue=MemoryTaskQueue(),
        incident_store=MemoryIncidentStore(),
        evidence_store=MemoryEvidenceStore(),
        restore_detector=lambda state: Detector.restore(state),
        stop=Event(),
        crash=lambda _: None,
    )
    for flow in FLOWS:
        run_plain(flow, around)
    return around.incident_store.digest()


class Cluster:
    """The two dataflows of detection, each as a cluster of processes, over one PostgreSQL and perhaps Kafka.

    Processes are forks that have imported already, or begin anew, as in production.
    """

    def __init__(self, dsn: str, pool: Pool, log: EventLog, **more: str) -> None:
        self.log = log
        self.checkpoints, self.incidents = PostgresCheckpointStore(pool), PostgresIncidentStore(pool)
        self._environment = {
            **os.environ,
            "PREMORTEM_POSTGRES_DSN": dsn,
            "PREMORTEM_CLICKHOUSE_URL": "http://127.0.0.1:9/default",
            "PREMORTEM_PARTITIONS": str(PARTITIONS),
            "PREMORTEM_DATA_DIR": tempfile.gettempdir(),
            **more,
        }

    @contextmanager
    def started(
        self, processes: int, workers: int, crash_at: str = "", anew: bool = False
    ) -> Iterator[dict[Flow, list[Process]]]:
        """Start both dataflows; what still runs at the end is killed."""
        clusters = {flow: self._start(flow, processes, workers, crash_at, anew) for flow in FLOWS}
        try:
            yield clusters
        finally:
            for process in chain(*clusters.values()):
                process.kill()
                process.wait()

    def run(self, processes: int, workers: int, anew: bool = False) -> None:
        """Read the log to its end; then each process is told to stop, and must end with exit code 0."""
        with self.started(processes, workers, anew=anew) as clusters:
            wait_for(lambda: all(self.lag(flow) == 0 for flow in FLOWS))
            everyone = list(chain(*clusters.values()))
            for process in everyone:
                process.send_signal(signal.SIGTERM)
            assert [process.wait(60) for process in everyone] == [0] * len(everyone)

    def _start(self, flow: Flow, processes: int, workers: int, crash_at: str, anew: bool) -> list[Process]:
        command = ["bytewax.run", f"dataflows.{flow}:main"]
        commands = [[*command, "-w", str(workers)]]
        if processes > 1:
            addresses = ";".join(f"127.0.0.1:{free_port()}" for _ in range(processes))
            extra = ["-w", str(workers)] if workers > 1 else []
            commands = [[*command, "-i", str(number), "-a", addresses, *extra] for number in range(processes)]
        environment = {**self._environment, "PREMORTEM_CRASH_AT": crash_at}
        if not anew:
            return [WarmProcess(words, environment) for words in commands]
        python, root = [sys.executable, "-m"], Path(__file__).parents[2]
        return [subprocess.Popen([*python, *c], cwd=root, env=environment, stderr=subprocess.DEVNULL) for c in commands]

    def lag(self, flow: Flow) -> int:
        reached = self.checkpoints.positions()
        heads = self.log.heads(SOURCES[flow])
        return sum(head - reached.get((flow, partition), 0) for partition, head in enumerate(heads))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 180
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.1)


@pytest.fixture
def cluster(postgres_dsn: str) -> Iterator[Cluster]:
    pool = open_pool(postgres_dsn, size=2)
    create_topics(pool, PARTITIONS)
    yield Cluster(postgres_dsn, pool, PostgresEventLog(pool))
    pool.close()


@pytest.fixture
def kafka_cluster(postgres_dsn: str, kafka_broker: KafkaBroker, kafka_prefix: str) -> Iterator[Cluster]:
    address = kafka_broker.address
    kafka_topics.create_topics(address, partitions=PARTITIONS, payload_days=1, prefix=kafka_prefix)
    more = {"PREMORTEM_KAFKA_BROKERS": address, "PREMORTEM_KAFKA_TOPIC_PREFIX": kafka_prefix}
    with closing(open_pool(postgres_dsn, size=2)) as pool, closing(KafkaEventLog(address, prefix=kafka_prefix)) as log:
        yield Cluster(postgres_dsn, pool, log, **more)


@pytest.mark.parametrize(("processes", "workers"), [(1, 1), (1, 2), (1, 4), (2, 1), (2, 2)])
def test_any_number_of_workers_finds_the_same_incidents(
    cluster: Cluster, expected: str, processes: int, workers: int
) -> None:
    cluster.log.append([event(n) for n in range(EVENTS)])
    cluster.run(processes, workers, anew=processes * workers == 1)
    assert cluster.incidents.digest() == expected


def test_a_cluster_that_grows_from_two_workers_to_four_keeps_its_state(cluster: Cluster, expected: str) -> None:
    cluster.log.append([event(n) for n in range(EVENTS // 2)])
    cluster.run(processes=2, workers=1)
    cluster.log.append([event(n) for n in range(EVENTS // 2, EVENTS)])
    cluster.run(processes=2, workers=2)
    assert cluster.incidents.digest() == expected


def test_a_killed_process_takes_its_cluster_with_it_and_the_next_one_goes_on(cluster: Cluster, expected: str) -> None:
    """Bytewax clusters are all or nothing: what restarts them must restart every process."""
    cluster.log.append([event(n) for n in range(EVENTS // 2)])
    with cluster.started(processes=2, workers=1) as clusters:
        wait_for(lambda: cluster.lag("detect") < EVENTS // 2)
        victim, other = clusters["detect"]
        victim.kill()
        assert other.wait(60) != 0
    cluster.log.append([event(n) for n in range(EVENTS // 2, EVENTS)])
    cluster.run(processes=2, workers=1)
    assert cluster.incidents.digest() == expected


@pytest.mark.parametrize(("processes", "workers"), [(1, 1), (1, 4), (2, 1)])
def test_with_the_log_in_kafka_any_number_of_workers_finds_the_same_incidents(
    kafka_cluster: Cluster, expected: str, processes: int, workers: int
) -> None:
    kafka_cluster.log.append([event(n) for n in range(EVENTS)])
    kafka_cluster.run(processes, workers)
    assert kafka_cluster.incidents.digest() == expected


def test_with_the_log_in_kafka_a_cluster_that_grows_keeps_its_state(kafka_cluster: Cluster, expected: str) -> None:
    kafka_cluster.log.append([event(n) for n in range(EVENTS // 2)])
    kafka_cluster.run(processes=2, workers=1)
    kafka_cluster.log.append([event(n) for n in range(EVENTS // 2, EVENTS)])
    kafka_cluster.run(processes=2, workers=2)
    assert kafka_cluster.incidents.digest() == expected


@pytest.mark.parametrize(
    "point",
    [
        "event_log.before_flush:2",  # findings are with Kafka's client, and perhaps on the log
        "detect.after_findings:2",  # findings are on the log, the checkpoint is not
        "detect.before_checkpoint:2",
        "detect.after_checkpoint",
        "materialize.after_save:2",
    ],
)
def test_with_the_log_in_kafka_a_kill_at_the_worst_moments_changes_no_incident(
    kafka_cluster: Cluster, expected: str, point: str
) -> None:
    kafka_cluster.log.append([event(n) for n in range(EVENTS)])
    with kafka_cluster.started(processes=1, workers=1, crash_at=point) as clusters:
        everyone = list(chain(*clusters.values()))
        wait_for(lambda: any(process.poll() == -signal.SIGKILL for process in everyone))
    kafka_cluster.run(processes=1, workers=1)
    assert kafka_cluster.incidents.digest() == expected
