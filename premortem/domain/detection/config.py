"""DetectorConfig: every number of the detector, named; and what follows from them for one bucket length."""

import math
from collections.abc import Mapping
from functools import lru_cache
from itertools import accumulate, repeat
from operator import mul
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import fields, replace

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
VERSION = 4
"""Version of the detector, written into every decision; it changes when the same log would decide otherwise."""

_UNKNOWN_HALVINGS = 8


class DetectorConfig(Struct, frozen=True, kw_only=True):
    """The detector's numbers. Rates are events, times hours, days or minutes of event time, as each name says.

    The defaults are the parameter set that was measured on the bench; docs/adr/0006 names what each one is for.
    """

    score_opens: float = 5.0
    """Decimal orders of magnitude of chance at which a spike opens an incident."""
    grew_factor: float = 2.0
    """While an incident is open, a finding is told again when its score is this many times the last one told."""
    least_events: float = 3.0
    """A window with fewer events never scores."""
    veto_factor: float = 1.5
    """A count must exceed this times the second largest of the last 7 days at this hour, plus 2."""
    veto_young_days: float = 7.0
    """Of a younger fingerprint one such peak is enough: no hour has come round often enough to show two."""
    learning_minutes: float = 60.0
    """A fingerprint's first time: it teaches the level without a cap, and no window that reaches into it is judged."""
    learning_events: float = 5.0
    """From so many events in it on, the first time is the level's prior: the fingerprint is none of the rare ones."""
    unknown_omega: float = 0.5
    unknown_half_life_hours: float = 48.0
    """Relative variance of a new fingerprint's expectation, whose days and nights nobody has seen, and its decay."""
    level_half_life_hours: float = 120.0
    prior_events_per_hour: float = 0.2
    prior_weight_hours: float = 24.0
    season_half_life_weeks: float = 3.0
    season_shrink_events: float = 12.0
    season_proof: float = 6.0
    """A season counts in full once it predicted the hours better than a flat level by so many nats; else in part."""
    season_proof_half_life_days: float = 14.0
    phi_half_life_days: float = 10.0
    phi_prior: float = 4.0
    phi_weight_events: float = 10.0
    residual_cap: float = 1.25
    omega: float = 0.0
    """Relative variance of every expectation: how small a drift of a huge count may be significant."""
    tail_from: float = 2.5
    tail_cap: float = 1.5
    """A fingerprint's tail is measured on the hours whose score passes `tail_from`; from `tail_cap` further on it is
    only counted that an hour went so far, for an outbreak says nothing about chance."""
    tail_mean: float = 0.6
    tail_weight_runs: float = 16.0
    """What such hours exceed it by when the model is right, and how many of them that is believed like."""
    tail_half_life_days: float = 14.0
    window_norm: float = 0.5
    quiet_minutes: float = 60.0
    quiet_ratio: float = 1.5
    """An incident closes when its last `quiet_minutes` held fewer events than this times the expectation."""
    protect_hours: float = 24.0
    """At most this long does an open incident keep its own events from teaching the baseline; 0 = never."""
    late_minutes: float = 240.0
    """Older events than this (against the stream's clock) are counted as late, and in no window."""
    page_hours: float = 24.0
    """Events older than this never page."""
    novelty_minutes: float = 60.0
    novelty_events: float = 5.0
    novelty_users: float = 2.0
    """A new error that is neither fatal nor unhandled opens with this many events or users in `novelty_minutes`."""
    forget_days: float = 30.0
    """A baseline is dropped after this long without an event; the fingerprint itself stays known."""
    novelty_known: float = 10.0
    """With fewer earlier new errors than this, a project has no habit to stand out from: the two numbers decide,"""
    novelty_score: float = 2.0
    """and later the decimal orders of magnitude of chance, among the new errors of the project."""
    environment_hours: float = 24.0
    """An error is new in an environment only when the environment has been known for so long."""
    return_days: float = 14.0
    """After so long without an event, one of a release that came since is news again."""
    gather_minutes: float = 2.0
    """So long may a signal that is not urgent wait for others of the same cause, in the stream's time."""
    join_minutes: float = 10.0
    """Two signals may be of one cause when their onsets are no further apart."""
    chain_minutes: float = 30.0
    """No member of an incident has an onset further than this from the onset of the signal that leads it."""
    release_minutes: float = 30.0
    """So long after a release was first seen is an error put down to it,"""
    release_odds: float = 3.0
    """if it is so many times likelier that the release brought it than that chance did; of a large incident fewer."""
    common_share: float = 0.05
    """What a larger share than this of the project's errors have in common proves nothing when two of them share it."""
    common_known: float = 20.0
    """With fewer known errors than this, nothing counts as common."""
    storm_groups: float = 5.0
    """At least so many groups without anything in common must begin together before time alone joins them."""
    ramp_score_opens: float = 4.0
    """Decimal orders of magnitude of chance at which a slow ramp opens an incident."""
    ramp_ratio: float = 1.8
    """A ramp's days must hold this many times what they held before it, newer days weighing more."""
    ramp_day_ratio: float = 1.1
    """A day is high when it holds more than this times its baseline; four of the five newest must be."""
    ramp_least_events: float = 16.0
    ramp_omega: float = 0.02
    """Relative variance of the level from one week to the next: what a key may wander before it is news."""
    ramp_phi_prior: float = 2.0
    ramp_phi_events: float = 8.0
    """How large the lumps are that events come in, and as how many events that is believed, until more is known."""
    ramp_wander: float = 0.015
    """Relative variance of a day's rate: how much more days differ as long as little is known."""
    ramp_prior_days: float = 14.0
    """That prior weighs as much as so many days."""
    ramp_over_ratio: float = 1.25
    """A ramp is over when its last three days held no more than this times its baseline; a day above belongs to it."""
    ramp_frozen_days: float = 14.0
    """A ramp that has not grown further for so long is the new level."""
    exposure_tolerance: float = 1.3
    """So many times the usual sessions, or so small a part of them, still count as usual: people try again."""
    exposure_least: float = 0.25
    """No fewer errors than this times the usual are expected, however few sessions there are,"""
    exposure_most: float = 8.0
    """and no more than this times the usual."""

    def with_values(self, values: Mapping[str, float]) -> "DetectorConfig":
        """Return the configuration with `values` on top.

        The values stand on the log for ever, so none may stop a replay: unknown names (of another version) and values
        outside `LIMITS` are passed over.
        """
        known = {
            name: float(value)
            for name, value in values.items()
            if name in LIMITS and LIMITS[name][0] <= value <= LIMITS[name][1]
        }
        return replace(self, **known) if known else self


