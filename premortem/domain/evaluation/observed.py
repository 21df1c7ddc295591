"""What was counted before and after a deploy, slot by slot, and which of it is compared with what."""

import math
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from premortem.domain.timeline import Comparison

MINUTE_MS = 60_000
WEEK_MS = 7 * 24 * 60 * MINUTE_MS
_MOST_WEEKS = 4
FEWEST_SESSIONS = 20
"""Before the deploy; with fewer, minutes are counted."""
FEWEST_EVENTS = 2
"""Of an error that nobody had seen before: one that came once is not counted as a new one."""
_FEWEST_OTHERS = 30
"""Events of other errors, before the deploy, that can tell of traffic."""
_UNKNOWN, _UNKNOWN_DAY = 4, 2
"""By how much traffic may differ from that before where nothing tells of it: in some hours, and over a day or more."""
_DAY_MINUTES = 24 * 60


Unit = Literal["sessions", "minutes"]


class Slot(Struct, frozen=True):
    """What one slot of time held in the incident's environment."""

    events: int = 0
    """Of the incident's errors."""
    sessions: int = 0
    others: int = 0
    """Events of all other errors: where there are no sessions, they tell of life and of traffic."""


class Observed(Struct, frozen=True, kw_only=True):
    """The time from the incident's onset to the deploy, and the time since. Slots are `width` ms wide, oldest first."""

    width: int
    before: tuple[Slot, ...]
    """All releases."""
    after: tuple[Slot, ...]
    """The release with the fix and later ones."""
    old: tuple[Slot, ...] = ()
    """All other releases in the same slots as `after`."""
    moved: int = 0
    """Events after the deploy of siblings: errors nobody had seen before, in the frames that the fix changed."""
    new_before: int = 0
    new_after: int = 0
    """Errors that nobody had seen before, siblings left out: how many before the deploy, and on the fix's releases."""
    new_events: int = 0
    """Events of these after the deploy."""


class Sides(Struct, frozen=True, kw_only=True):
    """The counts of the main comparison. Exposure in `unit`."""

    against: Literal["same_hours", "onset_to_fix"]
    unit: Unit
    weeks: int
    """Of the same hours before; 0 = the whole time before is compared."""
    before_events: int
    before_exposure: int
    after_events: int
    after_exposure: int
    least: int
    most: int


def unit_of(observed: Observed) -> Unit:
    """Return sessions where the fix's release reports them, or nothing at all is heard of it; else minutes."""
    reported = sum(slot.sessions for slot in observed.before) >= FEWEST_SESSIONS
    silent = not any(slot.sessions or slot.others or slot.events for slot in observed.after)
    return "sessions" if reported and (silent or any(slot.sessions for slot in observed.after)) else "minutes"


def exposures(slots: Sequence[Slot], unit: Unit, width: int) -> list[int]:
    """Return the exposure of each slot: its sessions, or its minutes."""
    return [slot.sessions if unit == "sessions" else width // MINUTE_MS for slot in slots]


def sides(observed: Observed) -> Sides:
    """Return what is compared: the same hours of up to four weeks before, or with less than a week all of the time.

    Minutes count up to the last one in which the fix's release was heard of: after that, silence may be that of a
    release that nobody runs, or of an archive that lags behind.
    """
    unit, width = unit_of(observed), observed.width
    count = len(observed.after) if unit == "sessions" else _lived(observed.after)
    week = WEEK_MS // width
    weeks = min(_MOST_WEEKS, len(observed.before) // week)
    shifts = [len(observed.before) - week * n for n in range(1, weeks + 1)]
    before = [slot for at in shifts for slot in observed.before[at : at + count]] if weeks else observed.before
    after, old = observed.after[:count], observed.old[:count]
    exposure = sum(exposures(after, unit, width))
    found = Sides(
        against="same_hours" if weeks else "onset_to_fix",
        unit=unit,
        weeks=weeks,
        before_events=sum(slot.events for slot in before),
        before_exposure=sum(exposures(before, unit, width)),
        after_events=sum(slot.events for slot in after) + observed.moved,
        after_exposure=exposure,
        least=exposure,
        most=exposure,
    )
    return found if unit == "sessions" else _believed(found, before, (*after, *old), old)


def _lived(slots: Sequence[Slot]) -> int:
    return max((n + 1 for n, slot in enumerate(slots) if slot.events or slot.others), default=0)


def _believed(found: Sides, before: Sequence[Slot], after: Sequence[Slot], old: Sequence[Slot]) -> Sides:
    """Return the minutes with what they may be worth: by the traffic that other errors tell of, or by a factor
    where they tell nothing and seasons are unknown; less the minutes that errors of releases without the fix take up.
    """
    if not found.before_exposure or not found.after_exposure:
        return found
    others = sum(slot.others for slot in before)
    if others >= _FEWEST_OTHERS:
        traffic = sum(slot.others for slot in after) * found.before_exposure / (others * found.after_exposure)
        least, most = min(1.0, traffic), max(1.0, traffic)
    else:
        unknown = _UNKNOWN if found.after_exposure < _DAY_MINUTES else _UNKNOWN_DAY
        least, most = (1.0, 1.0) if found.weeks else (1 / unknown, float(unknown))
    residue = sum(slot.events for slot in old)
    taken = residue * found.before_exposure / found.before_events if found.before_events else 0.0
    return replace(
        found,
        least=max(0, math.floor(found.after_exposure * least - taken)),
        most=math.ceil(found.after_exposure * most),
    )


def looks(told: Sequence[Comparison], against: str, unit: str) -> list[Comparison]:
    """Return the earlier looks at this deploy that compared the same."""
    return [each for each in told if (each.against, each.unit) == (against, unit)]
