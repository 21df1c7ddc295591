"""Properties of the storm correlator: nothing is lost, order within a hold does not matter, it may stop anywhere."""

from collections import Counter

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from premortem.domain.decision import Decision
from premortem.domain.detection.config import DEFAULT
from premortem.domain.detection.signals import Signal
from premortem.domain.detection.storms import NEVER, Correlator
from premortem.domain.ids import Fingerprint
from premortem.domain.timeline import IncidentDetected, IncidentFact, IncidentGrew, IncidentMerged, encode
from tests.builders import NOW, error_seen
from tests.hash_seeds import written_under

MINUTE = 60_000
Step = Signal | int | tuple[str, str]
"""A signal, a tick that so many ms have passed, or the type and culprit of a new error."""


def signal(n: int, at: int, onset: int, urgent: bool, score: float | None, **changes: object) -> Signal:
    """Return the signal of the n-th error."""
    detector = "novelty" if score is None else "spike"
    return Signal(
        fingerprint=Fingerprint(f"{n:032x}"),
        event=error_seen(n, occurred_at=at, received_at=at, **changes),
        decision=Decision(detector, 1, fired=True, at=at, onset=onset, score=score),  # type: ignore[arg-type]
        first_seen=onset,
        first_release="shop@1",
        released_at=NOW,
        urgent=urgent,
    )


@st.composite
def steps(draw: st.DrawFn) -> list[Step]:
    """Return signals of a few types, modules, traces, releases and environments, with ticks and gaps."""
    found: list[Step] = []
    now = NOW
    for n in range(draw(st.integers(1, 40))):
        kind = draw(st.integers(0, 9))
        root_type = draw(st.sampled_from(["", "AError", "BError", "CError", "DError", f"E{n}Error"]))
        culprit = draw(st.sampled_from(["", "shop.a in f", "g(shop.b)", f"shop.x{n} in f"]))
        if kind == 0:
            gap = draw(st.sampled_from([1_000, 30_000, MINUTE, 5 * MINUTE, 40 * MINUTE, 26 * 60 * MINUTE]))
            now += gap
            found.append(gap)
            continue
        if kind == 1:
            found.append((root_type, culprit))
            continue
        found.append(
            signal(
                n,
                now,
                now - draw(st.sampled_from([0, 1_000, MINUTE, 9 * MINUTE, 50 * MINUTE])),
                draw(st.sampled_from([False, False, True])),
                draw(st.sampled_from([None, 5.0, 7.5])),
                root_type=root_type,
                culprit=culprit,
                trace_id=draw(st.sampled_from([None, "a" * 32, f"{n:032x}"])),
                release=draw(st.sampled_from([None, "shop@1", "shop@2"])),
                environment=draw(st.sampled_from([None, "production", "production", "staging"])),
            )
        )
    return found


def advance(correlator: Correlator, step: Step, clock: int) -> tuple[int, list[IncidentFact]]:
    """Return the clock after a step, and what it shows."""
    facts: list[IncidentFact] = []
    if isinstance(step, int):
        clock += step
    if correlator.due <= clock:
        facts += correlator.settle(clock, DEFAULT)
    if isinstance(step, Signal):
        facts += correlator.take(step, clock, DEFAULT)
    elif isinstance(step, tuple):
        correlator.learn(*step, clock)
    return clock, facts


def run(found: list[Step], cuts: list[int]) -> tuple[list[IncidentFact], bytes]:
    """Return all facts and the last state; before the steps in `cuts` the correlator is packed and unpacked."""
    correlator, clock, facts = Correlator(), NOW, []
    for n, step in enumerate([*found, 10 * MINUTE]):
        if n in cuts:
            due = correlator.due
            correlator = Correlator.unpack(msgspec.msgpack.decode(msgspec.msgpack.encode(correlator.pack())))
            assert correlator.due == due
        clock, more = advance(correlator, step, clock)
        facts += more
    assert correlator.due == NEVER
    return facts, msgspec.msgpack.encode(correlator.pack())


@given(steps(), st.lists(st.integers(0, 40), max_size=4))
@settings(max_examples=60, deadline=None)
def test_packing_and_unpacking_anywhere_changes_nothing(found: list[Step], cuts: list[int]) -> None:
    assert run(found, cuts) == run(found, [])


@given(steps())
@settings(max_examples=60, deadline=None)
def test_every_signal_is_told_once_and_every_merge_leads_to_an_open_incident(found: list[Step]) -> None:
    facts, _ = run(found, [])
    told = Counter(fact.fingerprint for fact in facts if isinstance(fact, IncidentDetected | IncidentGrew))
    assert told == Counter(step.fingerprint for step in found if isinstance(step, Signal))
    assert len({fact.id for fact in facts}) == len(facts)
    opened: dict[str, str | None] = {}
    merged: set[str] = set()
    for fact in facts:
        if isinstance(fact, IncidentDetected):
            assert fact.incident_id not in opened
            opened[fact.incident_id] = fact.environment
        elif isinstance(fact, IncidentGrew):
            assert fact.incident_id in opened
            assert fact.incident_id not in merged
        elif isinstance(fact, IncidentMerged):
            assert fact.incident_id not in merged
            assert (opened[fact.incident_id] or "") == (opened[fact.into] or "")
            assert fact.into not in merged
            merged.add(fact.incident_id)


@given(steps(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_arrival_within_a_hold_does_not_matter(found: list[Step], chance: object) -> None:
    first = signal(999, NOW, NOW, True, None, root_type="Z", culprit="z", trace_id=None, release=None)
    stirs = [msgspec.structs.replace(first, event=msgspec.structs.replace(first.event, environment=where)) for where in
             (None, "production", "staging")]  # fmt: skip
    held = [_waiting(step) for step in found if isinstance(step, Signal)]
    shuffled = list(held)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    outcomes = []
    for order in (held, shuffled):
        correlator = Correlator()
        for each in stirs:
            correlator.take(each, NOW, DEFAULT)
        assert [fact for each in order for fact in correlator.take(each, NOW, DEFAULT)] == []
        outcomes.append(correlator.settle(NOW + 2 * MINUTE, DEFAULT))
    assert sorted(map(encode, outcomes[0])) == sorted(map(encode, outcomes[1]))


def _waiting(step: Signal) -> Signal:
    return msgspec.structs.replace(step, urgent=False, event=msgspec.structs.replace(step.event, received_at=NOW))


_PROGRAM = """
import sys
import msgspec
from premortem.domain.timeline import encode
from tests.properties.test_storms import MINUTE, NOW, advance, signal
from premortem.domain.detection.storms import Correlator
correlator, clock = Correlator(), NOW
for n in range(300):
    clock, _ = advance(correlator, (f"T{n % 11}", f"m{n % 7} in f"), clock)
    step = signal(n, clock, clock - n % 9 * MINUTE, n % 5 == 0, None if n % 3 else 5.0 + n % 4, root_type=f"T{n % 13}",
                  culprit=f"m{n % 17} in f", trace_id=f"{n % 50:032x}", environment=f"e{n % 2}")
    for each in (step, 7919 * (1 + n % 30)):
        clock, facts = advance(correlator, each, clock)
        for fact in facts:
            sys.stdout.buffer.write(encode(fact) + b"\\n")
sys.stdout.buffer.write(msgspec.msgpack.encode(correlator.pack()))
"""


def test_another_hash_seed_gives_the_same_bytes() -> None:
    outputs = written_under(("0", "1", "4242"), _PROGRAM)
    assert len(outputs) == 1
    assert next(iter(outputs)).count(b"IncidentMerged") > 2