LIMITS: dict[str, tuple[float, float]] = {field.name: (0.01, 10_000.0) for field in fields(DetectorConfig)} | {
    "score_opens": (2.0, 300.0),
    "grew_factor": (1.1, 100.0),
    "veto_factor": (0.0, 100.0),
    "protect_hours": (0.0, 720.0),
    "omega": (0.0, 10.0),
    "unknown_omega": (0.0, 10.0),
    "tail_weight_runs": (0.01, 1e9),
    "veto_young_days": (0.0, 365.0),
    "learning_minutes": (1.0, 1440.0),
    "window_norm": (0.0, 2.0),
    "phi_prior": (1.0, 100.0),
    "late_minutes": (1.0, 240.0),
    "page_hours": (1.0, 720.0),
    "quiet_minutes": (1.0, 240.0),
    "forget_days": (1.0, 365.0),
    "gather_minutes": (0.0, 30.0),
    "join_minutes": (1.0, 120.0),
    "chain_minutes": (1.0, 240.0),
    "release_minutes": (1.0, 1440.0),
    "common_share": (0.001, 1.0),
    "storm_groups": (2.0, 1000.0),
    "ramp_score_opens": (2.0, 300.0),
    "ramp_ratio": (1.0, 100.0),
    "ramp_day_ratio": (1.0, 10.0),
    "ramp_omega": (0.0, 10.0),
    "ramp_phi_prior": (1.0, 100.0),
    "ramp_wander": (0.0, 10.0),
    "ramp_over_ratio": (1.0, 10.0),
    "ramp_frozen_days": (1.0, 28.0),
    "exposure_tolerance": (1.01, 100.0),
    "exposure_least": (0.01, 1.0),
    "exposure_most": (1.0, 100.0),
}
"""Smallest and largest value of each number that a record on the log may set (a NaN is in no interval)."""

