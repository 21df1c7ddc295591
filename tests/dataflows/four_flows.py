"""A process with all four dataflows over PostgreSQL: `python -m tests.dataflows.four_flows DSN CRASH_AT [ASKED]`.

What it archives stays in memory; with a path in `ASKED` the archive's store makes a file there and never answers.
"""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Event

from dataflows.together import run_together
from dataflows.wiring import Wiring
from premortem.adapters.checkpoint_store.postgres import PostgresCheckpointStore
from premortem.adapters.event_log.postgres import PostgresEventLog
from premortem.adapters.incident_store.postgres import PostgresIncidentStore
from premortem.adapters.postgres import Pool, open_pool
from premortem.adapters.streams.crash import crash_points
from premortem.adapters.streams.log_tail import LogTail
from premortem.adapters.streams.parts import FLOWS, Surroundings
from premortem.adapters.streams.stopping import stop_on_signals
from premortem.adapters.task_queue.postgres import PostgresTaskQueue
from premortem.domain.archive import ArchivedRow
from tests.dataflows.world import DoublingDetector, MemoryEvidence


class HangingEvidence(MemoryEvidence):
    """Says that it was asked, and takes for ever."""

    def __init__(self, asked: Path) -> None:
        super().__init__()
        self._asked = asked

    def insert(self, rows: Sequence[ArchivedRow]) -> None:
        self._asked.touch()
        time.sleep(600)


def surroundings(pool: Pool, stop: Event, crash_at: str = "", asked: str = "") -> Surroundings:
    """Return what the dataflows touch: PostgreSQL, but for the archive."""
    crash = crash_points(crash_at)
    return Surroundings(
        event_log=PostgresEventLog(pool, crash=crash),
        checkpoint_store=PostgresCheckpointStore(pool),
        task_queue=PostgresTaskQueue(pool),
        incident_store=PostgresIncidentStore(pool),
        evidence_store=HangingEvidence(Path(asked)) if asked else MemoryEvidence(),  # type: ignore[arg-type]
        restore_detector=DoublingDetector,
        stop=stop,
        crash=crash,
    )


def main(dsn: str, crash_at: str = "", asked: str = "") -> None:
    """Run until told to stop."""
    stop = Event()
    stop_on_signals(stop)
    around = surroundings(open_pool(dsn, size=8), stop, crash_at, asked)
    wiring = Wiring(around, LogTail(around.event_log))
    os._exit(run_together([wiring.dataflow(flow) for flow in FLOWS], stop))


if __name__ == "__main__":
    main(*sys.argv[1:])
