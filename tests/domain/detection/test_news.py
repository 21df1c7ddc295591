"""News: errors that are new to a project, to an environment, or back in a new release, and stand out."""

from premortem.domain.decision import explain
from premortem.domain.project_stream import ErrorSeen
from premortem.domain.timeline import IncidentDetected, IncidentFact
from tests.builders import NOW
from tests.domain.detection.stream import DAY, HOUR, MINUTE, SECOND, A, B, error, errors, run


def opened(facts: list[IncidentFact], detector: str) -> list[IncidentDetected]:
    return [fact for fact in facts if isinstance(fact, IncidentDetected) and fact.decision.detector == detector]


def habits(each: int, kinds: int = 30) -> list[ErrorSeen]:
    """Return a past in which new errors usually come `each` times in their first hour, from one user."""
    return [
        error(kind * 1000 + n, NOW - (kinds - kind) * 3 * HOUR + n * SECOND, hashes=(f"{kind:032x}",), user_hash="u")
        for kind in range(kinds)
        for n in range(each)
    ]


def test_where_new_errors_usually_come_twenty_times_one_that_comes_ten_times_is_no_news() -> None:
    new = errors(10, NOW, SECOND, first=90_000)
    assert opened(run([*habits(20), *new]), "novelty")[-1:] != []  # the first few, before there was a habit
    assert A not in [fact.fingerprint for fact in opened(run([*habits(20), *new]), "novelty")]


def test_where_new_errors_usually_come_once_one_that_comes_ten_times_is_news_with_its_numbers() -> None:
    new = errors(10, NOW, SECOND, first=90_000)
    (fact,) = [each for each in opened(run([*habits(1), *new]), "novelty") if each.fingerprint == A]
    gates = {gate.name: gate for gate in fact.decision.gates}
    events = next(gate for name, gate in gates.items() if name.startswith("events in its first"))
    assert events.passed
    assert 3 <= events.limit <= events.observed < 10
    assert "never sent before" in explain(fact.decision)


def test_many_users_make_news_where_one_user_is_usual() -> None:
    new = [error(90_000 + n, NOW + n * MINUTE, user_hash=f"{n}") for n in range(6)]
    assert A in [fact.fingerprint for fact in opened(run([*habits(6), *new]), "novelty")]
    alone = [error(90_000 + n, NOW + n * MINUTE, user_hash="same") for n in range(6)]
    assert A not in [fact.fingerprint for fact in opened(run([*habits(6), *alone]), "novelty")]


def test_an_error_of_staging_is_news_when_production_sends_it() -> None:
    staging = errors(5, NOW - 3 * DAY, HOUR, environment="staging")
    other = [error(50, NOW - 2 * DAY, hashes=(B,), handled=True)]  # production has been known for two days
    (fact,) = opened(run([*staging, *other, error(99, NOW, handled=False)]), "environment")
    assert (fact.fingerprint, fact.environment) == (A, "production")
    assert "this environment has never sent before" in explain(fact.decision)


def test_in_an_environment_that_is_new_itself_nothing_is_news() -> None:
    staging = errors(5, NOW - 3 * DAY, HOUR, environment="staging")
    assert opened(run([*staging, error(99, NOW, handled=False)]), "environment") == []


def test_an_error_that_was_gone_for_weeks_is_news_in_a_release_that_came_since() -> None:
    old = errors(5, NOW - 40 * DAY, HOUR, release="shop@1")
    back = error(99, NOW, handled=False, release="shop@9")
    (fact,) = opened(run([*old, back]), "release")
    assert "gone is back" in explain(fact.decision)
    same = error(99, NOW, handled=False, release="shop@1")
    assert opened(run([*old, same]), "release") == []
    recent = error(99, NOW - 39 * DAY, handled=False, release="shop@9")
    assert opened(run([*old, recent]), "release") == []
