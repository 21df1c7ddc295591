"""Properties of the order: a log shuffled within the lateness, with records twice, tells the same to the byte."""

from collections import defaultdict
from collections.abc import Sequence

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from premortem.domain.detection import Detector
from premortem.domain.detection.ordering import LATENESS_MS, Window
from premortem.domain.ids import Fingerprint, ProjectId
from premortem.domain.project_stream import (
    DetectorConfigured,
    ProjectRecord,
    SuppressionChanged,
    Ticked,
    encode,
    tick,
)
from premortem.domain.timeline import encode as encode_fact
from tests.builders import NOW, error_seen
from tests.domain.detection.stream import DAY, MINUTE, B, arrived, deployed, error, mute, resolved, rule, sessions

PROJECTS = (1, 2, 3)
_GAPS = [0, 0, 1, 1, 40, 200, 400, 499, 700, 5_000, MINUTE, 3 * MINUTE, 60 * MINUTE, DAY]
_within = st.integers(0, LATENESS_MS - 1)


@st.composite
def streams(draw: st.DrawFn) -> list[ProjectRecord]:
    """Return what three projects send, in the order in which it was received: all kinds of records, many at once."""
    now = NOW
    records: list[ProjectRecord] = []
    for n in range(draw(st.integers(1, 50))):
        now += draw(st.sampled_from(_GAPS))
        record = _record(draw, n, now)
        if not isinstance(record, Ticked):
            record = msgspec.structs.replace(record, project_id=ProjectId(draw(st.sampled_from(PROJECTS))))
        records.append(record)
    return records


