"""The promise of ports.EvidenceStore, kept by every adapter."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from premortem.adapters.evidence_store.clickhouse import ClickHouseEvidenceStore
from premortem.adapters.evidence_store.memory import MemoryEvidenceStore
from premortem.domain.archive import ArchivedDeploy, ArchivedEvent, ArchivedLog, ArchivedSessions
from premortem.domain.ids import EventId, Fingerprint, ProjectId, TenantId
from premortem.ports import EvidenceStore, MinuteCount, Sightings
from tests.clickhouse_fixture import GIVEN, given_url, migrated_on

_ACME, _OTHER = TenantId("acme"), TenantId("other")
_SHOP = ProjectId(7)
_BOOM = Fingerprint("b" * 32)
_NOON = 1_767_268_800_000  # 2026-01-01T12:00:00Z
_MINUTE = 60_000


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
        release="shop@1.0",
        environment="production",
        user_hash=f"user-{number % 3}",
        title="ValueError: boom",
        tags=(("browser", "Firefox"), ("server", "web-1")),
        payload=b'{"message":"boom"}',
    )
    return replace(event, **changes)


def test_an_event_comes_back_exactly_as_it_was_archived(store: EvidenceStore) -> None:
    event = _event(
        1,
        title="Überfall 🔥 'quoted' \\back\tslash\nline",
        tags=(("z", "last first"), ("a", ""), ("z", "again"), ("größe", "7'")),
        payload=bytes(range(256)) * 3 + b"\n;\nDROP TABLE raw_events;\n",
        release="",
        user_hash="",
    )
    store.insert([_event(0), event, _event(2)])
    assert store.event(_ACME, _SHOP, event.event_id) == event


def test_an_event_that_was_never_archived_is_none(store: EvidenceStore) -> None:
    store.insert([_event(1)])
    assert store.event(_ACME, _SHOP, EventId("f" * 32)) is None
    assert store.sightings(_ACME, _SHOP, Fingerprint("f" * 32)) is None
    assert list(store.counts(_ACME, _SHOP, Fingerprint("f" * 32), 0, 1 << 60)) == []


def test_counts_are_per_minute_in_order_with_empty_minutes_left_out_and_the_end_excluded(store: EvidenceStore) -> None:
    late, early = _NOON + 5 * _MINUTE, _NOON - 2 * _MINUTE
    store.insert(
        [
            _event(1, occurred_at=late + 59_999),
            _event(2, occurred_at=early),
            _event(3, occurred_at=late),
            _event(4, occurred_at=early - 1),
        ]
    )
    everything = store.counts(_ACME, _SHOP, _BOOM, 0, 1 << 60)
    assert list(everything) == [MinuteCount(early - _MINUTE, 1), MinuteCount(early, 1), MinuteCount(late, 2)]
    assert list(store.counts(_ACME, _SHOP, _BOOM, early, late)) == [MinuteCount(early, 1)]


def test_minutes_before_1970_and_in_a_far_future_are_minutes_like_others(store: EvidenceStore) -> None:
    store.insert([_event(1, occurred_at=-1), _event(2, occurred_at=8_000_000_000_001)])
    counts = store.counts(_ACME, _SHOP, _BOOM, -_MINUTE, 1 << 60)
    assert list(counts) == [MinuteCount(-_MINUTE, 1), MinuteCount(8_000_000_000_001 // _MINUTE * _MINUTE, 1)]


def test_sightings_are_first_and_last_time_distinct_users_and_events(store: EvidenceStore) -> None:
    store.insert([_event(number) for number in (5, 9, 6)])
    store.insert([_event(7, user_hash="")])
    assert store.sightings(_ACME, _SHOP, _BOOM) == Sightings(_NOON + 5000, _NOON + 9000, 2, 4)


def test_ten_thousand_users_are_counted_within_three_percent(store: EvidenceStore) -> None:
    store.insert([_event(number, user_hash=f"u{number}", payload=b"{}") for number in range(10_000)])
    sightings = store.sightings(_ACME, _SHOP, _BOOM)
    assert sightings is not None
    assert sightings.events == 10_000
    assert sightings.users == pytest.approx(10_000, rel=0.03)


def test_rows_that_come_again_in_other_batches_change_no_answer(store: EvidenceStore) -> None:
    events = [_event(number) for number in range(200)]
    store.insert(events)
    before = _answers(store)
    store.insert(events[50:150])
    store.insert(list(reversed(events)))
    store.insert(events[:1] * 5)
    assert _answers(store) == before
    assert store.count_events() == 200


def test_of_two_rows_with_one_id_the_one_that_arrived_first_is_shown_in_any_order(store: EvidenceStore) -> None:
    first, second = _event(1, title="first"), _event(1, title="second", received_at=_NOON + 90_000)
    store.insert([second])
    store.insert([first])
    store.insert([second])
    assert store.event(_ACME, _SHOP, first.event_id) == first
    assert store.count_events() == 1


def test_no_tenant_or_project_sees_anothers_rows(store: EvidenceStore) -> None:
    mine = _event(1)
    others = {"tenant_id": _OTHER}, {"project_id": ProjectId(8)}
    store.insert([mine, *(_event(number, title="not mine", **other) for other in others for number in (1, 2))])
    assert store.event(_ACME, _SHOP, mine.event_id) == mine
    assert store.sightings(_ACME, _SHOP, _BOOM) == Sightings(mine.occurred_at, mine.occurred_at, 1, 1)
    assert list(store.counts(_ACME, _SHOP, _BOOM, 0, 1 << 60)) == [MinuteCount(_NOON, 1)]
    assert store.event(_ACME, _SHOP, EventId(f"{2:032x}")) is None
    assert store.event(TenantId("acme' OR 1=1 --"), _SHOP, mine.event_id) is None
    assert store.count_events() == 5


def test_logs_sessions_and_deploys_are_archived_beside_events(store: EvidenceStore) -> None:
    rows = [
        ArchivedLog(
            tenant_id=_ACME,
            project_id=_SHOP,
            log_id="log-1",
            occurred_at=_NOON,
            level="info",
            body="ordered 🍰",
            trace_id="t" * 32,
            attributes=b'{"n":1}',
        ),
        _event(1),
        ArchivedSessions(
            tenant_id=_ACME,
            project_id=_SHOP,
            row_id="row-1",
            started_at=_NOON,
            release="shop@1.0",
            environment="production",
            exited=10,
            errored=2,
            crashed=1,
            abnormal=0,
        ),
        ArchivedDeploy(
            tenant_id=_ACME,
            project_id=_SHOP,
            deploy_id="deploy-1",
            deployed_at=_NOON,
            release="shop@1.0",
            environment="production",
        ),
    ]
    store.insert(rows)
    store.insert(rows)
    assert store.count_events() == 1


def test_no_rows_are_no_work(store: EvidenceStore) -> None:
    store.insert([])
    assert store.count_events() == 0


_TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


@settings(max_examples=12, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(_TEXT, _TEXT, st.lists(st.tuples(_TEXT, _TEXT), max_size=3), st.binary(max_size=50)), max_size=4)
)
def test_whatever_text_and_bytes_come_they_come_back(
    store: EvidenceStore, rows: list[tuple[str, str, list[tuple[str, str]], bytes]]
) -> None:
    events = [
        _event(
            number, event_id=EventId(f"{event_id}#{number}"), title=event_id + title, tags=tuple(tags), payload=payload
        )
        for number, (event_id, title, tags, payload) in enumerate(rows)
    ]
    # Examples share the store: each has ids of its own only by its tenant.
    tenant = TenantId(repr(rows))
    store.insert([replace(event, tenant_id=tenant) for event in events])
    for event in events:
        assert store.event(tenant, _SHOP, event.event_id) == replace(event, tenant_id=tenant)


def _answers(store: EvidenceStore) -> list[object]:
    return [
        list(store.counts(_ACME, _SHOP, _BOOM, 0, 1 << 60)),
        store.sightings(_ACME, _SHOP, _BOOM),
        store.count_events(),
        store.event(_ACME, _SHOP, EventId(f"{60:032x}")),
    ]
