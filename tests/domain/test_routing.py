"""Policy: what a fact sets in motion."""

import pytest

from premortem.domain.ids import FactId, Fingerprint
from premortem.domain.incident import evolve, fold
from premortem.domain.project_stream import Resolved
from premortem.domain.routing import NOTHING, react
from premortem.domain.tasks import BuildContext
from premortem.domain.timeline import IncidentFact, IncidentGrew, IncidentReopened, IncidentResolved
from tests.builders import NOW, detected, incident

ONE = incident()


def about(fact: type[IncidentFact], **values: object) -> IncidentFact:
    known = {"id": FactId("f"), "incident_id": ONE.id, "tenant_id": ONE.tenant_id, "project_id": ONE.project_id}
    return fact(**{**known, "occurred_at": NOW + 1, **values})  # type: ignore[arg-type]


def after(fact: IncidentFact) -> object:
    changed = evolve(ONE, fact)
    assert changed is not None
    return react(changed, fact)


@pytest.mark.parametrize("fact", [detected(), about(IncidentReopened, reason="back")])
def test_an_incident_that_opens_or_opens_again_asks_for_its_context(fact: IncidentFact) -> None:
    (task,) = react(ONE, fact).tasks
    assert isinstance(task, BuildContext)
    assert task.caused_by == fact.id
    assert react(ONE, fact) == react(ONE, fact)


def test_a_resolved_incident_tells_the_detector_of_each_of_its_errors_where_it_was() -> None:
    grown = fold([about(IncidentGrew, fingerprint=Fingerprint("b" * 32), severity="low", decision=ONE.decisions[0],
                        event_id="1" * 32)], ONE)  # fmt: skip
    assert grown is not None
    fact = about(IncidentResolved, reason="by_person", release="shop@2")
    records = react(grown, fact).records
    assert [record.fingerprint for record in records if isinstance(record, Resolved)] == ["a" * 32, "b" * 32]
    assert {(r.release, r.environment, r.resolved_at) for r in records if isinstance(r, Resolved)} == {
        ("shop@2", "production", NOW + 1)
    }


def test_a_note_sets_nothing_in_motion() -> None:
    fact = about(
        IncidentGrew, fingerprint=Fingerprint("b" * 32), severity="low", decision=ONE.decisions[0], event_id=""
    )
    assert after(fact) == NOTHING
