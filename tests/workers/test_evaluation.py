"""A deployed fix is measured: what is counted in the archive, and the verdict that goes onto the timeline."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from premortem.adapters.evidence_store.clickhouse import ClickHouseEvidenceStore
from premortem.adapters.evidence_store.memory import MemoryEvidenceStore
from premortem.adapters.source_code.git import GitSourceCode
from premortem.domain import observations, timeline
from premortem.domain.archive import ArchivedRow
from premortem.domain.decision import Decision
from premortem.domain.ids import FactId
from premortem.domain.incident import evolve
from premortem.domain.observations import Exposure
from premortem.domain.routing import react
from premortem.domain.tasks import EvaluateFix, answer_id
from premortem.domain.timeline import EvaluationCompleted, FixApplied, IncidentReopened, IncidentResolved
from premortem.domain.work import Work
from premortem.exceptions import Permanent
from premortem.ports import EvidenceStore
from premortem.workers.evaluation import Evaluations
from tests.builders import NOW
from tests.repositories import Origin
from tests.workers.bench import about
from tests.workers.shop_archive import (
    BOOM,
    DAY,
    DEPLOY,
    DEPLOYED,
    HOUR,
    MERGE,
    MINUTE,
    NEXT,
    OPENED,
    PROPOSED,
    after,
    before,
    body,
    event,
    judged,
    sessions,
)


@pytest.fixture(params=["memory", "clickhouse"])
def store(request: pytest.FixtureRequest) -> Iterator[EvidenceStore]:
    if request.param == "memory":
        yield MemoryEvidenceStore()
        return
    found = ClickHouseEvidenceStore(request.getfixturevalue("clickhouse_database"))
    yield found
    found.close()


def verdict(store: EvidenceStore, work: Work[EvaluateFix]) -> EvaluationCompleted:
    (fact,) = Evaluations(store, seconds=lambda: 0.0)(work).facts
    assert isinstance(fact, EvaluationCompleted)
    return fact


def archive(*rows: Sequence[ArchivedRow]) -> MemoryEvidenceStore:
    store = MemoryEvidenceStore()
    store.insert([row for group in rows for row in group])
    return store


def test_a_fix_after_which_the_error_is_gone_resolves_its_incident(store: EvidenceStore) -> None:
    store.insert([*before(), *after(12)])
    work = judged(DEPLOYED + 12 * HOUR)
    fact = verdict(store, work)
    assert (fact.verdict, fact.reason, fact.release, fact.look_again_at) == ("effective", "fell", "shop@2", None)
    assert (fact.id, fact.occurred_at, fact.v) == (answer_id(work.task), DEPLOYED + 12 * HOUR, 3)
    (main,) = fact.comparisons
    assert (main.unit, main.before_events, main.after_events) == ("sessions", 294, 0)
    (evidence,) = fact.evidence
    counted = observations.read(evidence, Exposure)
    assert counted is not None
    assert [(each.release, each.carries_fix, each.events) for each in counted.releases] == [
        ("shop@1", False, (294, 0)),
        ("shop@2", True, (0, 0)),
    ]
    assert timeline.decode(timeline.encode(fact)) == fact
    incident = evolve(work.incident, fact)
    assert incident is not None
    (resolved,) = react(incident, fact).facts
    assert isinstance(resolved, IncidentResolved)


def test_rows_and_tasks_that_come_twice_change_nothing(store: EvidenceStore) -> None:
    rows = [*before(), *after(12, 10 * MINUTE)]
    store.insert(rows)
    first = verdict(store, judged(DEPLOYED + 12 * HOUR))
    store.insert(rows[::2])
    store.insert(rows)
    assert verdict(store, judged(DEPLOYED + 12 * HOUR)) == first
    assert first.verdict == "ineffective"


def test_a_fix_after_which_the_error_goes_on_opens_the_investigation_again() -> None:
    work = judged(DEPLOYED + 12 * HOUR)
    fact = verdict(archive(before(), after(12, 10 * MINUTE)), work)
    assert (fact.verdict, fact.reason) == ("ineffective", "stayed")
    incident = evolve(work.incident, fact)
    assert incident is not None
    (again,) = react(incident, fact).facts
    assert isinstance(again, IncidentReopened)
    assert fact.summary in again.reason


@pytest.mark.parametrize(
    ("path", "found"), [("/srv/app/src/shop/cart.py", "ineffective"), ("shop/mail.py", "effective")]
)
def test_an_error_with_a_new_fingerprint_counts_when_it_comes_from_a_file_that_the_fix_changed(
    path: str, found: str
) -> None:
    rows = after(12, 10 * MINUTE, fingerprint=NEXT, payload=body(path, "discount"))
    fact = verdict(archive(before(), rows), judged(DEPLOYED + 12 * HOUR))
    assert fact.verdict == found
    assert fact.siblings == ((NEXT,) if found == "ineffective" else ())
    if fact.siblings:
        assert fact.reason == "moved"


def test_an_error_that_was_there_before_the_deploy_is_no_sibling() -> None:
    known = event(DEPLOYED - HOUR, "shop@1", NEXT)
    fact = verdict(archive(before(), [known], after(12, 30 * MINUTE, fingerprint=NEXT)), judged(DEPLOYED + 12 * HOUR))
    assert (fact.verdict, fact.siblings) == ("effective", ())


def test_a_new_error_of_a_release_without_the_fix_is_no_sibling() -> None:
    old = [event(at, "shop@1", NEXT) for at in range(DEPLOYED + 1, DEPLOYED + 12 * HOUR, 10 * MINUTE)]
    assert verdict(archive(before(), after(12), old), judged(DEPLOYED + 12 * HOUR)).siblings == ()


def test_an_error_that_the_incident_has_taken_in_is_counted_once() -> None:
    work = judged(DEPLOYED + 12 * HOUR)
    grown = Work(work.task, replace(work.incident, fingerprints=(BOOM, NEXT)), work.facts)
    fact = verdict(archive(before(), after(12, 30 * MINUTE, fingerprint=NEXT)), grown)
    assert (fact.comparisons[0].after_events, fact.siblings) == (24, ())


def test_a_task_that_comes_again_is_about_the_deploy_that_caused_it_whatever_was_deployed_since() -> None:
    work = judged(DEPLOYED + 12 * HOUR)
    since = replace(DEPLOY, id=FactId("next"), release="shop@9", deployed_at=DEPLOYED + 11 * HOUR)
    later = Work(work.task, work.incident, (*work.facts, since))
    store = archive(before(), after(12))
    assert verdict(store, later) == verdict(store, work)


def test_a_new_error_in_the_function_that_failed_is_a_sibling_where_nobody_knows_what_was_changed() -> None:
    store = archive(before(), after(12, 30 * MINUTE, fingerprint=NEXT, payload=body("shop/cart.py", "price")))
    opened = replace(OPENED, event_id=event(NOW).event_id)
    work = judged(DEPLOYED + 12 * HOUR)
    unknown = Work(work.task, replace(work.incident, event_id=opened.event_id), (opened, MERGE, DEPLOY))
    assert verdict(store, unknown).siblings == (NEXT,)


def test_events_of_old_releases_and_late_ones_are_not_held_against_the_fix() -> None:
    """Phones that were not updated fail as before, and send what failed before the deploy when they come online."""
    old = [event(at, "shop@1") for at in range(DEPLOYED + 5, DEPLOYED + 12 * HOUR, 20 * MINUTE)]
    old_traffic = [
        sessions(at, "shop@1", 10) for at in range(DEPLOYED - DEPLOYED % MINUTE, DEPLOYED + 12 * HOUR, 600_000)
    ]
    late = [event(DEPLOYED - n - 1, "shop@2", received_at=DEPLOYED + HOUR) for n in range(20)]
    fact = verdict(archive(before(), after(12), old, old_traffic, late), judged(DEPLOYED + 12 * HOUR))
    assert fact.verdict == "effective"
    assert [each.against for each in fact.comparisons] == ["onset_to_fix", "concurrent_releases"]
    assert fact.comparisons[0].before_events == 294 + 20
    assert fact.comparisons[1].before_events == len(old)


@pytest.mark.parametrize("release", ["shop@3", ""])
def test_events_of_later_releases_and_those_that_name_none_are_held_against_the_fix(release: str) -> None:
    later = [event(at, release) for at in range(DEPLOYED + 6 * HOUR, DEPLOYED + 12 * HOUR, 5 * MINUTE)]
    fact = verdict(archive(before(), after(12), later), judged(DEPLOYED + 12 * HOUR))
    assert (fact.verdict, fact.comparisons[0].after_events) == ("ineffective", 70)


def test_a_later_release_that_is_known_to_be_without_the_fix_is_compared_with_it(tmp_path: Path) -> None:
    origin = Origin(tmp_path / "origin")
    hotfix = origin.commit("as it was", {"cart.py": "a"})
    merge = origin.commit("fix", {"cart.py": "b"})
    later = [event(at, hotfix) for at in range(DEPLOYED + 6 * HOUR, DEPLOYED + 12 * HOUR, 5 * MINUTE)]
    traffic = [sessions(at, hotfix, 20) for at in range(DEPLOYED + 6 * HOUR, DEPLOYED + 12 * HOUR, 10 * MINUTE)]
    applied = about(FixApplied, id=FactId("merge"), repository="acme/shop", number=1, commit=merge)
    work = judged(DEPLOYED + 12 * HOUR)
    work = Work(work.task, work.incident, (OPENED, PROPOSED, applied, replace(DEPLOY, commit=merge)))
    source = GitSourceCode(tmp_path / "copies")
    store = archive(
        before(), after(12), later, [replace(each, started_at=each.started_at // MINUTE * MINUTE) for each in traffic]
    )
    evaluate = Evaluations(store, source, lambda *_: [origin.repository()], seconds=lambda: 0.0)
    (fact,) = evaluate(work).facts
    assert isinstance(fact, EvaluationCompleted)
    assert (fact.verdict, fact.comparisons[1].before_events) == ("effective", 70)


def test_what_is_too_early_to_tell_is_measured_again_by_what_was_fixed_at_the_first_look() -> None:
    store = archive(before(40 * MINUTE), after(40))
    early = verdict(store, judged(DEPLOYED + 30 * MINUTE))
    assert (early.verdict, early.reason) == ("inconclusive", "underpowered")
    assert early.look_again_at is not None
    store.insert([event(DEPLOYED - DAY + n, "shop@1") for n in range(900)])  # they come late
    told = verdict(store, judged(DEPLOYED + 40 * HOUR, early))
    assert told.comparisons[0].needed_exposure == early.comparisons[0].needed_exposure
    assert told.comparisons[0].dispersion == early.comparisons[0].dispersion
    assert told.verdict == "effective"


def test_after_a_week_without_traffic_on_the_release_a_person_is_asked() -> None:
    fact = verdict(archive(before()), judged(DEPLOYED + 7 * DAY))
    assert (fact.verdict, fact.reason, fact.look_again_at) == ("inconclusive", "no_traffic", None)


def test_the_time_before_begins_where_the_errors_began_again() -> None:
    quiet = about(
        IncidentReopened,
        id=FactId("again"),
        reason="back",
        decision=Decision("regression", 1, fired=True, at=NOW + DAY, onset=NOW + DAY),
    )
    work = judged(DEPLOYED + 12 * HOUR)
    reopened = Work(work.task, work.incident, (OPENED, quiet, PROPOSED, MERGE, DEPLOY))
    fact = verdict(archive(before(), after(12)), reopened)
    assert fact.comparisons[0].before_events == 150
    assert verdict(archive(before(), after(12)), work).comparisons[0].before_events == 294


def test_events_that_are_too_young_to_have_reached_the_archive_are_left_for_the_next_look() -> None:
    young = [event(DEPLOYED + 12 * HOUR - n * 1000, "shop@2") for n in range(250)]
    fact = verdict(archive(before(), after(12), young), judged(DEPLOYED + 12 * HOUR))
    assert fact.comparisons[0].after_events == 0


def test_an_event_whose_body_is_no_event_is_no_sibling() -> None:
    for payload in (b"", b"[]", b'{"exception": 7}'):
        rows = after(12, 30 * MINUTE, fingerprint=NEXT, payload=payload)
        assert verdict(archive(before(), rows), judged(DEPLOYED + 12 * HOUR)).siblings == ()


def test_an_evaluation_that_no_deploy_asked_for_is_given_up() -> None:
    work = judged(DEPLOYED)
    with pytest.raises(Permanent):
        Evaluations(MemoryEvidenceStore())(Work(work.task, work.incident, (OPENED, MERGE)))
    assert BOOM in work.incident.fingerprints
