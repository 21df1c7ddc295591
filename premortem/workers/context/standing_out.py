"""What failing events carry more often than others did. Pure."""

import math
from collections.abc import Iterable, Sequence

from premortem.domain.observations import Attribute
from premortem.ports import AttributeCounts
from premortem.workers.context.payloads import Payload
from premortem.workers.context.texts import cut

MOST = 20
_LEAST_LIFT, _LEAST_SHARE = 1.5, 0.05
_Z = 1.959964
"""Of the 95 % interval."""
_SAID_TWICE = ("tag:release", "tag:environment", "tag:user")
_LONGEST = 200


def attributes(counts: AttributeCounts) -> tuple[Attribute, ...]:
    """Return the values that stand out, strongest first: their share inside is at least 1.5 times the one before, and
    surely above it (by the lower bound of Wilson's interval, 1927).
    """
    found = (_attribute(c.name, c.value, c.inside, counts.inside, c.before, counts.before) for c in counts.counts)
    return _strongest(each for each in found if each.name not in _SAID_TWICE)


def flags(failing: Sequence[Payload], others: Sequence[Payload]) -> tuple[Attribute, ...]:
    """Return the feature flags that stand out, by the events that were read whole."""
    inside, before = _flagged(failing), _flagged(others)
    return _strongest(
        _attribute(f"flag:{name}", value, inside[name, value], len(failing), before.get((name, value), 0), len(others))
        for name, value in inside
    )


def lift(inside: int, inside_total: int, before: int, before_total: int) -> float:
    """Return the share inside over the share before, each count one up, rounded to 0.01."""
    return round((inside + 1) * (before_total + 1) / ((inside_total + 1) * (before + 1)), 2)


def _strongest(found: Iterable[Attribute]) -> tuple[Attribute, ...]:
    standing = [each for each in found if _stands_out(each)]
    return tuple(sorted(standing, key=lambda each: (-each.lift, -each.inside, each.name, each.value))[:MOST])


def _attribute(name: str, value: str, inside: int, inside_total: int, before: int, before_total: int) -> Attribute:
    return Attribute(
        name=cut(name, _LONGEST),
        value=cut(value, _LONGEST),
        inside=inside,
        inside_total=inside_total,
        before=before,
        before_total=before_total,
        lift=lift(inside, inside_total, before, before_total),
    )


def _stands_out(each: Attribute) -> bool:
    if not each.inside_total or not each.before_total or each.inside < _LEAST_SHARE * each.inside_total:
        return False
    usual = (each.before + 1) / (each.before_total + 1)
    return each.lift >= _LEAST_LIFT and _lower_bound(min(each.inside, each.inside_total), each.inside_total) > usual


def _lower_bound(successes: int, trials: int) -> float:
    share, square = successes / trials, _Z * _Z
    middle = share + square / (2 * trials)
    spread = _Z * math.sqrt(share * (1 - share) / trials + square / (4 * trials * trials))
    return (middle - spread) / (1 + square / trials)


def _flagged(payloads: Sequence[Payload]) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for payload in payloads:
        for flag in dict.fromkeys(payload.flags):
            found[flag] = found.get(flag, 0) + 1
    return found
