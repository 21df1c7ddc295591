"""`kill -9` of any process, and of all, at random and at named points, under load: nothing acknowledged is lost.

The judge is the client's own list of acknowledged events, kept outside the stack, and the plain runner as oracle.
"""

import asyncio
import os
import random
import secrets
import signal
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from threading import Event

import msgspec
import pytest

from premortem import bootstrap
from premortem.adapters.checkpoint_store.memory import MemoryCheckpointStore
from premortem.adapters.event_log.memory import MemoryEventLog
from premortem.adapters.evidence_store.memory import MemoryEvidenceStore
from premortem.adapters.incident_store.memory import MemoryIncidentStore
from premortem.adapters.streams.parts import FLOWS, Surroundings
from premortem.adapters.streams.plain_runner import run_plain
from premortem.adapters.task_queue.memory import MemoryTaskQueue
from premortem.domain import conservation, project_stream
from premortem.domain.conservation import STATE_KEY
from premortem.domain.detection import Detector
from premortem.domain.ids import TenantId
from premortem.domain.project_stream import ErrorSeen
from premortem.embedded import data_directory, stack
from premortem.exceptions import Conflict, Unavailable
from premortem.ports import Append, Topic
from premortem.settings import Settings
from tests.acceptance.conftest import full_profile
from tests.acceptance.load_client import LoadClient

EVENTS = int(os.environ.get("PREMORTEM_TEST_KILL_EVENTS", "15000"))
FINGERPRINTS, PROJECTS, CONNECTIONS, KILLS = 200, 4, 24, 8
_PATIENCE = 300.0
"""Seconds for whatever is waited for: a slow machine may take them."""
POINTS = [
    *("gateway.before_append:40", "gateway.after_append:70", "event_log.{log}:110"),
    *("detect.after_findings", "materialize.after_save", "route.after_send", "archive.after_insert:2"),
    *(f"{flow}.{place}_checkpoint:2" for flow in FLOWS for place in ("before", "after")),
    *("worker.before_append", "worker.after_append:2"),
]


