"""Properties of traffic: it may be packed anywhere, and fed in another order."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from premortem.domain.detection.config import DEFAULT
from premortem.domain.detection.traffic import Traffic
from premortem.domain.ids import ProjectId, TenantId
from premortem.domain.project_stream import SessionsCounted

START = 20_003 * 1_440
WIDTHS = (1, 5, 15, 60, 240)


def _record(minute: int, count: int, unit: str) -> SessionsCounted:
    return SessionsCounted(
        tenant_id=TenantId("t"),
        project_id=ProjectId(1),
        received_at=(START + minute) * 60_000 + 61_000,
        started_at=(START + minute) * 60_000,
        exited=count,
        crashed=count // 7,
        unit="session" if unit == "session" else "transaction",
    )


@st.composite
def logs(draw: st.DrawFn) -> list[SessionsCounted]:
    """Return records over some days, with gaps of every length."""
    minute, records = 0, []
    for _ in range(draw(st.integers(1, 80))):
        minute += draw(st.sampled_from([0, 1, 1, 7, 30, 60, 100, 240, 700, 3_000, 11_000]))
        unit = draw(st.sampled_from(["session", "session", "transaction"]))
        records.append(_record(minute, draw(st.integers(0, 5_000)), unit))
    return records


@given(logs(), st.integers(0, 80))
@settings(deadline=None)
def test_packing_anywhere_changes_nothing(records: list[SessionsCounted], cut: int) -> None:
    whole, traffic = Traffic(), Traffic()
    for n, record in enumerate(records):
        if n == cut:
            traffic = Traffic.unpack(msgspec.msgpack.decode(msgspec.msgpack.encode(traffic.pack())))
        whole.add(record)
        traffic.add(record)
        minute = record.received_at // 60_000
        assert traffic.exposure(minute, WIDTHS) == whole.exposure(minute, WIDTHS)
    assert traffic.pack() == whole.pack()


@given(
    st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 500)), min_size=1, max_size=120),
    st.randoms(use_true_random=False),
)
@settings(deadline=None)
def test_the_order_of_records_within_an_hour_does_not_matter(visits: list[tuple[int, int]], random: object) -> None:
    visits = [(0, 1), *sorted(visits)]
    shuffled = sorted(visits[1:], key=lambda visit: (visit[0] // 60, random.random()))  # type: ignore[attr-defined]
    first, second = Traffic(), Traffic()
    for minute, count in visits:
        first.add(_record(minute, count, "session"))
    for minute, count in [visits[0], *shuffled]:
        second.add(_record(minute, count, "session"))
    assert first.pack() == second.pack()


@given(logs(), st.integers(0, 400))
@settings(deadline=None)
def test_what_is_said_is_always_sensible(records: list[SessionsCounted], later: int) -> None:
    traffic = Traffic()
    for record in records:
        traffic.add(record)
    found = traffic.exposure(records[-1].started_at // 60_000 + later, WIDTHS)
    assert found is None or all(DEFAULT.exposure_least <= each <= DEFAULT.exposure_most for each in found)