DEFAULT = DetectorConfig()


class Skip(NamedTuple):
    """What n steps leave: after all of them, up to the middle of the first and the last one, and up to the last one.

    `left`: of what was there; `sum`: of a one in each step; `slope`: of the step's number in each.
    """

    left: float
    sum: float
    slope: float
    middle_left: float
    middle_sum: float
    middle_slope: float
    last_left: float
    last_sum: float
    last_slope: float
    season_left: float
    season_middle: float
    phi_left: float
    phi_middle: float
    bend: float
    """How much the sum over n points of a parabola gains by its second difference at the middle."""


class Rates(NamedTuple):
    """What a configuration means for buckets of one length: decays and priors per bucket, and per window, in order."""

    bucket_minutes: int
    per_hour: int
    cell: int
    """Buckets in a cell: wide windows slide by cells, and expectations are kept by cells."""
    fine: int
    """So many of the windows, the first ones, slide by buckets."""
    minutes: tuple[int, ...]
    """Widths of the windows, ascending,"""
    buckets: tuple[int, ...]
    """the same in buckets,"""
    cells: tuple[int, ...]
    """and in cells; 0 = narrower than one."""
    parts: tuple[tuple[tuple[float, int, float], ...], ...]
    """By the closed buckets of the open cell, and per fine window that ends with the open bucket: which part of the
    open cell lies in it, how many whole cells, and which part of the cell before those."""
    hops: tuple[int, ...]
    """Cells between two samples of a window's residual; 0 = one each bucket."""
    lags: tuple[int, ...]
    """So many samples wait before they count, so that no window is judged by what it holds itself."""
    phi_decays: tuple[float, ...]
    """Decay of the dispersion sums per sample."""
    phi_weights: tuple[float, ...]
    """Weight of the prior dispersion, in expected events of samples."""
    never_capped: float
    """Whatever a window should hold, a residual up to this is not capped."""
    norms: tuple[float, ...]
    """What a score gains for the width of its window."""
    narrow: tuple[tuple[int, int], ...]
    """Number and width of the fine windows."""
    wide: tuple[tuple[int, int], ...]
    """Number and width in cells of the others."""
    sampled: tuple[tuple[int, int], ...]
    """Number and hop of the windows that are sampled when cells close."""
    level_decay: float
    skips: tuple[Skip, ...]
    """For runs of 0, 1, 2 ... empty buckets, up to an hour."""
    steps: tuple[tuple[int, float, float, float], ...]
    """0, 1, 2 ... such steps, with what they leave of the level, and what ones and slopes they come to."""
    prior_a: float
    prior_b: float
    season_decay: float
    season_hour_decay: float
    proof_decay: float
    """Per hour."""
    tail_decay: float
    """Per hour."""
    protect_buckets: int
    learning_buckets: int
    quiet_buckets: int
    young_buckets: int
    unknown: tuple[float, ...]
    """By the hour of a fingerprint's life: what its age adds to the relative variance of its expectation."""
    forget_buckets: int


