"""The promise of ports.EvidenceStore about errors: what they carry, who stands for them, where they were seen."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from premortem.adapters.evidence_store.clickhouse import ClickHouseEvidenceStore
from premortem.adapters.evidence_store.memory import MemoryEvidenceStore
from premortem.domain.archive import ArchivedEvent
from premortem.domain.ids import EventId, Fingerprint, ProjectId, TenantId
from premortem.ports import AttributeCount, Errors, EvidenceStore, Reach, ReleaseCount, Representatives
from tests.clickhouse_fixture import GIVEN, given_url, migrated_on

_ACME, _OTHER = TenantId("acme"), TenantId("other")
_SHOP = ProjectId(7)
_BOOM, _BANG, _CLICK = (Fingerprint(letter * 32) for letter in "bcd")
_NOON = 1_767_268_800_000  # 2026-01-01T12:00:00Z
_HOUR = 3_600_000
_AFTER = Errors(fingerprints=(_BOOM, _BANG), start=_NOON, end=_NOON + _HOUR)


@pytest.fixture(params=["memory", "clickhouse", *(["clickhouse-server"] if GIVEN else [])])
def store(request: pytest.FixtureRequest) -> Iterator[EvidenceStore]:
    if request.param == "memory":
        yield MemoryEvidenceStore()
        return
    with migrated_on(
        request.getfixturevalue("clickhouse_url") if request.param == "clickhouse" else given_url()
    ) as url:
        store = ClickHouseEvidenceStore(url)
        yield store
        store.close()


def _event(number: int, **changes: object) -> ArchivedEvent:
    event = ArchivedEvent(
        tenant_id=_ACME,
        project_id=_SHOP,
        event_id=EventId(f"{number:032x}"),
        fingerprint=_BOOM,
        occurred_at=_NOON + number * 1000,
        received_at=_NOON + number * 1000 + 250,
        level="error",
        platform="python",
        release="shop@2",
        environment="production",
        user_hash="",
        title="ValueError: boom",
        tags=(),
        payload=b"{}",
    )
    return replace(event, **changes)


def _twice(store: EvidenceStore, rows: list[ArchivedEvent]) -> None:
    """Archive the rows, some of them again, and beside them others' rows that answer to the same questions."""
    store.insert(rows)
    store.insert(rows[::-2])
    store.insert([replace(row, tenant_id=_OTHER, title="not mine") for row in rows])
    store.insert([replace(row, project_id=ProjectId(8), title="not mine") for row in rows])


def test_what_events_carry_is_counted_inside_and_before(store: EvidenceStore) -> None:
    safari, firefox = (("browser", "Safari"), ("url", "/pay")), (("browser", "Firefox"),)
    _twice(
        store,
        [
            *(_event(n, tags=safari, user_hash="ann") for n in (1, 2, 3)),
            _event(4, tags=firefox, fingerprint=_BANG, user_hash="bob"),
            _event(5, tags=safari, occurred_at=_NOON + _HOUR),  # too late
            *(_event(n, tags=firefox, occurred_at=_NOON - n * 1000, release="shop@1") for n in (6, 7, 8)),
            _event(9, tags=safari, occurred_at=_NOON - 1, fingerprint=_CLICK),
        ],
    )
    ours = Errors(fingerprints=(_BOOM,), start=_NOON - _HOUR, end=_NOON)
    counts = store.attributes(_ACME, _SHOP, _AFTER, ours, 10)
    assert (counts.inside, counts.before) == (4, 3)
    assert counts.counts == (
        AttributeCount("environment", "production", 4, 3),
        AttributeCount("release", "shop@2", 4, 0),
        AttributeCount("tag:browser", "Safari", 3, 0),
        AttributeCount("tag:url", "/pay", 3, 0),
        AttributeCount("user", "ann", 3, 0),
    )
    everybodys = store.attributes(_ACME, _SHOP, _AFTER, Errors(fingerprints=(), start=_NOON - _HOUR, end=_NOON), 3)
    assert (everybodys.inside, everybodys.before) == (4, 4)
    assert everybodys.counts == (
        AttributeCount("environment", "production", 4, 4),
        AttributeCount("release", "shop@2", 4, 1),
        AttributeCount("tag:browser", "Safari", 3, 1),
    )