def _record(draw: st.DrawFn, n: int, now: int) -> ProjectRecord:
    fingerprint = draw(st.sampled_from(["a" * 32, "b" * 32, "c" * 32]))
    kind = draw(st.integers(0, 24))
    if kind >= 9:
        return error_seen(
            draw(st.sampled_from([n, n, n, n // 2])),
            hashes=(Fingerprint(fingerprint),),
            received_at=now,
            occurred_at=now - draw(st.sampled_from([0, 0, 30, 2_000, 90_000, 10 * MINUTE])),
            handled=draw(st.sampled_from([True, False])),
            root_type=draw(st.sampled_from(["KeyError", "OSError"])),
            release=draw(st.sampled_from(["shop@1", "shop@2"])),
            user_hash=draw(st.sampled_from([None, "u", "v"])),
        )
    others: Sequence[ProjectRecord] = (
        tick(now),
        sessions(now, n),
        mute(now, now + draw(st.sampled_from([-1, MINUTE, DAY])), fingerprint, draw(st.sampled_from([None, 2.0]))),
        rule(now, draw(st.sampled_from(["minimum_events", "quiet_from"])), draw(st.sampled_from([None, 2.0]))),
        rule(now, "quiet_until", 300.0),
        resolved(now, fingerprint, draw(st.sampled_from([None, "shop@1"]))),
        deployed(now, draw(st.sampled_from(["shop@2", "shop@3"]))),
        DetectorConfigured(
            tenant_id=tick(now).tenant_id, project_id=ProjectId(1), received_at=now, values={"novelty_events": 1.0 + n}
        ),
        SuppressionChanged(
            tenant_id=tick(now).tenant_id,
            project_id=ProjectId(1),
            received_at=now,
            name=draw(st.sampled_from(["crawlers", "load test"])),
            until=now + draw(st.sampled_from([-1, MINUTE, DAY])),
            owner="ann",
            reason="known",
            fingerprint=Fingerprint(fingerprint),
        ),
    )
    return others[kind]


def observed(log: Sequence[ProjectRecord], partitions: int = 1) -> tuple[dict[int, list[bytes]], dict[str, object]]:
    """Return the bytes of each project's facts, in order, and of their states, of a log cut into partitions."""
    facts: dict[int, list[bytes]] = defaultdict(list)
    states: dict[str, object] = {}
    for partition in range(partitions):
        detector = Detector()
        mine = [r for r in log if isinstance(r, Ticked) or r.project_id % partitions == partition]
        found = [fact for offset, record in enumerate(mine) for fact in detector.observe(offset, encode(record))]
        for fact in [*found, *detector.finish()]:
            facts[fact.project_id].append(encode_fact(fact))
        states |= {name: part for name, part in detector.changed().items() if name != "partition"}
    return facts, states


def told(log: Sequence[ProjectRecord]) -> dict[int, list[bytes]]:
    return observed(log)[0]


@given(streams(), st.data(), st.sampled_from([1, 2, 4]))
@settings(max_examples=200, deadline=None)
def test_shuffled_within_the_lateness_doubled_and_split_a_log_gives_the_same_facts_and_state_to_the_byte(
    records: list[ProjectRecord], data: st.DataObject, partitions: int
) -> None:
    end = tick(records[-1].received_at + 2 * DAY)
    again = data.draw(st.lists(st.sampled_from(records), max_size=8))
    both = [*records, *again]
    delays = data.draw(st.lists(_within, min_size=len(records), max_size=len(records)))
    delays += data.draw(st.lists(_within | st.just(3 * MINUTE), min_size=len(again), max_size=len(again)))
    assert observed([*arrived(both, delays), end], partitions) == observed([*records, end])


def test_an_event_that_comes_twice_with_different_words_counts_as_the_same_one_in_any_order() -> None:
    one, other = (error(1, NOW, handled=False, title=title) for title in ("KeyError: a", "KeyError: b"))
    assert told([one, other]) == told([other, one])
    assert len(told([one, other])[1]) == 1


def test_a_held_signal_is_decided_at_its_own_time_whichever_record_passes_it() -> None:
    def log(between: Sequence[ProjectRecord]) -> list[ProjectRecord]:
        opens = error(1, NOW, handled=False, root_type="OneError")
        held = [error(n, NOW + 10_000 + n, hashes=(B,), user_hash=f"{n}", root_type="OtherError") for n in (2, 3)]
        return [opens, *held, *between, tick(NOW + 90 * MINUTE)]

    facts, states = observed(log([]))
    assert [b"IncidentDetected" in fact for fact in facts[1]] == [True, True]
    assert len(observed(log([])[:-1])[0][1]) == 1
    other = error(9, NOW + 7 * MINUTE, project_id=ProjectId(2))
    for between in ([other], [tick(NOW + 5 * MINUTE)], [tick(NOW + 4 * MINUTE), tick(NOW + 8 * MINUTE)]):
        more, after = observed(log(between))
        assert more[1] == facts[1]
        assert {name: part for name, part in after.items() if name.startswith("1/")} == states


@given(streams(), st.data())
@settings(max_examples=60, deadline=None)
def test_what_waits_comes_out_once_each_and_in_order(records: list[ProjectRecord], data: st.DataObject) -> None:
    delays = data.draw(st.lists(_within, min_size=len(records), max_size=len(records)))
    window, out = Window(), []
    for offset, record in enumerate(arrived(records, delays)):
        due = window.take(record.received_at, offset, record)
        assert due is not None
        out += due
        assert all(at <= window.horizon for at, _, _ in due)
        if data.draw(st.integers(0, 9)) == 0:
            window = Window.unpack(msgspec.msgpack.decode(msgspec.msgpack.encode(window.pack())))
    out += window.release()
    assert sorted(offset for _, offset, _ in out) == list(range(len(records)))
    times = [at for at, _, _ in out]
    assert times == sorted(times)
    assert window.late == 0


def test_of_one_millisecond_settings_come_before_errors_and_errors_by_when_they_occurred() -> None:
    muted, first, second = mute(NOW, NOW + DAY), error(2, NOW, occurred_at=NOW - 5), error(1, NOW)
    window = Window()
    for offset, record in enumerate((tick(NOW), second, first, muted)):
        assert window.take(NOW, offset, record) == ()
    assert [record for _, _, record in window.release()] == [muted, first, second, tick(NOW)]


def test_a_record_beyond_the_lateness_is_observed_at_once_and_counted() -> None:
    detector = Detector()
    assert detector.observe(0, tick(NOW)) == ()
    assert detector.observe(1, error_seen(1, received_at=NOW - LATENESS_MS + 1)) == ()
    assert detector.late == 0
    (fact,) = detector.observe(2, error_seen(2, hashes=("b" * 32,), received_at=NOW - LATENESS_MS))
    assert (fact.event_id, detector.late) == (f"{2:032x}", 1)  # type: ignore[union-attr]
    assert len(detector.finish()) == 1


def test_without_lateness_every_record_is_observed_at_once_in_the_order_of_the_log() -> None:
    detector = Detector(lateness_ms=0)
    records = [error_seen(n, hashes=(f"{n:032x}",), received_at=NOW - n * MINUTE) for n in range(3)]
    assert [len(detector.observe(offset, record)) for offset, record in enumerate(records)] == [1, 1, 1]
    assert detector.finish() == []


def test_a_resolution_that_is_written_again_later_opens_nothing_again() -> None:
    again = resolved(NOW + MINUTE, release="shop@1")
    back = [
        error(n, NOW + n * MINUTE, hashes=(Fingerprint("a" * 32),), release="shop@1", handled=False) for n in (1, 3, 5)
    ]
    log: list[ProjectRecord] = [back[0], again, back[1], back[2]]
    twice: list[ProjectRecord] = [back[0], again, back[1], again, back[2]]
    end = tick(NOW + DAY)
    assert told([*twice, end]) == told([*log, end])
    assert [b"Reopened" in fact for fact in told([*log, end])[1]] == [False, True]
