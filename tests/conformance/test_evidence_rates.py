"""The promise of ports.EvidenceStore about rates: events and sessions per release, what is new, what was deployed."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from premortem.adapters.evidence_store.clickhouse import ClickHouseEvidenceStore
from premortem.adapters.evidence_store.memory import MemoryEvidenceStore
from premortem.domain.archive import ArchivedDeploy, ArchivedEvent, ArchivedSessions
from premortem.domain.ids import EventId, Fingerprint, ProjectId, TenantId
from premortem.ports import EvidenceStore, NewError, ReleaseSince, SlotCount
from tests.clickhouse_fixture import GIVEN, given_url, migrated_on

_ACME, _OTHER = TenantId("acme"), TenantId("other")
_SHOP = ProjectId(7)
_BOOM, _BANG = Fingerprint("b" * 32), Fingerprint("c" * 32)
_NOON = 1_767_268_800_000  # 2026-01-01T12:00:00Z
_MINUTE = 60_000
_HOUR = 60 * _MINUTE
_WHERE = (_ACME, _SHOP, "production")


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


def _event(number: int, at: int, **changes: object) -> ArchivedEvent:
    event = ArchivedEvent(
        tenant_id=_ACME,
        project_id=_SHOP,
        event_id=EventId(f"{number:032x}"),
        fingerprint=_BOOM,
        occurred_at=at,
        received_at=at + 250,
        level="error",
        platform="python",
        release="shop@1",
        environment="production",
        user_hash="",
        title="ValueError: boom",
        tags=(),
        payload=b"{}",
    )
    return replace(event, **changes)


def _sessions(row: str, at: int, release: str = "shop@1", exited: int = 0, **changes: object) -> ArchivedSessions:
    sessions = ArchivedSessions(
        tenant_id=_ACME,
        project_id=_SHOP,
        row_id=row,
        started_at=at,
        release=release,
        environment="production",
        exited=exited,
        errored=0,
        crashed=0,
        abnormal=0,
    )
    return replace(sessions, **changes)


def _deploy(name: str, at: int, **changes: object) -> ArchivedDeploy:
    deploy = ArchivedDeploy(
        tenant_id=_ACME,
        project_id=_SHOP,
        deploy_id=name,
        deployed_at=at,
        release="shop@2",
        environment="production",
    )
    return replace(deploy, **changes)


def test_events_of_some_fingerprints_are_counted_once_each_per_release_and_slot(store: EvidenceStore) -> None:
    rows = [
        _event(1, _NOON),
        _event(2, _NOON + 9 * _MINUTE, release="shop@2"),
        _event(3, _NOON + 10 * _MINUTE, fingerprint=_BANG),
        _event(4, _NOON + 19 * _MINUTE, release=""),
        _event(5, _NOON + 10 * _MINUTE),
        _event(6, _NOON - 1),
        _event(7, _NOON + 20 * _MINUTE),
        _event(8, _NOON, environment="staging"),
        _event(9, _NOON, tenant_id=_OTHER),
        _event(10, _NOON, project_id=ProjectId(8)),
        _event(11, _NOON, fingerprint=Fingerprint("d' OR 1=1 --")),
    ]
    store.insert(rows)
    store.insert(rows)
    asked = (_NOON, _NOON + 20 * _MINUTE, 10 * _MINUTE)
    assert list(store.release_counts(*_WHERE, [_BOOM, _BANG], *asked)) == [
        SlotCount(0, "shop@1", 1),
        SlotCount(0, "shop@2", 1),
        SlotCount(1, "", 1),
        SlotCount(1, "shop@1", 2),
    ]
    assert list(store.release_counts(*_WHERE, [Fingerprint("d' OR 1=1 --")], *asked)) == [SlotCount(0, "shop@1", 1)]
    assert list(store.release_counts(*_WHERE, [], *asked)) == []
    assert sum(slot.count for slot in store.release_activity(*_WHERE, *asked)) == 6


def test_the_activity_of_a_busy_release_is_about_right_and_does_not_grow_with_repetition(store: EvidenceStore) -> None:
    rows = [_event(number, _NOON + number, fingerprint=Fingerprint(f"{number % 7:032x}")) for number in range(9_000)]
    store.insert(rows)
    store.insert(rows[:4_000])
    (slot,) = store.release_activity(*_WHERE, _NOON, _NOON + _HOUR, _HOUR)
    assert slot == SlotCount(0, "shop@1", slot.count)
    assert slot.count == pytest.approx(9_000, rel=0.05)


def test_sessions_are_summed_per_release_and_slot_and_a_row_that_comes_again_counts_once(store: EvidenceStore) -> None:
    rows = [
        _sessions("a", _NOON, exited=10, crashed=1, errored=2, abnormal=3),
        _sessions("b", _NOON + _MINUTE, exited=4),
        _sessions("c", _NOON + _HOUR, "shop@2", exited=7),
        _sessions("d", _NOON - _MINUTE, exited=100),
        _sessions("e", _NOON + 2 * _HOUR, exited=100),
        _sessions("f", _NOON, exited=100, environment=""),
        _sessions("g", _NOON, exited=100, tenant_id=_OTHER),
    ]
    store.insert(rows)
    store.insert(rows[:3])
    found = store.release_sessions(*_WHERE, _NOON, _NOON + 2 * _HOUR, _HOUR)
    assert list(found) == [SlotCount(0, "shop@1", 20), SlotCount(1, "shop@2", 7)]


def test_a_new_error_is_one_whose_very_first_event_anywhere_is_in_that_time(store: EvidenceStore) -> None:
    old, elsewhere, fresh, rare = (Fingerprint(letter * 32) for letter in "1234")
    store.insert(
        [
            _event(1, _NOON - _HOUR, fingerprint=old, release="shop@2", environment="staging"),
            _event(2, _NOON + 1, fingerprint=old, release="shop@2"),
            _event(3, _NOON + 2, fingerprint=elsewhere, environment="staging", release="shop@2"),
            _event(5, _NOON + 5, fingerprint=fresh, release="shop@2", title="later"),
            _event(4, _NOON + 4, fingerprint=fresh, release="shop@2", title="first"),
            _event(6, _NOON + 3, fingerprint=fresh, release="shop@1", title="on another release"),
            _event(7, _NOON + 9, fingerprint=rare, release="shop@2"),
            _event(8, _NOON + _HOUR, fingerprint=Fingerprint("5" * 32), release="shop@2"),
        ]
    )
    found = store.new_errors(*_WHERE, ["shop@2"], _NOON, _NOON + _HOUR, 10)
    assert list(found) == [
        NewError(fresh, _NOON + 4, "first", 2, EventId(f"{4:032x}")),
        NewError(rare, _NOON + 9, "ValueError: boom", 1, EventId(f"{7:032x}")),
    ]
    assert [error.events for error in store.new_errors(*_WHERE, [], _NOON, _NOON + _HOUR, 10)] == [3, 1]
    assert len(store.new_errors(*_WHERE, [], _NOON, _NOON + _HOUR, 1)) == 1


def test_a_release_is_new_in_an_environment_from_its_first_event_or_session_there(store: EvidenceStore) -> None:
    store.insert(
        [
            _event(1, _NOON - 9 * 24 * _HOUR, release="old"),
            _event(2, _NOON + 5, release="old"),
            _event(3, _NOON - 1, release="just before"),
            _event(4, _NOON + 5, release="just before"),
            _event(5, _NOON - 30 * 24 * _HOUR, release="new here", environment="staging"),
            _event(6, _NOON + 7, release="new here"),
            _event(7, _NOON + 6, release=""),
            _sessions("a", _NOON - 40 * 24 * _HOUR, "known by sessions", exited=1),
            _event(8, _NOON + 8, release="known by sessions"),
            _sessions("b", _NOON, "by sessions", exited=1),
            _event(9, _NOON + 9 * _HOUR, release="by sessions"),
        ]
    )
    assert list(store.releases_since(*_WHERE, _NOON, 10)) == [
        ReleaseSince("by sessions", _NOON),
        ReleaseSince("new here", _NOON + 7),
    ]
    assert list(store.releases_since(*_WHERE, _NOON, 1)) == [ReleaseSince("by sessions", _NOON)]


def test_the_first_sight_of_a_release_is_that_of_its_environment_to_the_millisecond(store: EvidenceStore) -> None:
    store.insert(
        [
            _event(1, _NOON + 7),
            _event(2, _NOON + 3),
            _event(3, _NOON + 40 * _HOUR),
            _event(4, _NOON - _HOUR, environment="staging"),
            _event(5, _NOON, release="shop@2"),
            _sessions("a", _NOON - _MINUTE, "shop@2", exited=1),
            _sessions("b", _NOON, "quiet 'quoted'", exited=1),
        ]
    )
    assert store.release_first_seen(*_WHERE, "shop@1") == _NOON + 3
    assert store.release_first_seen(*_WHERE, "shop@2") == _NOON - _MINUTE
    assert store.release_first_seen(*_WHERE, "quiet 'quoted'") == _NOON
    assert store.release_first_seen(*_WHERE, "never") is None
    assert store.release_first_seen(_OTHER, _SHOP, "production", "shop@1") is None


def test_deploys_of_an_environment_are_told_from_a_time_on_in_order(store: EvidenceStore) -> None:
    wanted = [_deploy("b", _NOON), _deploy("a", _NOON + 1, release="shop@3 'quoted'")]
    others = [
        _deploy("c", _NOON - 1),
        _deploy("d", _NOON, environment="staging"),
        _deploy("e", _NOON, tenant_id=_OTHER),
        _deploy("f", _NOON, project_id=ProjectId(8)),
    ]
    store.insert([*reversed(wanted), *others])
    store.insert(wanted)
    assert list(store.deploys_since(*_WHERE, _NOON, 10)) == wanted
    assert list(store.deploys_since(*_WHERE, _NOON, 1)) == wanted[:1]
