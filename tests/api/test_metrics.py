"""Metrics of the stores: conservation and queues are told, and what hangs takes only its own lines away."""

import time
from collections.abc import Mapping
from threading import Event

import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.metrics import StoreMetrics
from premortem.adapters.checkpoint_store.memory import MemoryCheckpointStore
from premortem.adapters.event_log.memory import MemoryEventLog
from premortem.adapters.task_queue.memory import MemoryTaskQueue
from premortem.adapters.worker_book.memory import MemoryWorkerBook
from premortem.domain import conservation
from premortem.domain.conservation import STATE_KEY, Tally
from premortem.domain.ids import FactId, IncidentId, ProjectId, TaskId, TenantId
from premortem.domain.tasks import BuildContext
from premortem.domain.work import WorkTally
from premortem.exceptions import Unavailable
from premortem.ports import Flow

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class HangingCheckpoints(MemoryCheckpointStore):
    """Hangs until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.open, self.asked = Event(), 0

    def positions(self) -> Mapping[tuple[Flow, int], int]:
        self.asked += 1
        self.open.wait()
        return super().positions()


class AwayQueue(MemoryTaskQueue):
    """Is away."""

    def depth(self, queue: str) -> int:
        raise Unavailable("away")


async def samples(metrics: StoreMetrics) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families((await metrics.text()).decode())
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


async def test_what_went_where_adds_up_over_partitions() -> None:
    checkpoints = MemoryCheckpointStore()
    for partition in (0, 1):
        tally = Tally(taken=10, out=4, filtered=3, late=2, dead_lettered=1)
        checkpoints.save("detect", partition, 10, {STATE_KEY: conservation.encode(tally)})
    metrics = StoreMetrics(MemoryEventLog(2), checkpoints, MemoryTaskQueue(), MemoryWorkerBook())
    found = await samples(metrics)
    assert found["premortem_dataflow_taken_records_total", "detect"] == 20
    went = {
        name[2]: value for name, value in found.items() if name[:2] == ("premortem_dataflow_records_total", "detect")
    }
    assert went == {"out": 8, "filtered": 6, "late": 4, "dead_lettered": 2}
    assert found["premortem_dataflow_taken_records_total", "route"] == 0
    metrics.close()


async def test_queues_tell_what_waits_and_what_is_dead() -> None:
    tasks = MemoryTaskQueue()
    task = BuildContext(
        id=TaskId("t1"),
        incident_id=IncidentId("i"),
        tenant_id=TenantId("acme"),
        project_id=ProjectId(1),
        caused_by=FactId("f"),
    )
    tasks.send([task])
    metrics = StoreMetrics(MemoryEventLog(1), MemoryCheckpointStore(), tasks, MemoryWorkerBook())
    found = await samples(metrics)
    assert found["premortem_queue_tasks", "context-builder-tasks"] == 1
    assert found["premortem_queue_dead_tasks", "context-builder-tasks"] == 0
    metrics.close()


async def test_workers_tell_which_queues_they_read_and_what_became_of_tasks() -> None:
    book = MemoryWorkerBook()
    book.note("a", ["rca-tasks"], {"rca-tasks": WorkTally(received=9, answered=3, deleted=2, retried=2, buried=1)})
    book.note("b", ["rca-tasks"], {})
    metrics = StoreMetrics(MemoryEventLog(1), MemoryCheckpointStore(), MemoryTaskQueue(), book)
    found = await samples(metrics)
    assert found["premortem_queue_workers", "rca-tasks"] == 2
    assert found["premortem_queue_workers", "fix-tasks"] == 0
    assert found["premortem_worker_received_tasks_total", "rca-tasks"] == 9
    tasks = "premortem_worker_tasks_total", "rca-tasks"
    went = {name[1]: value for name, value in found.items() if name[::2] == tasks}
    assert went == {"answered": 3, "deleted": 2, "retried": 2, "buried": 1}
    metrics.close()


async def test_what_is_away_or_hangs_takes_only_its_own_lines_away_and_is_not_asked_twice() -> None:
    checkpoints = HangingCheckpoints()
    metrics = StoreMetrics(MemoryEventLog(1), checkpoints, AwayQueue(), MemoryWorkerBook(), wait_seconds=0.2)
    begun = time.monotonic()
    for _ in range(3):
        found = await samples(metrics)
        up = {name[1]: value for name, value in found.items() if name[0] == "premortem_part_up"}
        assert up == {"lags": 0, "conservation": 1, "queues": 0, "workers": 1}
        assert ("premortem_dataflow_taken_records_total", "detect") in found
    assert time.monotonic() - begun < 15
    assert checkpoints.asked == 1
    checkpoints.open.set()
    while ("premortem_dataflow_lag_records", "detect", "0") not in (found := await samples(metrics)):
        pass
    assert found["premortem_part_up", "lags"] == 1
    metrics.close()
