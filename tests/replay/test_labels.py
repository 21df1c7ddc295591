"""A label is what a person said of an incident; what the machine said is none."""

from typing import Any

import pytest

from premortem.adapters.event_log.memory import MemoryEventLog
from premortem.domain.decision import Decision
from premortem.domain.ids import FactId, IncidentId, TenantId
from premortem.domain.timeline import (
    FixApplied,
    HumanResponded,
    IncidentFact,
    IncidentGrew,
    IncidentMerged,
    IncidentReopened,
    IncidentResolved,
    IncidentSuppressed,
    TimelineTicked,
    encode,
    upcast,
)
from premortem.ports import Append
from replay.labels import facts, labels, timeline, verdict
from tests.builders import NOW, detected

MINUTE = 60_000
SPIKE = Decision("spike", 1, fired=True, at=NOW, onset=NOW - 4 * MINUTE)


def fact(kind: type, of: str = "one", **values: Any) -> Any:
    told = detected(of)
    who = {"incident_id": told.incident_id, "tenant_id": told.tenant_id, "project_id": told.project_id}
    return kind(**who, id=FactId(f"{of} {kind.__name__}"), occurred_at=NOW + MINUTE, **values)


SUPPRESSED = fact(IncidentSuppressed, reason="Noise.", by="ann")
ANSWERED = fact(HumanResponded, by="ann", text="It is the new tax table.")
BY_HAND = fact(IncidentResolved, reason="by_person", by="ann")
FIXED = fact(FixApplied, repository="shop", number=7, commit="c0ffee")
REOPENED = fact(IncidentReopened, reason="It is back.")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([SUPPRESSED], "rejected"),
        ([BY_HAND], "confirmed"),
        ([FIXED], "confirmed"),
        ([ANSWERED], "confirmed"),
        ([REOPENED], "confirmed"),
        ([ANSWERED, SUPPRESSED], "rejected"),
        ([SUPPRESSED, ANSWERED], "rejected"),
        ([SUPPRESSED, REOPENED, BY_HAND], "confirmed"),
        ([fact(IncidentResolved, reason="quiet")], None),
        ([fact(IncidentResolved, reason="verified")], None),
        ([fact(IncidentSuppressed, reason="By a rule.")], None),
        ([fact(IncidentReopened, reason="Events.", event_id="e" * 32, decision=SPIKE)], None),
        ([], None),
    ],
)
def test_the_last_thing_that_a_person_said_counts(said: list[IncidentFact], expected: str | None) -> None:
    assert verdict([detected(), *said]) == expected


def test_a_label_begins_at_the_onset_and_names_every_error_that_joined() -> None:
    grew = fact(IncidentGrew, fingerprint="b" * 32, severity="high", decision=SPIKE, event_id="e" * 32)

    (label,) = labels([detected(decision=SPIKE), grew, BY_HAND])

    assert (label.onset, label.opened_at, label.verdict) == (NOW - 4 * MINUTE, NOW, "confirmed")
    assert [error.fingerprint for error in label.errors] == ["a" * 32, "b" * 32]


def test_an_incident_of_which_nobody_said_anything_has_no_label() -> None:
    assert labels([detected()]) == []


def test_a_merged_incident_has_the_verdict_of_the_one_that_it_became_part_of() -> None:
    first, second = detected("one"), detected("two")
    merged = fact(IncidentMerged, "one", into=second.incident_id)
    said = fact(IncidentSuppressed, "two", reason="Noise.", by="ann")

    found = labels([first, merged, second, said])

    assert {label.incident_id: label.verdict for label in found} == {
        first.incident_id: "rejected",
        second.incident_id: "rejected",
    }


def test_mergers_in_a_circle_and_into_the_unknown_end() -> None:
    first, second = detected("one"), detected("two")
    circle = [first, fact(IncidentMerged, "one", into=second.incident_id)]
    circle += [second, fact(IncidentMerged, "two", into=first.incident_id)]
    lost = [
        detected("three"),
        fact(IncidentMerged, "three", into=IncidentId("gone")),
        fact(FixApplied, "three", repository="r", number=1, commit="c"),
    ]

    assert [label.incident_id for label in labels([*circle, *lost])] == [detected("three").incident_id]


def test_a_timeline_is_one_tenants_and_what_cannot_be_read_is_passed_over() -> None:
    log = MemoryEventLog(partitions=2)
    mine, others = detected("one"), detected("two", tenant_id=TenantId("other"))
    tick = TimelineTicked(at=NOW)
    records = [encode(mine), b"no fact", encode(others), encode(tick), encode(SUPPRESSED)]
    log.append([Append("debugging.timeline", "one", record) for record in records])

    assert list(timeline(log, "acme")) == [upcast(mine), upcast(SUPPRESSED)]
    assert list(facts(records)) == [upcast(mine), upcast(others), upcast(SUPPRESSED)]