def test_without_events_nothing_is_carried_and_nobody_stands_for_them(store: EvidenceStore) -> None:
    store.insert([_event(1, fingerprint=_CLICK)])
    counts = store.attributes(_ACME, _SHOP, _AFTER, _AFTER, 10)
    assert (counts.inside, counts.before, counts.counts) == (0, 0, ())
    assert store.representatives(_ACME, _SHOP, _AFTER) is None
    assert store.reach(_ACME, _SHOP, _AFTER) is None
    assert list(store.sample(_ACME, _SHOP, _AFTER, 5)) == []


def test_the_first_the_latest_and_the_rarest_event_stand_for_the_others(store: EvidenceStore) -> None:
    _twice(
        store,
        [
            _event(1, occurred_at=_NOON - 1, title="too early"),
            *(_event(n) for n in (2, 3, 9)),
            _event(5, title="ValueError: rare"),
            *(_event(n, title="ValueError: seldom", fingerprint=_BANG) for n in (6, 7)),
            _event(8, fingerprint=_CLICK, title="another error"),
        ],
    )
    first, rare, latest = (EventId(f"{n:032x}") for n in (2, 5, 9))
    assert store.representatives(_ACME, _SHOP, _AFTER) == Representatives(first, latest, rare)


def test_events_that_are_all_alike_have_no_rarest_and_equal_times_are_told_apart_by_id(store: EvidenceStore) -> None:
    _twice(store, [_event(n, occurred_at=_NOON) for n in (3, 1, 2)])
    first, latest = (EventId(f"{n:032x}") for n in (1, 3))
    assert store.representatives(_ACME, _SHOP, _AFTER) == Representatives(first, latest, None)


def test_a_sample_is_of_the_smallest_ids_and_whole(store: EvidenceStore) -> None:
    rows = [_event(n, payload=b'{"n":%d}' % n, occurred_at=_NOON + 60_000 - n) for n in range(8)]
    _twice(store, [*rows, _event(0x10, fingerprint=_CLICK), _event(0x11, fingerprint=_CLICK, environment="staging")])
    store.insert([replace(rows[0], received_at=_NOON + 10 * _HOUR, title="again")])
    assert list(store.sample(_ACME, _SHOP, _AFTER, 3)) == rows[:3]
    others = store.sample(_ACME, _SHOP, replace(_AFTER, fingerprints=(_BOOM,)), 5, others_in="production")
    assert [(row.fingerprint, row.environment) for row in others] == [(_CLICK, "production")]


def test_releases_of_an_environment_are_told_newest_first_with_what_failed_on_them(store: EvidenceStore) -> None:
    old = {"release": "shop@1", "fingerprint": _CLICK}
    _twice(
        store,
        [
            _event(1, **old),
            _event(2, **old | {"fingerprint": _BOOM}),
            *(_event(n) for n in (10, 11, 12)),
            _event(13, environment="staging", release="shop@3"),
            _event(14, release=""),
            _event(15, release="shop@9", occurred_at=_NOON + _HOUR),
        ],
    )
    found = list(store.releases_in(_ACME, _SHOP, "production", _AFTER, _NOON + 11_000, 9))
    assert found == [
        ReleaseCount("shop@2", _NOON + 10_000, _NOON + 12_000, 3, 3, 2),
        ReleaseCount("shop@1", _NOON + 1_000, _NOON + 2_000, 2, 1, 0),
    ]
    assert store.releases_in(_ACME, _SHOP, "production", _AFTER, _NOON, 1)[0].release == "shop@2"


def test_reach_counts_events_and_users_and_names_where(store: EvidenceStore) -> None:
    _twice(
        store,
        [
            _event(1, user_hash="ann"),
            _event(2, user_hash="bob", environment="Staging", release="b"),
            _event(3, user_hash="ann", environment="", release="ä"),
            _event(4, fingerprint=_BANG, release=""),
            _event(5, fingerprint=_CLICK, user_hash="eve"),
        ],
    )
    assert store.reach(_ACME, _SHOP, _AFTER) == Reach(
        4, 2, ("b", "shop@2", "ä"), ("Staging", "production"), _NOON + 1_000, _NOON + 4_000
    )
