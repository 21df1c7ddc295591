"""`premortem replay detections` over a real stack: what `detect` told is told again, and a forged fact is found."""

import time

from msgspec.structs import replace

from premortem import bootstrap
from premortem.domain.detection.config import VERSION
from premortem.domain.timeline import encode
from premortem.ports import Append
from tests.builders import NOW, detected
from tests.cli.conftest import Cli


def test_what_the_stack_detected_is_replayed_to_the_byte_and_a_forged_fact_is_found(cli: Cli) -> None:
    cli.run("seed")
    deadline = time.monotonic() + 60
    while True:
        report = cli.json("replay", "detections")
        if report["matched"] and not report["awaited"]:
            break
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert (report["unexplained"], report["differences"]) == (0, [])
    assert report["matched"] == report["recorded"] == report["replayed"]
    assert report["versions"] == {str(VERSION): report["recorded"]}
    assert "the same" in cli.run("replay", "detections").stdout
    old = detected("old", occurred_at=NOW + 10**11)
    forged = detected("forged", decision=replace(old.decision, detector_version=VERSION))
    with bootstrap.event_log(cli.settings()) as log:
        log.append([Append("debugging.timeline", fact.incident_id, encode(fact)) for fact in (old, forged)])
    failed = cli.run("replay", "detections", "--show", "1", code=3)
    assert "1 by detector version, recorded by version 1" in failed.stdout
    assert f"recorded only: IncidentDetected {forged.id}" in failed.stdout
    assert "1 difference" in failed.stderr
    assert cli.json("replay", "detections", "--project", "99", code=0)["recorded"] == 0
