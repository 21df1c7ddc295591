"""A world for dataflows to run in: memory adapters, a small detector, and logs to read."""

from collections.abc import Callable, Mapping, Sequence
from threading import Event

import msgspec
from bytewax.testing import cluster_main, run_main

from dataflows.wiring import Wiring
from premortem.adapters.checkpoint_store.memory import MemoryCheckpointStore
from premortem.adapters.event_log.memory import MemoryEventLog
from premortem.adapters.incident_store.memory import MemoryIncidentStore
from premortem.adapters.streams.log_source import Pace
from premortem.adapters.streams.log_tail import LogTail
from premortem.adapters.streams.parts import FLOWS, SOURCES, Surroundings
from premortem.adapters.task_queue.memory import MemoryTaskQueue
from premortem.domain import conservation, project_stream, timeline
from premortem.domain.archive import ArchivedRow
from premortem.domain.conservation import STATE_KEY, Tally
from premortem.domain.decision import Decision
from premortem.domain.ids import EventId, FactId, Fingerprint, IncidentId, ProjectId, TenantId, derive
from premortem.domain.project_stream import ErrorSeen, ProjectRecord
from premortem.domain.timeline import IncidentDetected, IncidentFact, IncidentGrew
from premortem.ports import Append, Flow, LogRecord, TaskQueue

TENANT = TenantId("acme")


class Crashed(Exception):
    """Stands for a kill at a crash point: nothing after it happens."""


class DoublingDetector:
    """Opens an incident at the first event of a fingerprint and tells it grew at the 2nd, 4th, 8th ...

    Small, but with all that matters here: state by project, offsets that it has seen, ids derived from causes.
    """

    late = 0

    def __init__(self, state: Mapping[str, bytes]) -> None:
        self._projects: dict[str, dict[str, int]] = {k: msgspec.json.decode(v) for k, v in state.items()}
        self._changed: set[str] = set()

    def admit(self, offset: int, value: bytes) -> Sequence[tuple[int, int, ProjectRecord]]:
        record = project_stream.decode(value)
        if not isinstance(record, ErrorSeen):
            return ()
        name = f"project:{record.project_id}"
        project = self._projects.setdefault(name, {"seen": -1})
        if offset <= project["seen"]:
            return ()
        project["seen"] = offset
        self._changed.add(name)
        return ((record.received_at, offset, record),)

    def judge(self, record: ProjectRecord) -> Sequence[IncidentFact]:
        assert isinstance(record, ErrorSeen)
        project = self._projects[f"project:{record.project_id}"]
        fingerprint = record.hashes[0]
        count = project[fingerprint] = project.get(fingerprint, 0) + 1
        return (_finding(record, fingerprint, count),) if count & (count - 1) == 0 else ()

    def changed(self) -> Mapping[str, bytes | None]:
        changed: dict[str, bytes | None] = {name: msgspec.json.encode(self._projects[name]) for name in self._changed}
        self._changed.clear()
        return changed


def _finding(record: ErrorSeen, fingerprint: Fingerprint, count: int) -> IncidentFact:
    decision = Decision(
        detector="novelty", detector_version=1, fired=True, at=record.occurred_at, onset=record.occurred_at
    )
    shared = {
        "id": FactId(derive("finding", record.project_id, fingerprint, count)),
        "incident_id": IncidentId(derive("incident", record.project_id, fingerprint)),
        "tenant_id": record.tenant_id,
        "project_id": record.project_id,
        "occurred_at": record.occurred_at,
        "fingerprint": fingerprint,
        "severity": "low",
        "decision": decision,
        "event_id": record.event_id,
    }
    if count > 1:
        return IncidentGrew(**shared)
    return IncidentDetected(**shared, title=record.title, culprit="", level="error", first_seen=record.occurred_at)