@lru_cache(maxsize=64)
def rates(config: DetectorConfig, bucket_minutes: int = 1) -> Rates:
    """Return what `config` means for buckets of `bucket_minutes` (a divisor of 60)."""
    per_hour = 60 // bucket_minutes
    cell = _CELL if bucket_minutes == 1 else 1
    buckets = tuple(sorted({max(1, round(minutes / bucket_minutes)) for minutes in _WIDTHS}))
    cells = tuple(width // cell for width in buckets)
    hops = tuple(max(1, width // 4) if width else 0 for width in cells)
    steps = [hop * cell or 1 for hop in hops]
    prior_b = config.prior_weight_hours * per_hour
    fine = sum(width < _FINE for width in buckets) if cell > 1 else 0
    level_decay = _decay(config.level_half_life_hours * per_hour)
    season_decay = _decay(config.season_half_life_weeks * 168 * per_hour)
    phi_decays = tuple(_decay(config.phi_half_life_days * 24 * per_hour / step) for step in steps)
    skips = tuple(_skip(n, level_decay, season_decay, phi_decays[0]) for n in range(per_hour + 1))
    return Rates(
        bucket_minutes=bucket_minutes,
        per_hour=per_hour,
        cell=cell,
        fine=fine,
        minutes=tuple(bucket_minutes * width for width in buckets),
        buckets=buckets,
        cells=cells,
        parts=tuple(tuple(_parts(width, closed, cell) for width in buckets[:fine]) for closed in range(cell)),
        hops=hops,
        lags=tuple(math.ceil((width - 1) / step) for width, step in zip(buckets, steps, strict=True)),
        phi_decays=phi_decays,
        phi_weights=tuple(config.phi_weight_events * width / step for width, step in zip(buckets, steps, strict=True)),
        never_capped=3 * config.residual_cap * config.phi_prior,
        norms=tuple(config.window_norm * math.log10(width) for width in buckets),
        narrow=tuple(enumerate(buckets[:fine])),
        wide=tuple((j, cells[j]) for j in range(fine, len(cells))),
        sampled=tuple((j, hop) for j, hop in enumerate(hops) if hop),
        level_decay=level_decay,
        skips=skips,
        steps=tuple((n, skip.left, skip.sum, skip.slope) for n, skip in enumerate(skips)),
        prior_a=config.prior_events_per_hour / per_hour * prior_b,
        prior_b=prior_b,
        season_decay=season_decay,
        season_hour_decay=_decay(config.season_half_life_weeks * 168),
        proof_decay=_decay(config.season_proof_half_life_days * 24),
        tail_decay=_decay(config.tail_half_life_days * 24),
        protect_buckets=int(config.protect_hours * per_hour),
        learning_buckets=max(1, int(config.learning_minutes) // bucket_minutes),
        quiet_buckets=max(1, int(config.quiet_minutes) // bucket_minutes),
        young_buckets=int(config.veto_young_days * 24 * per_hour),
        unknown=_unknown(config),
        forget_buckets=int(config.forget_days * 24 * per_hour),
    )


_WIDTHS = (1, 5, 15, 60, 240)
"""Minutes of the windows."""
_CELL = 5
"""Of buckets of a minute, so many are a cell. The wide windows slide by cells: a tenth of the state and of the work,
and what an hour's count gains from a finer edge is lost in its own noise."""
_FINE = 60
"""Windows of fewer buckets than this slide by buckets, where those are shorter than cells."""


def _parts(width: int, closed: int, cell: int) -> tuple[float, int, float]:
    """Return what `Rates.parts` holds of one window."""
    before = width - 1
    if before <= closed:
        return before / closed if closed else 0.0, 0, 0.0
    whole, rest = divmod(before - closed, cell)
    return 1.0, whole, rest / cell


def _skip(n: int, level: float, season: float, phi: float) -> Skip:
    """Return what n steps leave of the level, of a season's sums, and of the narrowest window's dispersion."""
    found: list[float] = []
    for j in (n, (n - 1) / 2, n - 1):
        left = math.exp(j * math.log(level))
        whole = (1 - left) / (1 - level)
        found += left, whole, (j - whole) / (1 - level)
    for decay in (season, phi):
        found += math.exp(n * math.log(decay)), math.exp((n - 1) / 2 * math.log(decay))
    return Skip._make([*found, n * (n + 1) / (6 * (n - 1)) if n > 1 else 0.0])


def _unknown(config: DetectorConfig) -> tuple[float, ...]:
    """Return the relative variance that hours of a new life add, until it is too small to matter."""
    hours = min(_UNKNOWN_HALVINGS * config.unknown_half_life_hours, 10_000.0)
    decay = _decay(config.unknown_half_life_hours)
    return tuple(accumulate(repeat(decay, int(hours)), mul, initial=config.unknown_omega))


def _decay(half_life: float) -> float:
    """Return what is left after one step, by exp alone: pow is not the same on every machine."""
    return math.exp(-math.log(2) / half_life)
