"""`python -m benchmarks.rebuild [incidents]`: timeline events a second that a rebuild folds, on one core.

Beside it, in the same run: decoding alone, the least that any rebuild does. Two mixes: small facts, of which most
timelines consist (an incident opens, grows a few times and is over), and the same with evidence, causes and patches of
the sizes that the sample shop's have. `folded` is without a store; `rebuilt` is with the rows copied into a shadow in
PostgreSQL and the digest over all. CPU time of this process, the median of the rounds; the server's is beside it.
"""

import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.servers import running_postgres
from premortem.adapters.event_log.memory import MemoryEventLog
from premortem.adapters.incident_store.shadow_postgres import lend_shadow
from premortem.adapters.postgres import Pool
from premortem.domain import incident, timeline
from premortem.domain.decision import Decision, Gate
from premortem.domain.evidence import observed
from premortem.domain.ids import EventId, FactId, Fingerprint, IncidentId, ProjectId, TenantId, derive
from premortem.domain.timeline import (
    ContextBuilt,
    FixProposed,
    IncidentDetected,
    IncidentFact,
    IncidentGrew,
    IncidentResolved,
    RootCauseProposed,
)
from premortem.ports import Append
from replay.rebuilding.folding import TIMELINE, Folding, chunks
from replay.rebuilding.rebuild import rebuild

_NOW = 1_795_360_907_000
_ROUNDS = 5
_PARTITIONS = 4


def main(incidents: int = 6_000) -> None:
    """Print the rates of both mixes."""
    with (
        tempfile.TemporaryDirectory(prefix="premortem-bench-") as directory,
        running_postgres(Path(directory), connections=5) as (_, pool),
    ):
        for name, full in (("small facts", False), ("with evidence, causes and patches", True)):
            _measure(name, _log(incidents, full), pool)


def _measure(name: str, log: MemoryEventLog, pool: Pool) -> None:
    values = [r.value for p in range(_PARTITIONS) for r in log.read(TIMELINE, p, 0, sys.maxsize)]
    count, size = len(values), sum(map(len, values)) / len(values)
    print(f"{name}: {count:,} timeline events of {size:,.0f} bytes")
    decoding = _report("decoding alone", count, lambda: [timeline.decode(value) for value in values] and None)
    folding = _report("folded, with chains, rows and digests' bytes", count, lambda: _fold(log))
    print(f"  {decoding / folding:5.0%} of the fold is decoding")

    def into_postgres() -> None:
        with lend_shadow(pool) as shadow:
            rebuild(log, shadow)

    _report("rebuilt into PostgreSQL", count, into_postgres)


def _report(what: str, count: int, act: Callable[[], None]) -> float:
    """Print the rate of `act` and return its median seconds."""
    cpu, wall = [], []
    for _ in range(_ROUNDS):
        gc.collect()
        begun, begun_wall = time.process_time(), time.perf_counter()
        act()
        cpu.append(time.process_time() - begun)
        wall.append(time.perf_counter() - begun_wall)
    seconds = statistics.median(cpu)
    print(f"  {count / seconds:10,.0f}/s  {what} (by the clock {count / statistics.median(wall):,.0f}/s)", flush=True)
    return seconds


def _fold(log: MemoryEventLog) -> None:
    for partition, head in enumerate(log.heads(TIMELINE)):
        folding = Folding()
        for records in chunks(log, partition, 0, head):
            folding.take(folding.read(records))
        for saved in folding.incidents.values():
            incident.encode(saved.incident)


def _log(incidents: int, full: bool) -> MemoryEventLog:
    """Return a log on which the incidents happen at once: their facts are interleaved, a few hundred at a time."""
    log = MemoryEventLog(_PARTITIONS)
    for first in range(0, incidents, 300):
        told = [_story(n, full) for n in range(first, min(first + 300, incidents))]
        for step in range(max(map(len, told))):
            facts = [story[step] for story in told if step < len(story)]
            log.append([Append(TIMELINE, fact.incident_id, timeline.encode(fact)) for fact in facts])
    return log


def _story(number: int, full: bool) -> list[IncidentFact]:
    """Return the facts of an incident: it opens, grows up to six times, one in fifty 40 times, and is over."""
    fingerprint = Fingerprint(f"{number:032x}")
    shared = {
        "incident_id": IncidentId(derive("incident", number)),
        "tenant_id": TenantId("bench"),
        "project_id": ProjectId(number % 40),
    }

    def when(kind: type[IncidentFact], step: int) -> dict[str, Any]:
        told = {"id": FactId(derive("fact", number, step)), "occurred_at": _NOW + 60_000 * step}
        return {**shared, **told, "v": timeline.VERSIONS[kind]}

    decision = Decision(
        "spike",
        3,
        fired=True,
        at=_NOW,
        onset=_NOW - 300_000,
        gates=tuple(Gate(name, 5.1, 3.0, True) for name in ("score", "events", "recurring peak", "minutes known")),
    )
    event = EventId(f"{number:032x}")
    opened = IncidentDetected(
        **when(IncidentDetected, 0),
        fingerprint=fingerprint,
        title=f"PaymentDeclinedError: the bank refused the charge {number}",
        culprit="shop.checkout.payment in charge",
        severity="high",
        level="error",
        decision=decision,
        event_id=event,
        first_seen=_NOW - 300_000,
        release="shop@1.1.0",
        environment="production",
    )
    facts: list[IncidentFact] = [opened]
    if full:
        facts += _analysis(number, when)
    grown = 40 if number % 50 == 0 else number % 7
    facts += [
        IncidentGrew(
            **when(IncidentGrew, 10 + n),
            fingerprint=fingerprint,
            severity="high",
            decision=decision,
            event_id=event,
        )
        for n in range(grown)
    ]
    return [*facts, IncidentResolved(**when(IncidentResolved, 99), reason="quiet")]


def _analysis(number: int, when: Callable[[type[IncidentFact], int], dict[str, Any]]) -> list[IncidentFact]:
    """Return what workers answer: evidence of 8 kB, a cause of 2 kB, a patch of 1 kB."""
    evidence = tuple(
        observed(
            "event", f"observation {n}", "counts", (("project", "1"),), f'{{"n": {number}, "text": "{"x" * 560}"}}'
        )
        for n in range(10)
    )
    ids = tuple(each.id for each in evidence)
    return [
        ContextBuilt(**when(ContextBuilt, 1), evidence_ids=ids, evidence=evidence),
        RootCauseProposed(
            **when(RootCauseProposed, 2),
            verdict="probable",
            summary="The release 1.1.0 sends no currency. " * 40,
            confidence=0.7,
            agent="rules",
        ),
        FixProposed(
            **when(FixProposed, 3), summary="Send it.", patch="-    charge(total)\n+    charge(total, currency)\n" * 20
        ),
    ]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
