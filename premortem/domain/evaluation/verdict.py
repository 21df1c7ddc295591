"""The verdict on a deployed fix, by numbers alone. docs/evaluation.md explains every rule.

Looks at a deploy are taken at exposures that double, from the one fixed beforehand on, and share one ALPHA. Between
them only harm is told, by a far stricter bound. Fewer events after the deploy never make a verdict worse.
"""

import math
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from premortem.domain.evaluation.noise import dispersion
from premortem.domain.evaluation.observed import WEEK_MS, Observed, Sides, exposures, looks, sides
from premortem.domain.evaluation.power import RESIDUE, alpha_of, needed_exposure
from premortem.domain.evaluation.rates import fewer, highest_ratio, lowest_ratio, more, ratio_of
from premortem.domain.timeline import Comparison, Effect

_HARM_ALPHA, _HARM_ALPHA_AT_A_LOOK = 0.0005, 0.005
_HARM_RATIO = 2.0
_HARM_EVENTS = 10
_CONCURRENT_ALPHA = 0.1
_INFORMATIVE = 5.0
"""Releases without the fix have a say once so many events that count are expected of them."""
_TAIL = 0.025
_FIRST_MS, _LONGEST_MS = 30 * 60_000, 24 * 60 * 60_000
SEARCH_MS = WEEK_MS
"""So long after a deploy it is measured; what is not told by then is for a person."""


class Verdict(Struct, frozen=True, kw_only=True):
    """What was decided, why, and by which numbers."""

    effect: Effect
    reason: str
    comparisons: tuple[Comparison, ...]
    look_again_at: int | None = None
    """Milliseconds since 1970 UTC; None = final."""


def decide(observed: Observed, deployed_at: int, at: int, told: Sequence[Comparison] = ()) -> Verdict:
    """Return the verdict at the time `at` on what was deployed at `deployed_at` (ms since 1970 UTC).

    `told` are the comparisons of earlier looks at this deploy, oldest first: what they fixed beforehand stays fixed.
    """
    found = sides(observed)
    main = _main(observed, found, looks(told, found.against, found.unit))
    others = tuple(filter(None, (_concurrent(observed, found, main), _new_errors(observed, found))))
    comparisons = (main, *others)
    return judged(comparisons, deployed_at, at, told, moved=observed.moved, new_events=observed.new_events)


def judged(
    comparisons: Sequence[Comparison],
    deployed_at: int,
    at: int,
    told: Sequence[Comparison] = (),
    *,
    moved: int = 0,
    new_events: int = 0,
) -> Verdict:
    """Return the verdict by what was counted: the main comparison and those beside it. Their chances, ratios and
    intervals are computed anew. `moved` and `new_events` are those of `Observed`.
    """
    main, *others = map(_compared, comparisons)
    look = _look(main, looks(told, main.against, main.unit))
    effect, reason = _effect(main, others, look, moved, new_events)
    again = _look_again(main, deployed_at, at) if effect == "inconclusive" else None
    return Verdict(effect=effect, reason=reason, comparisons=(main, *others), look_again_at=again)


def _main(observed: Observed, found: Sides, told: Sequence[Comparison]) -> Comparison:
    """Return the comparison with the time before. Exposure needed and dispersion are those of the first look."""
    if told:
        noise, needed = told[0].dispersion, told[0].needed_exposure
    else:
        whole = exposures(observed.before, found.unit, observed.width)
        events = [slot.events for slot in observed.before]
        noise = dispersion(events, whole)
        needed = needed_exposure(sum(events) / noise, sum(whole), found.weeks)
    return Comparison(
        against=found.against,
        unit=found.unit,
        before_events=found.before_events,
        before_exposure=found.before_exposure,
        after_events=found.after_events,
        after_exposure=found.after_exposure,
        needed_exposure=needed,
        least_exposure=found.least,
        most_exposure=found.most,
        dispersion=noise,
    )


def _compared(sides: Comparison) -> Comparison:
    """Return the comparison with its test and interval; without exposure on either side there are none."""
    if not sides.before_exposure or not sides.after_exposure:
        return replace(sides, ratio=None, low=None, high=None, p_lower=1.0, p_higher=1.0)
    before, after = sides.before_events / sides.dispersion, sides.after_events / sides.dispersion
    least, most = (before, sides.before_exposure, after, sides.least_exposure), _by_most(sides)
    return replace(
        sides,
        ratio=ratio_of(before, sides.before_exposure, after, sides.after_exposure),
        low=lowest_ratio(*most, _TAIL) if before else None,
        high=highest_ratio(*least, _TAIL) if sides.least_exposure else None,
        p_lower=fewer(*least) if sides.least_exposure else 1.0,
        p_higher=more(*most),
    )


def _by_most(sides: Comparison) -> tuple[float, int, float, int]:
    noise = sides.dispersion
    return sides.before_events / noise, sides.before_exposure, sides.after_events / noise, sides.most_exposure


