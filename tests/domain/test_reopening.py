"""Resolution lint: what can open a resolved incident again, what only a narrow case does, and what nothing does."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from premortem.domain.detection import Detector
from premortem.domain.ids import FactId, IncidentId, TenantId
from premortem.domain.incident import Incident, fold
from premortem.domain.project_stream import ProjectRecord, SuppressionChanged, tick
from premortem.domain.reopening import Answer, held, lint
from premortem.domain.responses import responded
from premortem.domain.routing import react
from premortem.domain.timeline import IncidentDetected, IncidentFact, IncidentGrew, IncidentReopened, IncidentResolved
from tests.builders import NOW
from tests.domain.detection.stream import (
    DAY,
    HOUR,
    MINUTE,
    A,
    B,
    deployed,
    error,
    errors,
    history,
    mute,
    resolved,
    rule,
)

AT = NOW + HOUR
BROKEN = error(0, NOW, handled=False, release="shop@1")


class Told:
    """What a detector makes of records, and the incident that they opened first."""

    def __init__(self, *records: ProjectRecord) -> None:
        self.detector = Detector(lateness_ms=0)
        self.records: list[ProjectRecord] = []
        self.facts: list[IncidentFact] = []
        self.observe(*records)

    def observe(self, *records: ProjectRecord) -> list[IncidentFact]:
        found = [f for n, r in enumerate(records, len(self.records)) for f in self.detector.observe(n, r)]
        self.records += records
        self.facts += found
        return found

    @property
    def incident(self) -> Incident:
        mine = self.facts[0].incident_id
        found = fold(fact for fact in self.facts if fact.incident_id == mine)
        assert found is not None
        return found

    def resolution(self, release: str | None = None, at: int = AT) -> IncidentResolved:
        incident = self.incident
        return IncidentResolved(
            id=FactId(f"resolved {at}"),
            incident_id=incident.id,
            tenant_id=incident.tenant_id,
            project_id=incident.project_id,
            occurred_at=at,
            reason="by_person",
            release=release,
        )

    def lint(self, release: str | None = None) -> Answer:
        """Return what could open the incident again, were it resolved now."""
        return lint(self.incident, self.detector.project(1), AT, self.resolution(release))


def why(answer: Answer) -> str:
    return "; ".join(each.why for each in answer.reasons)


def test_an_incident_that_is_resolved_in_the_release_that_runs_comes_back_with_the_next_one() -> None:
    answer = Told(BROKEN, deployed(NOW + MINUTE, "shop@2")).lint("shop@2")
    assert (answer.verdict, answer.reasons) == ("ordinary", ())
    assert answer.witness is not None
    assert answer.witness.event.environment == "production"


def test_a_release_that_nobody_runs_takes_every_other_one_for_an_older_client() -> None:
    told = Told(BROKEN)
    answer = told.lint("shop@v999")
    assert answer.verdict == "narrow"
    assert "nothing was ever heard of release shop@v999" in why(answer)
    incident = told.incident
    told.observe(*react(incident, told.resolution("shop@v999")).records)
    newer: list[ProjectRecord] = [
        deployed(AT + MINUTE, "shop@2"),
        error(1, AT + HOUR, release="shop@2"),
        error(2, AT + DAY, release="shop@3"),
    ]
    assert told.observe(*newer) == []


def test_a_release_that_is_told_to_be_deployed_in_the_future_is_newer_than_all_that_come_before() -> None:
    answer = Told(BROKEN, replace(deployed(NOW, "shop@2"), deployed_at=NOW + 100 * DAY)).lint("shop@2")
    assert answer.verdict == "narrow"
    assert "told to be deployed at 2027-03-02" in why(answer)


def test_a_mute_without_an_end_lets_nothing_open_it_and_one_with_an_end_is_named() -> None:
    endless = Told(BROKEN, mute(NOW + MINUTE, 1 << 62)).lint()
    assert endless.verdict == "never"
    assert "without an end" in why(endless)
    assert endless.reasons[0].mend == f"premortem unmute {A} --project 1"
    ending = Told(BROKEN, mute(NOW + MINUTE, NOW + 30 * DAY)).lint()
    assert ending.verdict == "narrow"
    assert "nothing before 2026-12-22" in why(ending)
    assert Told(BROKEN, mute(NOW + MINUTE, NOW + 2 * MINUTE)).lint().verdict == "ordinary"


def test_a_mute_with_a_tripwire_gives_way_to_an_outburst_which_opens_it_or_an_incident_of_its_own() -> None:
    told = Told(*history(), *errors(60, NOW, 2_000, first=5_000), mute(NOW + 3 * MINUTE, 1 << 62, tripwire=3.0))
    answer = told.lint()
    assert answer.verdict == "narrow"
    assert answer.witness is not None
    assert answer.witness.after_outburst
    assert "unless it comes 3 times as often" in why(answer)
    at = NOW + 4 * MINUTE
    for start, kind in ((at + MINUTE, IncidentReopened), (AT + 2 * DAY, IncidentDetected)):
        again = Told(*told.records)
        written = react(again.incident, again.resolution(at=at)).records
        burst = errors(900, start, 100, first=10_000, release="shop@2")
        found = [fact for fact in again.observe(*written, *burst) if not isinstance(fact, IncidentGrew)]
        assert isinstance(found[0], kind)


def test_a_rule_that_suppresses_new_incidents_does_not_keep_a_resolved_one_closed() -> None:
    rule_without_end = SuppressionChanged(
        tenant_id=TenantId("acme"), project_id=BROKEN.project_id,
        received_at=NOW + MINUTE, name="all", until=1 << 62, owner="ann", reason="known", title="*",
    )  # fmt: skip
    assert Told(BROKEN, rule_without_end).lint().verdict == "ordinary"


def test_more_users_than_can_be_told_apart_are_never_reached() -> None:
    answer = Told(BROKEN, rule(NOW + MINUTE, "minimum_users", 5_000)).lint()
    assert answer.verdict == "never"
    assert "5000 users, and no more than 3549" in why(answer)


def test_a_gate_that_asks_for_several_events_or_users_is_named() -> None:
    answer = Told(BROKEN, rule(NOW, "minimum_events", 7), rule(NOW, "minimum_users", 3)).lint()
    assert answer.verdict == "narrow"
    assert "7 times" in why(answer)
    assert "3 users" in why(answer)
    assert answer.witness is not None
    assert answer.witness.events == 7


def test_what_was_merged_is_opened_again_only_as_the_incident_that_goes_on() -> None:
    told = Told(BROKEN)
    project, other = told.detector.project(1), IncidentId("the other one")
    project.incidents._merged[told.incident.id] = other
    answer = lint(told.incident, project, AT, told.resolution())
    assert answer.verdict == "never"
    assert "merged into incident the other one" in why(answer)


def test_an_error_that_opened_a_later_incident_opens_that_one_again() -> None:
    told = Told(BROKEN)
    project = told.detector.project(1)
    known = project.fingerprints.look(A)
    assert known is not None
    known.incident_id = "a later one"
    answer = lint(told.incident, project, AT, told.resolution())
    assert answer.verdict == "never"
    assert answer.reasons[0].mend == "premortem incidents show a later one"


def test_a_return_in_quiet_hours_uses_the_resolution_up_for_an_incident_of_its_own() -> None:
    midnight = NOW - NOW % DAY + DAY
    night = [rule(midnight - DAY, "quiet_from", 22 * 60), rule(midnight - DAY, "quiet_until", 6 * 60)]
    told = Told(BROKEN, *night, resolved(AT), error(1, midnight + HOUR, release="shop@2"))
    after = fold([told.resolution()], told.incident)
    assert after is not None
    waiting = lint(after, told.detector.project(1), midnight + 2 * HOUR)
    assert waiting.verdict == "never"
    assert "waits for the end of quiet hours" in why(waiting)
    told.observe(tick(midnight + 7 * HOUR))
    assert "belongs to incident" in why(lint(after, told.detector.project(1), midnight + 8 * HOUR))


def test_one_muted_error_of_two_is_named_and_the_other_opens_it() -> None:
    told = Told(BROKEN, mute(NOW + MINUTE, 1 << 62))
    both = replace(told.incident, fingerprints=(A, B))
    answer = lint(both, told.detector.project(1), AT, told.resolution())
    assert answer.verdict == "narrow"
    assert "1 of its 2 errors would not: its error is muted" in why(answer)


def test_an_environment_that_was_never_heard_of_is_named() -> None:
    told = Told(BROKEN)
    answer = lint(replace(told.incident, environment="prdo"), told.detector.project(1), AT, told.resolution())
    assert answer.verdict == "narrow"
    assert "nothing was ever heard of it" in why(answer)


def test_a_persons_answer_is_asked_about_like_the_resolution_that_it_leads_to() -> None:
    told = Told(BROKEN, mute(NOW + MINUTE, 1 << 62))
    answer = responded(told.incident, "resolve", by="ann", text="", at=AT)
    assert lint(told.incident, told.detector.project(1), AT, answer) == told.lint()


def test_the_small_parts_of_the_snapshot_are_enough_to_ask() -> None:
    cases: Sequence[Any] = (
        ((), "shop@v999"),
        ((mute(NOW + MINUTE, 1 << 62),), None),
        ((rule(NOW, "minimum_users", 3), deployed(NOW, "shop@2")), "shop@2"),
    )
    for more, release in cases:
        told = Told(BROKEN, *more)
        parts = told.detector.changed()
        project = held(lambda name, parts=parts: parts.get(f"1/{name}"))  # type: ignore[misc]
        assert project is not None
        found = lint(told.incident, project, AT, told.resolution(release))
        assert (found.verdict, found.reasons) == (told.lint(release).verdict, told.lint(release).reasons)
    assert held(lambda _: None) is None


def test_asking_changes_nothing_of_what_the_detector_holds() -> None:
    records: Sequence[ProjectRecord] = (
        BROKEN,
        *history(release="shop@1"),
        rule(NOW, "minimum_users", 3),
        deployed(NOW, "shop@2"),
    )
    asked, left_alone = Told(*records), Told(*records)
    asked.lint("shop@2")
    asked.lint("shop@v999")
    assert asked.detector.changed() == left_alone.detector.changed()
