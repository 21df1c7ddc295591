"""`detect` as its own processes over Kafka: what a second one brings, and how long a restart with much state takes.

`python -m benchmarks.cluster [--records 400000] [--fingerprints 100000]`. Processes are started as on several hosts;
broker and PostgreSQL are on the same cores, so two processes cannot be twice as fast on a machine with two. A bare
consumer of the same topic stands beside them.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from benchmarks.dataflow_detect import fill
from benchmarks.kafka import read_bare
from benchmarks.servers import running_broker, running_postgres
from premortem.adapters.event_log.kafka import KafkaEventLog
from premortem.adapters.event_log.kafka_topics import create_topics
from premortem.adapters.postgres import Pool
from premortem.ports import EventLog

_PARTITIONS = 8
_PROJECTS = 97
"""Enough that the partitions have about as much each: one large project is one partition's, and no worker helps it."""
_LOOK_SECONDS = 0.05
_TICKS = os.sysconf("SC_CLK_TCK")


class Bench:
    """A log, a PostgreSQL, and `detect` over them."""

    def __init__(self, brokers: str, prefix: str, dsn: str, pool: Pool, log: EventLog) -> None:
        self.log, self._pool = log, pool
        self._environment = {
            **os.environ,
            "PREMORTEM_POSTGRES_DSN": dsn,
            "PREMORTEM_CLICKHOUSE_URL": "http://127.0.0.1:9/default",  # detect has no use for it
            "PREMORTEM_KAFKA_BROKERS": brokers,
            "PREMORTEM_KAFKA_TOPIC_PREFIX": prefix,
            "PREMORTEM_PARTITIONS": str(_PARTITIONS),
            "PREMORTEM_DATA_DIR": tempfile.gettempdir(),
        }

    @contextmanager
    def detect(self, processes: int) -> Iterator[list[subprocess.Popen[bytes]]]:
        """Start the dataflow; at the end each process is told to stop."""
        command = [sys.executable, "-m", "bytewax.run", "dataflows.detect:main"]
        commands = [command]
        if processes > 1:
            addresses = ";".join(f"127.0.0.1:{port}" for port in _free_ports(processes))
            commands = [[*command, "-i", str(number), "-a", addresses] for number in range(processes)]
        started = [subprocess.Popen(c, env=self._environment, stderr=subprocess.DEVNULL) for c in commands]
        try:
            yield started
        finally:
            for process in started:
                process.send_signal(signal.SIGTERM)
            for process in started:
                process.wait()

    def passed(self) -> int:
        """Return how many records the checkpoints have passed."""
        with self._pool.connection() as connection:
            row = connection.execute("SELECT coalesce(sum(next_offset), 0)::bigint FROM checkpoints").fetchone()
        return int(row[0]) if row else 0

    def forget(self) -> None:
        """Drop all checkpoints."""
        with self._pool.connection() as connection:
            connection.execute("TRUNCATE checkpoints, checkpoint_state")

    def state_bytes(self) -> int:
        """Return the size of all saved state."""
        with self._pool.connection() as connection:
            row = connection.execute("SELECT coalesce(sum(length(value)), 0)::bigint FROM checkpoint_state").fetchone()
        return int(row[0]) if row else 0


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="benchmarks.cluster")
    parser.add_argument("--records", type=int, default=400_000)
    parser.add_argument("--fingerprints", type=int, default=100_000)
    options = parser.parse_args()
    with ExitStack() as opened:
        directory = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="premortem-bench-")))
        dsn, pool = opened.enter_context(running_postgres(directory, connections=2))
        brokers = opened.enter_context(running_broker(directory))

        def bench(prefix: str, count: int, each_of: int) -> Bench:
            create_topics(brokers, partitions=_PARTITIONS, payload_days=1, prefix=prefix)
            log = opened.enter_context(closing(KafkaEventLog(brokers, prefix=prefix)))
            fill(log, count, each_of, _PROJECTS)
            return Bench(brokers, prefix, dsn, pool, log)

        _growth(bench("growth-", options.records, 500), brokers, "growth-sentry.events")
        _restart(bench("restart-", 2 * options.fingerprints, options.fingerprints))


def _growth(bench: Bench, brokers: str, name: str) -> None:
    heads = bench.log.heads("sentry.events")
    begun = time.perf_counter()
    read = sum(read_bare(brokers, name, head, partition) for partition, head in enumerate(heads) if head)
    print(f"bare consumer, one partition after the other  {read / (time.perf_counter() - begun):10,.0f} records/s")
    alone = 0.0
    for processes in (1, 2):
        bench.forget()
        with bench.detect(processes) as started:
            first, at = _moved(bench, 0)
            cpu = sum(map(_cpu_seconds, started))
            end = _reach(bench, sum(heads))
            cpu = sum(map(_cpu_seconds, started)) - cpu
        rate, count = (sum(heads) - first) / (end - at), sum(heads) - first
        alone = alone or rate
        print(
            f"detect in {processes} {'process' if processes == 1 else 'processes'}  {rate:10,.0f} records/s"
            f"  {cpu / count * 1e6:5.1f} us of processor a record  {rate / alone:.2f} of one process"
        )


def _restart(bench: Bench) -> None:
    bench.forget()
    head = sum(bench.log.heads("sentry.events"))
    with bench.detect(1):
        _reach(bench, head)
    fill(bench.log, 1000, projects=_PROJECTS)
    head = sum(bench.log.heads("sentry.events"))
    megabytes = bench.state_bytes() / 1e6
    begun = time.perf_counter()
    with bench.detect(1) as (process,):
        end = _reach(bench, head)
        memory = _resident_bytes(process) / 1e6
    print(
        f"restart: {end - begun:.2f} s from starting the process to caught up, with {megabytes:.0f} MB of state; "
        f"{memory:.0f} MB resident"
    )


def _moved(bench: Bench, position: int) -> tuple[int, float]:
    while (now := bench.passed()) <= position:
        time.sleep(_LOOK_SECONDS)
    return now, time.perf_counter()


def _reach(bench: Bench, position: int) -> float:
    return _moved(bench, position - 1)[1]


def _cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _resident_bytes(process: subprocess.Popen[bytes]) -> int:
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


if __name__ == "__main__":
    main()
