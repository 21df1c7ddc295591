"""Every memory of similar incidents keeps the promise of `ports.SimilarIncidents`."""

from collections.abc import Iterator

import pytest

from premortem.adapters.postgres import open_pool
from premortem.adapters.similar_incidents.memory import MemorySimilarIncidents
from premortem.adapters.similar_incidents.postgres import PostgresSimilarIncidents
from premortem.domain.ids import IncidentId, ProjectId, TenantId
from premortem.domain.likeness import vector
from premortem.ports import Alike, Lookalike, SimilarIncidents
from tests.builders import NOW

ACME, OTHER = TenantId("acme"), TenantId("other")
FRAMES = [("shop/web.py", "serve"), ("shop/cart.py", "total"), ("shop/price.py", "rate")]
ALL, FEWER = vector(["KeyError"], FRAMES, "'eu'"), vector(["KeyError"], FRAMES[:2], "'eu'")
FAR = vector(["TimeoutError"], [("lib/net.py", "connect")], "no answer")
ZEROS = (0,) * 256


@pytest.fixture(params=["memory", "postgres"])
def similar(request: pytest.FixtureRequest) -> Iterator[SimilarIncidents]:
    if request.param == "memory":
        yield MemorySimilarIncidents()
        return
    pool = open_pool(request.getfixturevalue("postgres_dsn"), size=2)
    yield PostgresSimilarIncidents(pool)
    pool.close()


def _incident(name: str, like: tuple[int, ...], ago: int, tenant: TenantId = ACME) -> Lookalike:
    return Lookalike(
        tenant_id=tenant,
        project_id=ProjectId(1),
        incident_id=IncidentId(name),
        opened_at=NOW - ago,
        vector=like,
    )


def test_the_nearest_older_incidents_of_the_tenant_are_told_nearest_first_then_newest(
    similar: SimilarIncidents,
) -> None:
    for each in (
        _incident("far", FAR, 4),
        _incident("old", ALL, 9),
        _incident("new", ALL, 2),
        _incident("b", FEWER, 3),
        _incident("a", FEWER, 3),
        _incident("itself", ALL, 0),
        _incident("theirs", ALL, 5, OTHER),
    ):
        similar.remember(each)
    found = list(similar.nearest(ACME, ALL, NOW, 9))
    assert [each.incident_id for each in found] == ["new", "old", "a", "b", "far"]
    assert found[0] == Alike(IncidentId("new"), 1.0)
    assert 0.6 < found[2].similarity < 1
    assert found[4].similarity < 0.3
    assert [each.incident_id for each in similar.nearest(ACME, ALL, NOW, 1)] == ["new"]


def test_an_incident_is_remembered_once_by_its_newest_vector_and_zeros_never(similar: SimilarIncidents) -> None:
    for like in (FAR, ALL, ZEROS):
        similar.remember(_incident("one", like, 1))
    similar.remember(_incident("nothing", ZEROS, 1))
    assert list(similar.nearest(ACME, ALL, NOW, 9)) == [Alike(IncidentId("one"), 1.0)]
    assert list(similar.nearest(ACME, ZEROS, NOW, 9)) == []
