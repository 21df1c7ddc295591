"""Ramp: growth of one fingerprint over days, measured against days that the growth has not reached.

A moving ceiling learns a slow ramp as fast as the ramp climbs. Here the newest days are compared, four times a day,
with the days before every onset that a ramp may have had, and once one is found, with what was expected then: the
baseline is frozen, whether the ramp was told or a mute held it back (docs/detection-ramp.md).
"""

from array import array
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from premortem.domain.decision import Gate
from premortem.domain.detection.config import DetectorConfig
from premortem.domain.detection.growth import (
    LENGTHS,
    QUARTER_MS,
    QUARTERS,
    Baseline,
    Days,
    RampFinding,
    days,
    dispersed,
    found,
    level,
    lumpiness,
    reached,
    since,
    window,
)

_DAYS = 28
RING = _DAYS * QUARTERS + 1
"""Quarters kept: the open one, and those of four weeks."""
_LEAST_BASELINE, _WEEK, _BASELINE = 4, 7, 21
"""Fewest days in a baseline, in one that knows a weekend whatever the days were, and most."""
LEAST_DAYS = _LEAST_BASELINE + LENGTHS[0]
"""Whole days before anything is said: the shortest baseline, and the shortest window."""
_CREEP, _CREEP_DAYS = 14, 7
"""A ramp that creeps: so many days between now and the baseline, and so many that are compared with it."""
_OVER = 3
"""Days that must have come down before a ramp is over."""
_CALLS, _CALLS_LEAST, _CALLS_RATIO = 5, 10, 1.4
"""Newest days whose sum says if a judgement may be worth its price: their least events, and times those of older."""
_MOST = 0xFFFF_FFFF


class Frozen(NamedTuple):
    """A ramp that is on. Quarters are quarters of a day since 1970 UTC."""

    baseline: Baseline
    onset: int
    """The quarter in which it began."""
    quarter: int
    """When it was told last, or held back last."""
    reached: float
    """How many times its baseline its highest day held when it was told last; 0 = it was held back each time."""


