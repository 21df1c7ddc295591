"""Tuning: counts per minute through the detector's own scan, and what other numbers would have found and when.

Counts say less than the log: neither users nor mutes nor news nor slow ramps. What holds here holds of the spike
scan alone; `premortem backtest` judges a configuration over the log itself before it is set.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from itertools import product
from statistics import median
from typing import Literal, NamedTuple

from msgspec import Struct

from premortem.domain.detection.config import DEFAULT, LIMITS, MINUTE_MS, DetectorConfig, rates
from premortem.domain.detection.scan import Finding, Scan
from premortem.domain.detection.scan_packing import pack_scan, unpack_scan
from premortem.exceptions import Malformed
from replay.labels import Error, Label

WEEK_MS = 7 * 24 * 60 * MINUTE_MS
BEFORE_MS, AFTER_MS = 4 * 60 * MINUTE_MS, 24 * 60 * MINUTE_MS
"""A finding is of a labelled incident from the widest window before its onset until a day after it was opened."""
_BEYOND = 1 << 24
"""More events than a minute ever holds."""

Minute = tuple[int, int]
"""A minute with events: its beginning in milliseconds since 1970 UTC, and how many."""
Decided = Literal["silent", "held", "opens", "grows"]
"""`held`: the score reached its threshold, and the fewest events or a recurring peak stood before it."""


class Step(Struct, frozen=True):
    """What the scan saw in a minute; counts are events of that minute, or of the chosen window that ends with it."""

    at: int
    """The minute's beginning, in milliseconds since 1970 UTC."""
    count: int
    expected: float
    upper: int
    """The count with which a window would have fired; nobody is told below it."""
    score: float
    """Of the chosen window, or of the strongest; of what was told, when something was."""
    threshold: float
    window: int
    """Minutes of the window whose score it is."""
    decision: Decided


class Opening(NamedTuple):
    """An incident that the scan opens, in the minute `at` (milliseconds since 1970 UTC)."""

    error: Error
    at: int
    score: float
    window: int


class Tried(NamedTuple):
    """What one configuration would have told."""

    values: Mapping[str, float]
    """The numbers that differ from the configuration it was made from."""
    incidents: int
    pages_per_week: float
    confirmed: int
    """Labelled incidents that a person confirmed, and that it finds."""
    missed: int
    rejected: int
    unlabelled: int
    precision: float | None
    """Confirmed of what has a label; None when nothing has."""
    recall: float | None
    delay: float | None
    """Median minutes from the onset of a confirmed incident to the minute that opens it."""


# --------------------------------------------------------------------------------------------------- walking
class _Drive:
    """One error's scan on its way through its minutes, taken event by event, as the dataflow does it."""

    def __init__(self, first: int, config: DetectorConfig) -> None:
        self.config, self.of = config, rates(config)
        self._judged_from = first + config.novelty_minutes  # until then the error is news, and not this scan's
        self.scan = self._begin(first)
        self._last = first
        self._upper = 4

    def _begin(self, minute: int) -> Scan:
        scan = Scan(minute, self.of)
        scan.open(self.of, self.config)
        return scan

    def aside(self) -> "_Drive":
        """Return another one, which goes on from here by itself."""
        other = copy(self)
        other.scan = unpack_scan(pack_scan(self.scan))
        return other

    def reach(self, minute: int, count: int) -> None:
        """Open the minute, which holds `count` events; an error that was silent for too long begins anew with one."""
        if count and minute - self._last > self.of.forget_buckets:
            self.scan = self._begin(minute)
        elif minute > self.scan.level.at:
            self.scan.advance(minute, self.of, self.config)
        self._last = minute if count else self._last

    def take(self, count: int) -> Iterator[tuple[bool, Finding]]:
        """Count the open minute's events; yield what is told, and whether it opens an incident."""
        scan, of, config, minute = self.scan, self.of, self.config, self.scan.level.at
        for _ in range(count):
            if not scan.add(minute, of, config) or minute < self._judged_from:
                continue
            found = scan.judge(config.score_opens, of, config)
            if found is not None and found.fires(config):
                yield scan.tell(found), found

    def look(self, window: int | None) -> list[Finding]:
        """Return what the windows show, or the one window of so many minutes."""
        threshold = self.scan.threshold(self.config.score_opens, self.config)
        found = self.scan.look(threshold, self.of, self.config)
        return [each for each in found if window in (None, each.window_minutes)]

    def upper(self, window: int | None) -> int:
        """Return with how many events the open minute, empty until now, would fire; the lowest of the windows."""

        def fires(count: int) -> bool:
            self.scan.count = count
            return any(each.fires(self.config) for each in self.look(window))

        low, high = 0, self._upper  # what the minute before needed is near what this one needs
        if fires(high):
            if high > 1 and not fires(high - 1):
                low = high - 1
        else:
            low, high = high, high + 1
            while not fires(high) and high < _BEYOND:
                low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if fires(middle) else (middle, high)
        self._upper = high
        self.scan.count = 0
        return high


