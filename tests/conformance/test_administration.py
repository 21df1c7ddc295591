"""Every administration keeps the promise of `ports.Administration`."""

from collections.abc import Iterator
from typing import Any

import pytest

from premortem.adapters.administration.memory import MemoryAdministration
from premortem.adapters.administration.postgres import PostgresAdministration
from premortem.adapters.postgres import open_pool
from premortem.domain.ids import ProjectId, TenantId
from premortem.exceptions import Conflict, Malformed
from premortem.ports import Administration, Repository

ACME, OTHER = TenantId("acme"), TenantId("other")
KEY, SECOND = "a" * 32, "b" * 32


@pytest.fixture(params=["memory", "postgres"])
def administration(request: pytest.FixtureRequest) -> Iterator[Administration]:
    if request.param == "memory":
        yield MemoryAdministration()
        return
    pool = open_pool(request.getfixturevalue("postgres_dsn"), size=2)
    yield PostgresAdministration(pool)
    pool.close()


def test_a_created_project_is_found_by_its_key(administration: Administration) -> None:
    project = administration.create_project(ACME, "shop", "The shop", KEY)
    found = administration.key(KEY)
    assert found is not None
    assert (found.tenant_id, found.project_id, found.active, found.events_per_minute) == (ACME, project.id, True, 0)
    assert administration.key(SECOND) is None


def test_projects_are_listed_per_tenant_with_all_their_keys(administration: Administration) -> None:
    first = administration.create_project(ACME, "shop", "Shop", KEY)
    administration.create_project(OTHER, "shop", "Shop", "c" * 32)
    administration.create_key(ACME, first.id, SECOND)
    (found,) = administration.projects(ACME)
    assert (found.slug, set(found.keys)) == ("shop", {KEY, SECOND})


def test_a_slug_is_taken_once_per_tenant(administration: Administration) -> None:
    administration.create_project(ACME, "shop", "Shop", KEY)
    with pytest.raises(Conflict):
        administration.create_project(ACME, "shop", "Again", SECOND)


@pytest.mark.parametrize("slug", ["", "Shop", "a b", "-x", "x" * 64, "a/b", "ä", "x\0"])
def test_a_bad_short_name_is_malformed(administration: Administration, slug: str) -> None:
    with pytest.raises(Malformed):
        administration.create_project(ACME, slug, "name", KEY)


def test_a_key_is_32_hexadecimal_digits(administration: Administration) -> None:
    for key in ("", "A" * 32, "g" * 32, "a" * 31):
        with pytest.raises(Malformed):
            administration.create_project(ACME, "shop", "Shop", key)


def test_a_disabled_key_is_known_but_not_active(administration: Administration) -> None:
    administration.create_project(ACME, "shop", "Shop", KEY)
    administration.disable_key(KEY)
    found = administration.key(KEY)
    assert found is not None
    assert not found.active
    with pytest.raises(Malformed):
        administration.disable_key(SECOND)


def test_a_limited_key_says_so_and_only_numbers_of_events_are_limits(administration: Administration) -> None:
    administration.create_project(ACME, "shop", "Shop", KEY)
    administration.limit_key(KEY, 100)
    found = administration.key(KEY)
    assert found is not None
    assert (found.active, found.events_per_minute) == (True, 100)
    for key, limit in ((SECOND, 100), (KEY, -1)):
        with pytest.raises(Malformed):
            administration.limit_key(key, limit)


def test_a_revoked_token_leads_nowhere_and_others_stay(administration: Administration) -> None:
    administration.create_token(ACME, "on-call", "d" * 64)
    administration.create_token(ACME, "robot", "e" * 64)
    administration.create_token(OTHER, "on-call", "f" * 64)
    assert list(administration.tokens(ACME)) == ["on-call", "robot"]
    administration.revoke_token(ACME, "on-call")
    assert list(administration.tokens(ACME)) == ["robot"]
    assert [administration.tenant_of_token(token * 64) for token in "def"] == [None, ACME, OTHER]
    with pytest.raises(Malformed):
        administration.revoke_token(ACME, "on-call")


