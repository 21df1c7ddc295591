"""What failing events have and others have not: breadcrumbs, and local variables of the same frame. Pure."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from premortem.domain.observations import Difference
from premortem.workers.context.payloads import Payload
from premortem.workers.context.texts import cut

LEAST_EVENTS = 3
"""Of fewer events nothing is said: whatever they have, they all have."""
MOST = 20
_IN_MOST, _IN_FEW = 0.8, 0.2
_MOST_VALUES, _LONGEST = 5, 200
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{4,16}\b")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")

_Place = tuple[str, str, str]
"""(file, function, variable)."""


def differences(failing: Sequence[Payload], others: Sequence[Payload]) -> tuple[Difference, ...]:
    """Return what four fifths of the failing events have and at most one fifth of the others: variables first.

    A variable is compared with the other events that passed through the same function of the same file.
    """
    if len(failing) < LEAST_EVENTS:
        return ()
    found = [*_variables(failing, others), *_breadcrumbs(failing, others)]
    return tuple(found[:MOST])


def compared(failing: Sequence[Payload], others: Sequence[Payload]) -> bool:
    """Tell whether there were enough events to find a difference, if there was one."""
    return len(failing) >= LEAST_EVENTS and len(others) >= LEAST_EVENTS


def _variables(failing: Sequence[Payload], others: Sequence[Payload]) -> Iterator[Difference]:
    seen, elsewhere = _by_place(failing), _by_place(others)
    for place in sorted(seen):
        values, before = seen[place], elsewhere.get(place, [])
        if len(values) < LEAST_EVENTS or len(before) < LEAST_EVENTS:
            continue
        (value, often), *_ = sorted(Counter(values).items(), key=lambda item: (-item[1], item[0]))
        if often >= _IN_MOST * len(values) and before.count(value) <= _IN_FEW * len(before):
            yield Difference(
                where=f"variable {place[2]} in {place[0]}:{place[1]}",
                failing=_frequent(values),
                others=_frequent(before),
                failing_events=len(values),
                other_events=len(before),
            )


def _by_place(payloads: Sequence[Payload]) -> dict[_Place, list[str]]:
    """Return the values of each variable, one an event: that of the innermost frame which has it."""
    found: dict[_Place, list[str]] = {}
    for payload in payloads:
        exception = payload.failing()
        values: dict[_Place, str] = {}
        for frame in exception.in_app() if exception else ():
            for name, value in frame.variables:
                values.setdefault((frame.filename, frame.function, name), _ADDRESS.sub("0x", value))
        for place, value in values.items():
            found.setdefault(place, []).append(value)
    return found


def _breadcrumbs(failing: Sequence[Payload], others: Sequence[Payload]) -> Iterator[Difference]:
    if len(others) < LEAST_EVENTS:
        return
    seen, elsewhere = _crumbs(failing), _crumbs(others)
    for crumb in sorted(seen, key=lambda crumb: (-seen[crumb], crumb)):
        if seen[crumb] >= _IN_MOST * len(failing) and elsewhere[crumb] <= _IN_FEW * len(others):
            yield Difference(
                where="breadcrumb",
                failing=(crumb,),
                others=(),
                failing_events=seen[crumb],
                other_events=elsewhere[crumb],
            )


def _crumbs(payloads: Sequence[Payload]) -> Counter[str]:
    """Return in how many events each breadcrumb stands, their numbers taken out: ids and times are never the same."""
    return Counter(
        crumb
        for payload in payloads
        for crumb in {cut(_NUMBER.sub("#", f"{kind}: {said}"), _LONGEST) for _, kind, said in payload.breadcrumbs}
    )


def _frequent(values: Sequence[str]) -> tuple[str, ...]:
    ordered = sorted(Counter(values).items(), key=lambda item: (-item[1], item[0]))
    return tuple(cut(value, _LONGEST) for value, _ in ordered[:_MOST_VALUES])
