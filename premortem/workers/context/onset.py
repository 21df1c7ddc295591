"""When it began: the interval that the counts allow. Pure."""

import math
from collections.abc import Mapping

from premortem.domain.decision import Decision
from premortem.domain.observations import Onset

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
BEFORE_MS = 6 * 60 * MINUTE_MS
"""So far back the counts are looked at for what is usual."""
_HOUR_MINUTES = 60
_RULE_OF_THREE = 3
_MOST_MINUTES = 120


def onset(decision: Decision, counts: Mapping[int, int], end: int) -> Onset:
    """Return when it began, by the counts per minute from `decision.onset` - BEFORE_MS to `end`.

    It is seen from the first minute on that holds more than is usual. An error of rate r may have been there for 3 / r
    unseen (with 95 %: the rule of three, Hanley and Lippman-Hand 1983), so the interval begins that much before. A ramp
    begins within a day: that is how closely it is measured.
    """
    at = decision.onset
    minutes = _around(counts, at)
    if decision.detector == "ramp":
        return Onset(at=at, earliest=at - DAY_MS, latest=at + DAY_MS, minutes=minutes)
    begin = at - at % MINUTE_MS
    usual = sum(count for minute, count in counts.items() if minute < begin) / (BEFORE_MS / MINUTE_MS)
    raised = sorted(minute for minute, count in counts.items() if minute >= begin and count > _most(usual))
    first = raised[0] if raised else begin
    last = min(end, first + _HOUR_MINUTES * MINUTE_MS)
    length = max(1, (last - first) // MINUTE_MS)
    events = sum(count for minute, count in counts.items() if first <= minute < last) - usual * length
    unseen = min(24 * 60, math.ceil(_RULE_OF_THREE * length / events)) if events > 0 else 24 * 60
    return Onset(
        at=at, earliest=min(at, first - unseen * MINUTE_MS), latest=max(at, first + MINUTE_MS), minutes=minutes
    )


def _most(usual: float) -> float:
    return usual + 3 * math.sqrt(usual)


def _around(counts: Mapping[int, int], at: int) -> tuple[tuple[int, int], ...]:
    """Return the minutes nearest to `at`, in order."""
    nearest = sorted(counts, key=lambda minute: (abs(minute - at), minute))[:_MOST_MINUTES]
    return tuple((minute, counts[minute]) for minute in sorted(nearest))