class MemoryEvidence:
    """Keeps archived rows by their id."""

    def __init__(self) -> None:
        self.rows: dict[str, ArchivedRow] = {}
        self.inserts: list[int] = []

    def insert(self, rows: Sequence[ArchivedRow]) -> None:
        self.inserts.append(len(rows))
        for row in rows:
            key = getattr(row, "event_id", None) or getattr(row, "log_id", None) or row.deploy_id  # type: ignore[union-attr]
            self.rows[key] = row


class World:
    """Everything a dataflow touches, in memory."""

    def __init__(self, partitions: int = 4) -> None:
        self.log = MemoryEventLog(partitions)
        self.checkpoints = MemoryCheckpointStore()
        self.queue: TaskQueue = MemoryTaskQueue()
        self.incidents = MemoryIncidentStore()
        self.evidence = MemoryEvidence()

    def around(self, crash: Callable[[str], None] = lambda _: None, stop: Event | None = None) -> Surroundings:
        return Surroundings(
            event_log=self.log,
            checkpoint_store=self.checkpoints,
            task_queue=self.queue,
            incident_store=self.incidents,
            evidence_store=self.evidence,  # type: ignore[arg-type]
            restore_detector=DoublingDetector,
            stop=stop or Event(),
            crash=crash,
        )

    def run(self, flow: Flow, around: Surroundings | None = None, workers: int = 1, **pace: object) -> None:
        """Run the real Bytewax dataflow to the end of the log."""
        around = around or self.around()
        dataflow = Wiring(around, LogTail(around.event_log)).dataflow(flow, Pace(follow=False, **pace))  # type: ignore[arg-type]
        if workers == 1:
            run_main(dataflow)
        else:
            cluster_main(dataflow, [], 0, worker_count_per_proc=workers)

    def append(self, *records: Append) -> None:
        self.log.append(records)

    def tick(self, at: int) -> None:
        """Say on every partition of the timeline that the clock has passed `at`, as the gateway does."""
        told = timeline.encode(timeline.TimelineTicked(at=at))
        partitions = range(self.log.partitions("debugging.timeline"))
        self.append(*(Append("debugging.timeline", "", told, partition) for partition in partitions))

    def records(self, topic: str) -> list[LogRecord]:
        return [r for p in range(self.log.partitions(topic)) for r in self.log.read(topic, p, 0, 1_000_000)]  # type: ignore[arg-type]

    def facts(self) -> dict[IncidentId, list[FactId]]:
        """Return the ids of each incident's facts in the order in which they first stood on the timeline."""
        found: dict[IncidentId, list[FactId]] = {}
        for record in self.records("debugging.timeline"):
            fact = timeline.decode(record.value)
            if not isinstance(fact, timeline.TimelineTicked):
                ids = found.setdefault(fact.incident_id, [])
                if fact.id not in ids:
                    ids.append(fact.id)
        return found

    def tally(self, flow: Flow) -> Tally:
        """Return the sum of a dataflow's tallies over the partitions, as its checkpoints hold them."""
        total = Tally()
        for partition in range(self.log.partitions(SOURCES[flow])):
            stored = self.checkpoints.load(flow, partition).state.get(STATE_KEY)
            total = total + (conservation.decode(stored) if stored else Tally())
        return total

    def assert_conserved(self) -> None:
        """Check that every record before each position is accounted for, once."""
        positions = self.checkpoints.positions()
        for flow in FLOWS:
            tally = self.tally(flow)
            assert tally.missing == 0
            assert tally.taken == sum(offset for (name, _), offset in positions.items() if name == flow)


def error(project: int, fingerprint: str, number: int, at: int = 1_700_000_000_000) -> Append:
    """Return the record of an error event."""
    record = ErrorSeen(
        tenant_id=TENANT,
        project_id=ProjectId(project),
        received_at=at + number,
        event_id=EventId(f"{project:016x}{number:016x}"),
        hashes=(Fingerprint(fingerprint),),
        occurred_at=at + number,
        level="error",
        title=f"ValueError {fingerprint}",
    )
    return Append("sentry.events", str(project), project_stream.encode(record))