def _concurrent(observed: Observed, found: Sides, main: Comparison) -> Comparison | None:
    """Return the comparison with releases without the fix in the same slots, where they report sessions."""
    exposure = sum(slot.sessions for slot in observed.old)
    if found.unit != "sessions" or not exposure or not main.after_exposure:
        return None
    return replace(
        main,
        against="concurrent_releases",
        before_events=sum(slot.events for slot in observed.old),
        before_exposure=exposure,
        needed_exposure=0,
    )


def _new_errors(observed: Observed, found: Sides) -> Comparison | None:
    """Return the comparison of errors that nobody had seen before, each counted once."""
    exposure = sum(exposures(observed.before, found.unit, observed.width))
    if not found.after_exposure or not exposure or not observed.new_after:
        return None
    return Comparison(
        against="new_errors",
        unit=found.unit,
        before_events=observed.new_before,
        before_exposure=exposure,
        after_events=observed.new_after,
        after_exposure=found.after_exposure,
        needed_exposure=0,
        least_exposure=found.least,
        most_exposure=found.most,
    )


def _level(each: Comparison) -> int:
    """Return how often the needed exposure has doubled; -1 = it is not reached."""
    return int(math.log2(each.least_exposure / each.needed_exposure)) if _reached(each) else -1


def _reached(each: Comparison) -> bool:
    return each.least_exposure >= each.needed_exposure > 0


def _look(main: Comparison, told: Sequence[Comparison]) -> int | None:
    """Return which look this is, from 0; None = the exposure is not reached, or has not doubled since the last one."""
    taken: list[int] = []
    for each in told:
        if _level(each) > max(taken, default=-1):
            taken.append(_level(each))
    return len(taken) if _level(main) > max(taken, default=-1) else None


def _effect(
    main: Comparison, others: Sequence[Comparison], look: int | None, moved: int, new_events: int
) -> tuple[Effect, str]:
    if not main.after_exposure:
        return "inconclusive", "no_traffic"
    if _rose(main):
        return "harmful", "rose"
    if any(_brought_errors(new_events, main, each) for each in others):
        return "harmful", "new_errors"
    if look is None:
        return "inconclusive", "underpowered"
    if _stayed(main, look):
        if _doubled(main) and main.p_higher <= _HARM_ALPHA_AT_A_LOOK:
            return "harmful", "rose"
        return "ineffective", "moved" if 2 * moved >= main.after_events else "stayed"
    if not _fell(main, look):
        return "inconclusive", "underpowered"
    if any(_fell_without(main, each) for each in others):
        return "inconclusive", "subsided"
    return "effective", "fell"


def _rose(main: Comparison) -> bool:
    """Tell whether the rate has more than doubled, at any time and by the stricter bound.

    What few bursts say of the noise is not much: with so many that count, the test takes 1 + 4/sqrt(bursts) of it.
    """
    if not _doubled(main):
        return False
    before, before_exposure, after, most = _by_most(main)
    caution = 1.0 + 4.0 / math.sqrt(max(before, 1.0))
    return more(before / caution, before_exposure, after / caution, most) <= _HARM_ALPHA


def _doubled(main: Comparison) -> bool:
    """Tell whether the rate has doubled whatever the exposure may have been, by more than a handful of events."""
    ratio = ratio_of(*_by_most(main))
    return ratio is not None and ratio >= _HARM_RATIO and main.after_events >= _HARM_EVENTS


def _brought_errors(new_events: int, main: Comparison, new: Comparison) -> bool:
    """Tell whether the release has more new errors than releases use to have, and they come as often as the old one."""
    if new.against != "new_errors" or new.p_higher > _HARM_ALPHA or new_events < _HARM_EVENTS:
        return False
    return new_events * main.before_exposure >= main.before_events * main.most_exposure


def _stayed(main: Comparison, look: int) -> bool:
    """Tell whether so many events contradict a rate that fell to a quarter."""
    return more(*_by_most(main), RESIDUE) <= alpha_of(look)


def _fell(main: Comparison, look: int) -> bool:
    """Tell whether so few events contradict an unchanged rate, and it fell to a quarter at least."""
    ratio = ratio_of(main.before_events, main.before_exposure, main.after_events, main.least_exposure)
    return ratio is not None and ratio <= RESIDUE and main.p_lower <= alpha_of(look)


def _fell_without(main: Comparison, concurrent: Comparison) -> bool:
    """Tell whether releases without the fix have, at the same time, no more of the errors than those with it."""
    if concurrent.against != "concurrent_releases":
        return False
    rate = main.before_events / main.dispersion / main.before_exposure
    return rate * concurrent.before_exposure >= _INFORMATIVE and concurrent.p_lower > _CONCURRENT_ALPHA


def _look_again(main: Comparison, deployed_at: int, at: int) -> int | None:
    """Return when the next look should be: when the exposure will do, at the latest when the time has doubled."""
    elapsed = max(at - deployed_at, 1)
    if elapsed >= SEARCH_MS:
        return None
    target = main.needed_exposure << (_level(main) + 1)
    wait = elapsed * target // max(main.least_exposure, 1) - elapsed
    wait = min(max(min(wait, elapsed), _FIRST_MS), _LONGEST_MS)
    return min(at + wait, deployed_at + SEARCH_MS)