def kill_at_random(settings: Settings, client: LoadClient, events: int, killed: Counter[str]) -> None:
    """Kill -9 one process after another, and once the supervisor, with whom all die; then start everything again.

    Each kill comes at a random part of the load, so that none is missed however fast it is.
    """
    chance = random.Random(20261124)
    path = settings.data_dir.absolute()
    moments = sorted(chance.sample(range(events // 20, events * 3 // 4), KILLS))
    for number, moment in enumerate(moments):
        while len(client.acknowledged) < moment:
            time.sleep(0.02)
        if number == KILLS // 2:
            os.kill(data_directory.owner(path) or 0, signal.SIGKILL)
            killed["everything"] += 1
            _restart(settings)
        else:
            killed[_kill_a_child(settings, chance)] += 1


def _kill_a_child(settings: Settings, chance: random.Random) -> str:
    while True:  # what was just killed has no pid for a moment, or one of which the supervisor has not heard yet
        running = {child.name: child.pid for child in stack.status(settings) if child.pid}
        if running:
            name = chance.choice(sorted(running))
            with suppress(ProcessLookupError):
                os.kill(running[name] or 0, signal.SIGKILL)
                return name
        time.sleep(0.02)


def _restart(settings: Settings) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            stack.start(settings)
            return
        except Unavailable:  # not all is ready in time; the supervisor goes on trying
            return
        except Conflict:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


@pytest.mark.timeout(4 * _PATIENCE)
@pytest.mark.parametrize(("profile", "events"), [("embedded", EVENTS), ("full", EVENTS // 3)])
def test_nothing_acknowledged_is_lost_whatever_is_killed(
    profile: str, events: int, tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = full_profile(request) if profile == "full" else {}
    points = [point.format(log="before_flush" if changes else "before_commit") for point in POINTS]
    marks = tmp_path / "marks"
    marks.mkdir()
    settings = Settings(
        data_dir=tmp_path / "data",
        http_port=0,
        postgres_port=0,
        clickhouse_port=0,
        crash_at=",".join(points) + f"@{marks}",
        **changes,
    )
    killed: Counter[str] = Counter()
    try:
        stack.start(settings)
        with bootstrap.administration(settings) as administration:
            keys = [secrets.token_hex(16) for _ in range(PROJECTS)]
            made = [administration.create_project(TenantId("t"), f"p{n}", "P", key) for n, key in enumerate(keys)]
        targets = [(project.id, key) for project, key in zip(made, keys, strict=True)]
        client = LoadClient(stack.resolve(settings).http_port, targets, events, FINGERPRINTS)
        killer = threading.Thread(target=kill_at_random, args=(settings, client, events, killed), daemon=True)
        killer.start()
        started = time.monotonic()
        asyncio.run(asyncio.wait_for(client.run(CONNECTIONS), 2 * _PATIENCE))
        killer.join(_PATIENCE)
        seconds = time.monotonic() - started
        assert len(client.acknowledged) == events
        assert (killed.total(), killed["everything"]) == (KILLS, 1)
        named = {point.partition(":")[0] for point in points}
        acknowledged = set(client.acknowledged)
        for again in range(12):  # a point that counts checkpoints may need a few more of them
            _quiesce(settings)
            if {point.name for point in marks.iterdir()} == named:
                break
            more = LoadClient(
                stack.resolve(settings).http_port, targets, 200, FINGERPRINTS, first=EVENTS * 2 + 200 * again
            )
            asyncio.run(asyncio.wait_for(more.run(CONNECTIONS), _PATIENCE))
            acknowledged |= more.acknowledged
        _judge(settings, acknowledged)
        hit = {point.name for point in marks.iterdir()}
        assert hit == named
    finally:
        stack.stop(settings)
    with capsys.disabled():
        print(
            f"\n{profile}: {events} events acknowledged in {seconds:.0f} s; killed at random {dict(killed)}, "
            f"at {len(hit)} named points; {client.cut_off} requests cut off, "
            f"{client.refused} refused and sent again; none lost"
        )


def _quiesce(settings: Settings) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        try:
            if not any(bootstrap.lags(settings).values()):
                return
        except Exception:
            pass
        time.sleep(0.5)
    raise AssertionError(f"the dataflows did not catch up: {bootstrap.lags(settings)}")


def _judge(settings: Settings, acknowledged: set[str]) -> None:
    adapters = bootstrap.connect(settings)
    try:
        oracle = MemoryEventLog(settings.partitions)
        on_log: set[str] = set()
        for topic in ("sentry.events", "sentry.payloads"):
            _copy(adapters.event_log, oracle, topic)  # type: ignore[arg-type]
        for partition in range(settings.partitions):
            for record in oracle.read("sentry.events", partition, 0, 1_000_000):
                value = project_stream.decode(record.value)
                if isinstance(value, ErrorSeen):
                    on_log.add(value.event_id)
        assert acknowledged <= on_log
        assert adapters.evidence_store.count_events() == len(on_log)
        missing = {}
        for flow in FLOWS:
            for partition in range(settings.partitions):
                checkpoint = adapters.checkpoint_store.load(flow, partition)
                if checkpoint.next_offset:  # a partition without a project has no bodies
                    tally = conservation.decode(checkpoint.state[STATE_KEY])
                    assert tally.taken == checkpoint.next_offset
                    missing[flow, partition] = tally.missing
        assert set(missing.values()) == {0}
        deadline = time.monotonic() + _PATIENCE
        while not _same_incidents(adapters.event_log, oracle, settings.partitions):
            assert time.monotonic() < deadline, "the incidents are not those of the plain runner"
            time.sleep(0.5)  # what waited for its place in time was not judged yet
            oracle = MemoryEventLog(settings.partitions)
            _copy(adapters.event_log, oracle, "sentry.events")
        while adapters.incident_store.digest() != _folded(adapters.event_log, settings.partitions):
            assert time.monotonic() < deadline, "the incidents are not the fold of their timeline"
            time.sleep(0.5)  # workers still say something
    finally:
        adapters.close()


def _around(log: MemoryEventLog) -> Surroundings:
    return Surroundings(
        event_log=log,
        checkpoint_store=MemoryCheckpointStore(),
        task_queue=MemoryTaskQueue(),
        incident_store=MemoryIncidentStore(),
        evidence_store=MemoryEvidenceStore(),
        restore_detector=lambda state: Detector.restore(state),
        stop=Event(),
        crash=lambda _: None,
    )


def _folded(real: object, partitions: int) -> str:
    """Return the digest of the incidents that the timeline tells, with what workers added to it."""
    copy = MemoryEventLog(partitions)
    _copy(real, copy, "debugging.timeline")
    around = _around(copy)
    run_plain("materialize", around)
    return around.incident_store.digest()


def _copy(source: object, target: MemoryEventLog, topic: Topic) -> None:
    for partition, head in enumerate(source.heads(topic)):  # type: ignore[attr-defined]
        offset = 0
        while offset < head:
            records = source.read(topic, partition, offset, 5_000)  # type: ignore[attr-defined]
            target.append([Append(topic, record.key, record.value, partition) for record in records])
            offset += len(records)


def _same_incidents(real: object, oracle: MemoryEventLog, partitions: int) -> bool:
    """Facts may stand twice after a crash; their ids are the oracle's, no incident is there twice, no error in none."""
    run_plain("detect", _around(oracle))

    def told(log: object) -> dict[str, tuple[str, str, str]]:
        found: dict[str, tuple[str, str, str]] = {}
        for partition in range(partitions):
            for record in log.read("debugging.timeline", partition, 0, 1_000_000):  # type: ignore[attr-defined]
                fact = msgspec.json.decode(record.value)
                if fact["kind"] in ("IncidentDetected", "IncidentGrew"):
                    what = fact["kind"], fact["incident_id"], fact["fingerprint"]
                    assert found.setdefault(fact["id"], what) == what
        return found

    if told(real) != told(oracle):
        return False
    opened = [incident for kind, incident, _ in told(real).values() if kind == "IncidentDetected"]
    assert len(opened) == len(set(opened)) >= PROJECTS
    assert len({fingerprint for _, _, fingerprint in told(real).values()}) == FINGERPRINTS
    return True