def test_nobody_adds_a_key_or_integration_to_another_tenants_project(administration: Administration) -> None:
    project = administration.create_project(ACME, "shop", "Shop", KEY)
    with pytest.raises(Malformed):
        administration.create_key(OTHER, project.id, SECOND)
    with pytest.raises(Malformed):
        administration.create_integration(OTHER, project.id, "sentry-platform", "secret")
    with pytest.raises(Malformed):
        administration.create_integration(ACME, ProjectId(project.id + 1), "sentry-platform", "secret")


def test_a_token_leads_to_its_tenant_by_its_hash(administration: Administration) -> None:
    administration.create_token(ACME, "on-call", "d" * 64)
    assert administration.tenant_of_token("d" * 64) == ACME
    assert administration.tenant_of_token("e" * 64) is None


def test_integrations_come_back_whole_and_an_empty_secret_is_refused(administration: Administration) -> None:
    project = administration.create_project(ACME, "shop", "Shop", KEY)
    administration.create_integration(ACME, project.id, "sentry-platform", "s3")
    (found,) = administration.integrations()
    assert (found.kind, found.tenant_id, found.project_id, found.secret) == ("sentry-platform", ACME, project.id, "s3")
    with pytest.raises(Malformed):
        administration.create_integration(ACME, project.id, "sentry-plugin", " ")


def _repository(project: ProjectId, name: str = "acme/shop", **changes: str) -> Repository:
    values: dict[str, Any] = {
        "clone_url": "https://git.example.org/acme/shop.git",
        "branch": "main",
        "path_prefix": "src",
    }
    return Repository(tenant_id=ACME, project_id=project, name=name, **(values | changes))


def test_repositories_come_back_whole_in_order_of_name_and_a_second_mapping_replaces_the_first(
    administration: Administration,
) -> None:
    project = administration.create_project(ACME, "shop", "Shop", KEY).id
    other = administration.create_project(ACME, "blog", "Blog", SECOND).id
    shop, lower, upper = _repository(project), _repository(project, "acme/b"), _repository(project, "acme/Z")
    for each in (lower, shop, upper, _repository(other)):
        administration.add_repository(each)
    deploys = {"deployed_by": "release", "environment": "staging", "release_prefix": "shop@"}
    moved = _repository(project, clone_url="git@example.org:acme/shop.git", branch="develop", path_prefix="", **deploys)
    administration.add_repository(moved)
    assert list(administration.repositories(ACME, project)) == [upper, lower, moved]
    assert list(administration.repositories(OTHER, project)) == []
    administration.remove_repository(ACME, project, "acme/shop")
    assert list(administration.repositories(ACME, project)) == [upper, lower]
    assert len(administration.repositories(ACME, other)) == 1


def test_nobody_maps_a_repository_to_another_tenants_project_or_forgets_its_own(administration: Administration) -> None:
    project = administration.create_project(OTHER, "shop", "Shop", KEY).id
    with pytest.raises(Malformed):
        administration.add_repository(_repository(project))
    for name in ("acme/shop", "", "x\0"):
        with pytest.raises(Malformed):
            administration.remove_repository(ACME, project, name)


def test_a_repository_that_git_could_take_for_something_else_is_malformed(administration: Administration) -> None:
    project = administration.create_project(ACME, "shop", "Shop", KEY).id
    wrong = (
        {"name": "shop"},
        {"name": "-acme/shop"},
        {"name": "acme/../shop"},
        {"clone_url": "ext::sh -c id"},
        {"clone_url": "--upload-pack=id"},
        {"branch": "--force"},
        {"branch": "a..b"},
        {"path_prefix": "/src"},
        {"path_prefix": "src/../.."},
        {"deployed_by": "magic"},
        {"environment": "a/b"},
        {"environment": ""},
        {"release_prefix": "a\nb"},
    )
    for changes in wrong:
        with pytest.raises(Malformed):
            administration.add_repository(_repository(project, **changes))
