"""Every book of notices keeps the promise of `ports.NoticeBook`."""

import secrets
from collections.abc import Iterator

import pytest

from premortem.adapters.administration.postgres import PostgresAdministration
from premortem.adapters.notice_book.memory import MemoryNoticeBook
from premortem.adapters.notice_book.postgres import PostgresNoticeBook
from premortem.adapters.postgres import open_pool
from premortem.domain.ids import ProjectId, TenantId
from premortem.exceptions import Malformed
from premortem.ports import NoticeBook, NotificationTarget
from tests.builders import NOW

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class World:
    """A book, and a tenant with two projects."""

    def __init__(self, book: NoticeBook, tenant: TenantId, one: ProjectId, two: ProjectId) -> None:
        self.book, self.tenant, self.one, self.two = book, tenant, one, two

    def target(self, project: ProjectId | None = None, **said: object) -> NotificationTarget:
        values: dict[str, object] = {"id": 0, "tenant_id": self.tenant, "project_id": project, "kind": "slack",
                                     "url": "https://chat.example/hook"}  # fmt: skip
        return NotificationTarget(**(values | said))  # type: ignore[arg-type]


@pytest.fixture(params=["memory", "postgres"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    tenant = TenantId(f"t{secrets.token_hex(4)}")
    if request.param == "memory":
        yield World(MemoryNoticeBook(), tenant, ProjectId(1), ProjectId(2))
        return
    pool = open_pool(request.getfixturevalue("postgres_dsn"), size=2)
    administration = PostgresAdministration(pool)
    one, two = (administration.create_project(tenant, slug, slug, secrets.token_hex(16)).id for slug in ("one", "two"))
    yield World(PostgresNoticeBook(pool), tenant, one, two)
    pool.close()


def test_a_target_comes_back_as_it_was_kept_with_an_id_of_its_own(world: World) -> None:
    given = world.book.add_target(
        world.target(world.one, kind="webhook", secrets=(SECRET,), occasions=("opened", "needs_you"))
    )
    (found,) = world.book.targets(world.tenant)
    assert found.id == given
    assert (found.kind, found.secrets, found.occasions, found.project_id) == (
        "webhook", (SECRET,), ("opened", "needs_you"), world.one,
    )  # fmt: skip


def test_a_project_has_its_own_targets_and_those_of_every_project(world: World) -> None:
    everybody, own, others = (world.book.add_target(world.target(of)) for of in (None, world.one, world.two))
    assert [target.id for target in world.book.targets(world.tenant, world.one)] == [everybody, own]
    assert [target.id for target in world.book.targets(world.tenant)] == [everybody, own, others]
    assert world.book.targets(TenantId("nobody")) == []


def test_a_target_is_removed_by_its_tenant_alone(world: World) -> None:
    given = world.book.add_target(world.target())
    with pytest.raises(Malformed, match="has no notification target"):
        world.book.remove_target(TenantId("another"), given)
    world.book.remove_target(world.tenant, given)
    assert world.book.targets(world.tenant) == []


@pytest.mark.parametrize(
    "said",
    [
        {"url": "ftp://x/y"}, {"url": "https://"}, {"url": "javascript:alert(1)"}, {"kind": "webhook"},
        {"kind": "webhook", "secrets": ("short",)}, {"kind": "webhook", "secrets": ("whsec_eHg=",)},
    ],
)  # fmt: skip
def test_what_could_not_be_told_or_signed_is_no_target(world: World, said: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        world.book.add_target(world.target(**said))  # type: ignore[arg-type]


def test_who_was_told_is_known_once_and_counted_by_time(world: World) -> None:
    given, other = (world.book.add_target(world.target()) for _ in range(2))
    notice = secrets.token_hex(8)
    assert not world.book.told(notice, given)
    for at in (NOW, NOW + 5):
        world.book.note(notice, given, at)
    world.book.note(secrets.token_hex(8), given, NOW - 10)
    assert world.book.told(notice, given)
    assert not world.book.told(notice, other)
    assert [world.book.told_since(given, since) for since in (NOW - 10, NOW, NOW + 1)] == [2, 1, 0]