def walk(
    counts: Sequence[Minute], config: DetectorConfig = DEFAULT, window: int | None = None, every: int = 30
) -> list[Step]:
    """Return what the scan saw in each minute with events, and of the quiet ones in each `every`th.

    `counts`: one error's minutes with events, oldest first. `window`: minutes of the window that is shown; None = the
    minute itself, and the strongest window's score. Raises Malformed for a window that there is not.
    """
    widths = sorted(rates(config).minutes)
    if window is not None and window not in widths:
        raise Malformed(f"there is no window of {window} minutes. There are: {', '.join(map(str, widths))}.")
    if not counts:
        return []
    drive, steps = _Drive(counts[0][0] // MINUTE_MS, config), list[Step]()
    aside: _Drive | None = None
    for minute, count in _with_quiet(counts, every):
        aside = None if count else aside or drive.aside()  # to look at quiet minutes changes nothing
        steps.append(_step(aside or drive, minute, count, window))
    return steps


def _with_quiet(counts: Sequence[Minute], every: int) -> Iterator[tuple[int, int]]:
    """Yield (minute since 1970, count), with empty minutes in between, at multiples of `every`."""
    reached = counts[0][0] // MINUTE_MS
    for at, count in counts:
        minute = at // MINUTE_MS
        yield from ((quiet, 0) for quiet in range(reached - reached % every + every, minute, every))
        yield minute, count
        reached = minute


def _step(drive: _Drive, minute: int, events: int, window: int | None) -> Step:
    drive.reach(minute, events)
    expected, upper = drive.scan.level.expected, drive.upper(window)
    empty = drive.look(window)[0]
    told = list(drive.take(events))
    shown = max(drive.look(window), key=lambda each: each.score)
    threshold, before, count = empty.threshold, 0, events
    decision: Decided = "held" if events and shown.score >= threshold else "silent"
    if told:
        decision = "opens" if any(opens for opens, _ in told) else "grows"
    if window is not None:
        before, count, expected = empty.observed, shown.observed, shown.expected
    elif told:
        shown = told[-1][1]
    return Step(
        at=minute * MINUTE_MS,
        count=count,
        expected=round(expected, 6),
        upper=before + upper,
        score=shown.score,
        threshold=threshold,
        window=shown.window_minutes,
        decision=decision,
    )


def openings(error: Error, counts: Sequence[Minute], config: DetectorConfig = DEFAULT) -> list[Opening]:
    """Return the incidents that the scan opens on one error's minutes (oldest first)."""
    if not counts:
        return []
    drive, found = _Drive(counts[0][0] // MINUTE_MS, config), []
    for at, count in counts:
        drive.reach(at // MINUTE_MS, count)
        told = [finding for opens, finding in drive.take(count) if opens]
        found += [Opening(error, at, each.score, each.window_minutes) for each in told]
    return found


# --------------------------------------------------------------------------------------------------- sweeping
def grid(values: Mapping[str, Sequence[float]]) -> list[dict[str, float]]:
    """Return every combination of the detector's numbers given here.

    Raises Malformed for a name that there is not, and for a number outside its limits.
    """
    for name, tried in values.items():
        if name not in LIMITS:
            raise Malformed(f"the detector has no number {name}. There are: {', '.join(LIMITS)}.")
        low, high = LIMITS[name]
        for value in tried:
            if not low <= value <= high:
                raise Malformed(f"{name} = {value:g} is not between {low:g} and {high:g}.")
    return [dict(zip(values, each, strict=True)) for each in product(*values.values())]


def sweep(
    series: Mapping[Error, Sequence[Minute]],
    tried: Sequence[Mapping[str, float]],
    known: Sequence[Label] = (),
    config: DetectorConfig = DEFAULT,
) -> list[Tried]:
    """Return what each of these numbers, on top of `config`, would have told of the series, beside the labels.

    Labels of which no error is among the series, or of another time, say nothing here and are left out.
    """
    times = [at for counts in series.values() for at, _ in counts]
    first, last = min(times, default=0), max(times, default=0)
    asked = [each for each in known if first <= each.onset <= last and any(error in series for error in each.errors)]
    found = []
    for values in tried:
        changed = config.with_values(values)
        opened = [each for error, counts in series.items() for each in openings(error, counts, changed)]
        found.append(_tried(values, opened, asked, (last - first + MINUTE_MS) / WEEK_MS))
    return found


def _tried(values: Mapping[str, float], opened: Sequence[Opening], known: Sequence[Label], weeks: float) -> Tried:
    delays: list[float] = []
    rejected, left = 0, sorted(opened, key=lambda each: each.at)
    for label in known:
        mine = [each for each in left if each.error in label.errors and each.at >= label.onset - BEFORE_MS]
        mine = [each for each in mine if each.at <= label.opened_at + AFTER_MS]
        left = [each for each in left if each not in mine]
        if mine and label.verdict == "confirmed":
            delays.append(max(0, mine[0].at - label.onset) / MINUTE_MS)
        rejected += bool(mine) and label.verdict == "rejected"
    right = len(delays)
    real = sum(label.verdict == "confirmed" for label in known)
    return Tried(
        values=values,
        incidents=len(opened),
        pages_per_week=len(opened) / weeks,
        confirmed=right,
        missed=real - right,
        rejected=rejected,
        unlabelled=len(left),
        precision=right / (right + rejected) if right + rejected else None,
        recall=right / real if real else None,
        delay=median(delays) if delays else None,
    )
