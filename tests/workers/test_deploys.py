"""The search for the release that carries a merged fix into the incident's environment."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from premortem.adapters.evidence_store.clickhouse import ClickHouseEvidenceStore
from premortem.adapters.evidence_store.memory import MemoryEvidenceStore
from premortem.adapters.source_code.git import GitSourceCode
from premortem.domain.ids import FactId
from premortem.domain.tasks import answer_id
from premortem.domain.timeline import EvaluationCompleted, FixApplied, FixDeployed
from premortem.domain.work import Answer, Work
from premortem.exceptions import Permanent, Unavailable
from premortem.ports import EvidenceStore
from premortem.workers.deploys import FindDeploys
from tests.repositories import Origin
from tests.workers.bench import about
from tests.workers.shop_archive import COMMIT, DAY, HOUR, MERGED, MINUTE, event, notice, searched, sessions


@pytest.fixture(params=["memory", "clickhouse"])
def store(request: pytest.FixtureRequest) -> Iterator[EvidenceStore]:
    if request.param == "memory":
        yield MemoryEvidenceStore()
        return
    found = ClickHouseEvidenceStore(request.getfixturevalue("clickhouse_database"))
    yield found
    found.close()


def deployed(answer: Answer) -> FixDeployed:
    (fact,) = answer.facts
    assert isinstance(fact, FixDeployed)
    return fact


def find(store: EvidenceStore, hours: int = 5) -> Answer:
    return FindDeploys(store, seconds=lambda: 0.0)(searched(MERGED + hours * HOUR))


def test_a_deploy_that_was_reported_after_the_merge_carries_it_by_order(store: EvidenceStore) -> None:
    store.insert([event(MERGED - DAY, "shop@1"), notice(MERGED - HOUR, "shop@1"), event(MERGED + 1, "shop@1")])
    assert find(store) == Answer()
    store.insert([notice(MERGED + 2 * HOUR, "shop@2"), event(MERGED + 3 * HOUR, "shop@2")])
    fact = deployed(find(store))
    assert (fact.release, fact.environment, fact.inferred, fact.carries) == ("shop@2", "production", False, "order")
    assert (fact.deployed_at, fact.commit, fact.v) == (MERGED + 2 * HOUR, COMMIT, 2)
    work = searched(MERGED + 5 * HOUR, attempt=3)
    again = deployed(FindDeploys(store, seconds=lambda: 0.0)(work))
    assert again == fact
    assert (again.id, again.occurred_at) == (answer_id(work.task), MERGED + 5 * HOUR)


def test_without_a_report_the_first_event_or_session_of_a_new_release_stands_for_the_deploy() -> None:
    store = MemoryEvidenceStore()
    store.insert([sessions(MERGED + HOUR, "shop@2", 3), event(MERGED + 2 * HOUR, "shop@2")])
    fact = deployed(find(store))
    assert (fact.release, fact.inferred, fact.deployed_at) == ("shop@2", True, MERGED + HOUR)


def test_a_release_that_runs_before_its_deploy_is_reported_was_deployed_when_it_was_first_seen() -> None:
    store = MemoryEvidenceStore()
    store.insert([event(MERGED + HOUR, "shop@2"), notice(MERGED + 2 * HOUR, "shop@2")])
    fact = deployed(find(store))
    assert (fact.inferred, fact.deployed_at) == (False, MERGED + HOUR)


def test_an_old_release_that_is_deployed_again_and_another_environment_are_no_deploy_of_the_fix() -> None:
    store = MemoryEvidenceStore()
    store.insert(
        [
            event(MERGED - DAY, "shop@1"),
            notice(MERGED + HOUR, "shop@1"),
            notice(MERGED + HOUR, "shop@2", "staging"),
            event(MERGED + HOUR, "shop@2", environment="staging"),
            event(MERGED + HOUR, ""),
        ]
    )
    assert find(store) == Answer()


def test_a_release_that_nothing_was_heard_of_yet_counts_once_its_deploy_is_reported() -> None:
    store = MemoryEvidenceStore()
    store.insert([notice(MERGED + HOUR, "shop@2")])
    assert deployed(find(store)).deployed_at == MERGED + HOUR


def test_after_a_week_without_a_deploy_a_person_is_asked() -> None:
    store = MemoryEvidenceStore()
    assert find(store, 7 * 24 - 1) == Answer()
    (fact,) = find(store, 7 * 24).facts
    assert isinstance(fact, EvaluationCompleted)
    assert (fact.verdict, fact.reason, fact.look_again_at, fact.release) == ("inconclusive", "not_deployed", None, None)
    assert fact.id == answer_id(searched(MERGED).task)


def test_a_search_that_no_merge_asked_for_is_given_up() -> None:
    work = searched(MERGED)
    with pytest.raises(Permanent):
        FindDeploys(MemoryEvidenceStore())(Work(work.task, work.incident, work.facts[:2]))


# ------------------------------------------------------------------------------------------------- with a repository
def test_history_tells_which_release_carries_the_fix_and_order_only_where_it_cannot(tmp_path: Path) -> None:
    """A hotfix from before the merge is deployed first; the release with the fix follows, named by a tag."""
    origin = Origin(tmp_path / "origin")
    first = origin.commit("first", {"cart.py": "a"})
    origin.git("tag", "shop@1.1")
    merge = origin.commit("fix", {"cart.py": "b"})
    origin.commit("more", {"cart.py": "c"})
    origin.git("tag", "shop@2")
    store = MemoryEvidenceStore()
    store.insert([notice(MERGED + HOUR, "shop@1.1"), notice(MERGED + 2 * HOUR, first), notice(MERGED + DAY, "shop@2")])
    source = GitSourceCode(tmp_path / "copies")
    find = FindDeploys(store, source, lambda *_: [origin.repository()], seconds=lambda: 0.0)
    applied = about(FixApplied, id=FactId("merge"), repository="acme/shop", number=1, commit=merge, occurred_at=MERGED)
    fact = deployed(find(searched(MERGED + 2 * DAY, applied)))
    assert (fact.release, fact.carries, fact.commit) == ("shop@2", "ancestor", merge)
    store.insert([notice(MERGED + 3 * HOUR, "no tag")])
    fact = deployed(find(searched(MERGED + 2 * DAY, applied)))
    assert (fact.release, fact.carries) == ("no tag", "order")


def test_a_repository_that_does_not_answer_is_asked_again_later(tmp_path: Path) -> None:
    origin = Origin(tmp_path / "origin")
    gone = replace(origin.repository(), clone_url=f"file://{tmp_path}/gone")
    store = MemoryEvidenceStore()
    find = FindDeploys(store, GitSourceCode(tmp_path / "copies"), lambda *_: [gone])
    assert find(searched(MERGED + MINUTE)) == Answer()
    store.insert([notice(MERGED + HOUR, "shop@2")])
    with pytest.raises(Unavailable):
        find(searched(MERGED + 2 * HOUR))
