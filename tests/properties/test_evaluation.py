"""Verdicts: fewer events after a deploy never make one worse, and what is asked twice is answered alike."""

from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from premortem.domain.evaluation import Observed, Slot, decide
from premortem.domain.timeline import Comparison
from tests.domain.evaluation.rates_of_a_shop import DEPLOYED, HOUR, TEN

_ORDER = ("harmful", "ineffective", "inconclusive", "effective")


@st.composite
def slots(draw: st.DrawFn, most: int, *, sessions: bool) -> tuple[Slot, ...]:
    """A few slots, over and over."""
    events = draw(st.lists(st.sampled_from([0, 0, 0, 1, 2, 30]), min_size=1, max_size=12))
    traffic = draw(st.integers(1, 300))
    return tuple(Slot(n, traffic if sessions else 0, 1) for n in events) * draw(st.integers(1, most))


@st.composite
def observations(draw: st.DrawFn) -> Observed:
    """Something else is always heard of the fix's release, so that its silence is that of the incident's errors."""
    sessions = draw(st.booleans())
    after = draw(slots(6, sessions=sessions))
    errors, clients = draw(st.integers(0, 3)), draw(st.integers(0, 50)) if sessions else 0
    return Observed(
        width=TEN,
        before=draw(slots(110, sessions=sessions)),
        after=after,
        old=tuple(Slot(errors * (n % 3 == 0), clients) for n in range(len(after))),
        moved=draw(st.integers(0, 5)),
        new_before=draw(st.integers(0, 3)),
        new_after=draw(st.integers(0, 8)),
        new_events=draw(st.integers(0, 80)),
    )


@st.composite
def earlier(draw: st.DrawFn, observed: Observed) -> tuple[Comparison, ...]:
    """Looks that were taken at beginnings of the same time."""
    cuts = sorted(draw(st.lists(st.integers(1, len(observed.after)), max_size=2)))
    told: tuple[Comparison, ...] = ()
    for cut in cuts:
        seen = replace(observed, after=observed.after[:cut], old=observed.old[:cut])
        told = (*told, decide(seen, DEPLOYED, DEPLOYED + cut * TEN, told).comparisons[0])
    return told


@given(st.data())
def test_fewer_events_after_the_deploy_never_make_a_verdict_worse(data: st.DataObject) -> None:
    observed = data.draw(observations())
    told = data.draw(earlier(observed))
    taken = data.draw(st.lists(st.integers(0, len(observed.after) - 1), max_size=10))
    fewer = [*observed.after]
    for n in taken:
        fewer[n] = replace(fewer[n], events=max(0, fewer[n].events - data.draw(st.integers(1, 30))))
    less = replace(observed, after=tuple(fewer), moved=data.draw(st.integers(0, observed.moved)))
    many, few = (decide(each, DEPLOYED, DEPLOYED + 12 * HOUR, told) for each in (observed, less))
    assert _ORDER.index(few.effect) >= _ORDER.index(many.effect)


@given(st.data())
def test_a_verdict_is_a_function_of_what_was_counted_and_a_next_look_lies_ahead(data: st.DataObject) -> None:
    observed = data.draw(observations())
    told = data.draw(earlier(observed))
    at = DEPLOYED + data.draw(st.integers(1, 9 * 24)) * HOUR
    verdict = decide(observed, DEPLOYED, at, told)
    assert decide(observed, DEPLOYED, at, told) == verdict
    if verdict.effect != "inconclusive" or at >= DEPLOYED + 7 * 24 * HOUR:
        assert verdict.look_again_at is None
    else:
        assert verdict.look_again_at is not None
        assert at < verdict.look_again_at <= DEPLOYED + 7 * 24 * HOUR


@given(observations(), st.integers(2, 5))
def test_the_unit_of_exposure_does_not_matter_to_a_first_look(observed: Observed, unit: int) -> None:
    def scaled(slots: tuple[Slot, ...]) -> tuple[Slot, ...]:
        return tuple(replace(slot, sessions=slot.sessions * unit) for slot in slots)

    more = replace(observed, before=scaled(observed.before), after=scaled(observed.after), old=scaled(observed.old))
    one, other = (decide(each, DEPLOYED, DEPLOYED + HOUR).comparisons[0] for each in (observed, more))
    assume(one.unit == other.unit)  # a handful of sessions is not measured by
    assert (one.ratio, one.dispersion) == (other.ratio, other.dispersion)
    assert abs(one.p_lower - other.p_lower) < 2e-6
    assert abs(one.p_higher - other.p_higher) < 2e-6


@given(observations())
def test_chances_are_chances_and_the_ratio_lies_within_its_bounds(observed: Observed) -> None:
    for each in decide(observed, DEPLOYED, DEPLOYED + HOUR).comparisons:
        assert 0.0 <= each.p_lower <= 1.0
        assert 0.0 <= each.p_higher <= 1.0
        assert each.least_exposure <= each.after_exposure <= each.most_exposure
        if each.ratio is not None and each.low is not None:
            assert each.low <= each.ratio + 1e-6
            assert each.high is None or each.ratio <= each.high + 1e-6
