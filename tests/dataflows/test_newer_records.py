"""A record that a newer version wrote, during an upgrade say, waits for a newer version; it is no dead letter."""

import json
from dataclasses import replace

import pytest

from premortem.adapters.streams.plain_runner import run_plain
from premortem.domain import project_stream, timeline
from premortem.domain.detection import Detector
from premortem.domain.project_stream import tick
from premortem.domain.versions import Newer
from premortem.ports import Append, Flow
from tests.builders import NOW, detected, error_seen
from tests.dataflows.world import World


def later(record: bytes, kind: str = "") -> bytes:
    """Return the record as a version to come would write it."""
    said = json.loads(record)
    return json.dumps(said | {"kind": kind or said["kind"], "v": 99, "said_in_another_way": True}).encode()


@pytest.mark.parametrize("kind", ["", "IncidentSplit"])
@pytest.mark.parametrize("flow", ["materialize", "route"])
def test_a_dataflow_of_the_timeline_stands_before_a_fact_that_only_a_newer_one_can_read(flow: Flow, kind: str) -> None:
    world, opening = World(partitions=1), detected("one")
    record = timeline.encode(opening)
    world.append(Append("debugging.timeline", opening.incident_id, later(record, kind)))
    with pytest.raises(Newer, match="Upgrade"):
        run_plain(flow, world.around())
    assert world.records("dead-letters") == []
    assert world.checkpoints.load(flow, 0).next_offset == 0


def test_detect_stands_before_a_record_that_only_a_newer_one_can_read_also_when_another_released_it() -> None:
    world = World(partitions=1)
    around = replace(world.around(), restore_detector=Detector.restore)
    first = later(project_stream.encode(error_seen(1)))
    world.append(Append("sentry.events", "7", first))
    run_plain("detect", around)
    waits = world.checkpoints.load("detect", 0)
    world.append(Append("sentry.events", "7", project_stream.encode(tick(NOW + 60_000)), 0))
    with pytest.raises(Newer, match=r"ErrorSeen, version 99"):
        run_plain("detect", around)
    assert world.records("dead-letters") == []
    assert world.checkpoints.load("detect", 0) == waits