class Ramp:
    """Counts of one fingerprint by quarters of a day, and the ramp that was found in them, if one is on."""

    __slots__ = ("counts", "first", "frozen", "held", "judged", "known_from", "quarter")

    def __init__(self, quarter: int) -> None:
        self.quarter = quarter
        """The open quarter."""
        self.first = quarter
        """The first quarter with an event; it is not a whole one, so no baseline holds it."""
        self.counts = array("I", [0]) * RING
        """Oldest first; the last one is the open quarter's."""
        self.known_from = 0
        """The first quarter of a level that was accepted: what was before it is no baseline."""
        self.held = (0, 0)
        """From and before which quarter nothing is learned: the ramp that came down last."""
        self.frozen: Frozen | None = None
        self.judged: Frozen | None = None
        """What `tell` or `hold` will note; not part of the state, for they belong to the record of `judge`."""

    def pack(self) -> list[Any]:
        """Return the state as plain values: some 30 bytes for a new error, 180 at 50 a day, 600 for the busiest."""
        frozen = [*self.frozen.baseline, *self.frozen[1:]] if self.frozen is not None else None
        empty = next((n for n, count in enumerate(self.counts) if count), RING)
        return [self.quarter, self.first, self.known_from, *self.held, self.counts[empty:].tolist(), frozen]

    @classmethod
    def unpack(cls, fields: Sequence[Any]) -> "Ramp":
        """Return what `pack` gave."""
        ramp = cls(fields[0])
        ramp.first, ramp.known_from, ramp.held = fields[1], fields[2], (fields[3], fields[4])
        for n, count in enumerate(fields[5], RING - len(fields[5])):
            ramp.counts[n] = count
        frozen = fields[6]
        ramp.frozen = Frozen(Baseline(*frozen[:4]), *frozen[4:]) if frozen is not None else None
        return ramp

    @property
    def is_told(self) -> bool:
        """Return whether a ramp that was told is on."""
        return self.frozen is not None and self.frozen.reached > 0

    # ------------------------------------------------------------------------------------------------ counting
    def add(self, quarter: int, count: int = 1) -> bool:
        """Count events of `quarter`; return whether a quarter was closed that calls for `judge`.

        A late event is added to its quarter while the ring holds that, and nothing is decided again.
        """
        calls = quarter > self.quarter and self.close(quarter)
        place = RING - 1 - (self.quarter - quarter)
        if place >= 0:
            self.counts[place] = min(_MOST, self.counts[place] + count)
            if quarter < self.first:
                self.first = quarter
        return calls

    def close(self, quarter: int) -> bool:
        """Close the quarters before `quarter`; return whether what is closed now calls for `judge`."""
        ahead = quarter - self.quarter
        if ahead <= 0:
            return False
        fresh = min(ahead, RING)
        self.counts = self.counts[fresh:] + array("I", [0]) * fresh
        self.quarter = quarter
        return self._calls()

    def _calls(self) -> bool:
        """Say, for the price of a few sums, whether the newest days may show a ramp, or the end of one.

        They are compared with the second lowest of older spans of as many days, so that neither a burst nor a silence
        in one of these decides.
        """
        if self.frozen is not None:
            return True
        span, closed = _CALLS * QUARTERS, RING - 1
        newest = sum(self.counts[closed - span : closed])
        if newest < _CALLS_LEAST:
            return False
        whole = min(closed, self.quarter - self.first - 1)
        older = sorted([sum(self.counts[end - span : end]) for end in range(closed - span, closed - whole, -span)])
        return bool(older) and newest > _CALLS_RATIO * older[:2][-1]

    def count(self, quarter: int) -> int:
        """Return the events of a quarter in the ring."""
        return self.counts[quarter - self.quarter - 1]

    # ------------------------------------------------------------------------------------------------ decisions
    def judge(self, config: DetectorConfig, muted: bool = False) -> RampFinding | None:
        """Return the ramp that the closed days show and that is news, or None.

        `tell` says that it was passed on, `hold` that a gate held it back. A ramp that is on ends here: when its days
        have come back down, or when it stood for so long that it is the new level, which is not said of a `muted` one.
        """
        shown = self._days()
        if self.frozen is not None:
            self._end(self.frozen, shown, muted, config)
        strongest = self._strongest(shown, config)
        if strongest is None or not strongest[0].fired:
            return None
        finding, against = strongest
        onset = self.frozen.onset if self.frozen is not None else finding.onset // QUARTER_MS
        self.judged = Frozen(against, onset, self.quarter, reached(shown, finding.days, against))
        return finding

    def tell(self) -> None:
        """Note that what `judge` returned was told.

        Its baseline stays as it is, and it is told again only when it has grown by another `grew_factor`.
        """
        if self.judged is not None:
            self.frozen, self.judged = self.judged, None

    def hold(self) -> None:
        """Note that a gate held back what `judge` returned: its baseline stays as it is, and it stays news."""
        if self.judged is not None:
            told = self.frozen.reached if self.frozen is not None else 0.0
            self.frozen, self.judged = self.judged._replace(reached=told), None

    def look(self, config: DetectorConfig) -> RampFinding:
        """Return what the closed days show, fired or not, with every number and gate; changes nothing."""
        strongest = self._strongest(self._days(), config, look=True)
        if strongest is not None:
            return strongest[0]
        gate = self._missing()
        return RampFinding(0, 0, 0.0, 0.0, 1.0, 0.0, config.ramp_score_opens, self.quarter * QUARTER_MS, (gate,))

    def _missing(self) -> Gate:
        """Return the gate that says why nothing can be compared."""
        known, since, first = max(0, self._known_days()), (self.quarter - self.held[1]) // QUARTERS, LENGTHS[0]
        if known < LEAST_DAYS:
            return Gate("days known", known, LEAST_DAYS, passed=False)
        if since < first:
            return Gate("days since the last ramp was over", since, first, passed=False)
        older = sum(day >= first for day in self._free_days())
        return Gate(f"days before the newest {first}", older, _WEEK, passed=False)

    def _end(self, frozen: Frozen, shown: Days, muted: bool, config: DetectorConfig) -> None:
        expected = sum(map(frozen.baseline.expected, shown.weekend[:_OVER]))
        if sum(shown.counts[:_OVER]) <= config.ramp_over_ratio * expected:
            self.held = (frozen.onset, self.quarter)
            self.frozen = None
        elif not muted and self.quarter - frozen.quarter > config.ramp_frozen_days * QUARTERS:
            self.known_from = frozen.quarter
            self.frozen = None

    # ------------------------------------------------------------------------------------------------ numbers
    def _days(self) -> Days:
        return days(self.counts[:-1], self.quarter)

    def _strongest(
        self, shown: Days, config: DetectorConfig, look: bool = False
    ) -> tuple[RampFinding, Baseline] | None:
        """Return the window that fires, or else the highest score, with its baseline.

        What costs nothing is asked first, unless every window is to be looked at: dispersions and scores are dear.
        """
        least = config.ramp_ratio
        if self.frozen is not None:
            least = max(least, self.frozen.reached * config.grew_factor)
        lumps = 0.0
        findings: list[tuple[RampFinding, Baseline]] = []
        for length, chosen, against in self._compared(shown, config):
            newest = window(shown, length, against, config)
            if look or newest.stands_out(least, config):
                if chosen:
                    lumps = lumps or lumpiness(shown, self._known_days(), config)
                    against = dispersed(against, shown, chosen, lumps, config)
                findings.append((found(newest, against, least, config), against))
        if not findings:
            return None
        strongest, against = max(findings, key=lambda each: (each[0].fired, each[0].score))
        onset = self.quarter - since(shown, against, config) * QUARTERS
        return strongest._replace(onset=onset * QUARTER_MS), against

    def _known_days(self) -> int:
        """Return the number of whole days that may be compared."""
        return (self.quarter - max(self.first + 1, self.known_from, self.quarter - RING + 1)) // QUARTERS

    def _compared(self, shown: Days, config: DetectorConfig) -> Iterator[tuple[int, list[int], Baseline]]:
        """Yield the lengths of windows, with the days that each is compared with, and their level.

        Of a frozen baseline there are no days, but its dispersion is known.
        """
        if self.frozen is not None:
            yield from ((length, [], self.frozen.baseline) for length in LENGTHS)
            return
        free = self._free_days()
        for length, lag in (*zip(LENGTHS, LENGTHS), (_CREEP_DAYS, _CREEP)):
            chosen = [day for day in free if day >= lag][:_BASELINE]
            if free[:length] == [*range(length)] and _may_say(shown, chosen, length):
                yield length, chosen, level(shown, chosen, config)

    def _free_days(self) -> list[int]:
        """Return the days, counted back from now, that may be compared: no ramp that came down holds any of them."""
        return [day for day in range(self._known_days()) if not self._is_held(day)]

    def _is_held(self, day: int) -> bool:
        """Return whether any of a day, counted back from now, belongs to the ramp that came down last."""
        start = self.quarter - (day + 1) * QUARTERS
        return self.held[0] < start + QUARTERS and start < self.held[1]


def _may_say(shown: Days, chosen: Sequence[int], length: int) -> bool:
    """Return whether these days may say what the newest `length` should hold, their weekends too."""
    if not _LEAST_BASELINE <= len(chosen) < _WEEK:
        return len(chosen) >= _WEEK
    return sum([shown.weekend[day] for day in chosen]) >= 1 or not any(shown.weekend[:length])
