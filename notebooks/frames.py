"""Frames of what the detector's scan sees and of what other numbers would have told, for tables and charts."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import polars as pl

from premortem.domain.detection.config import DEFAULT, LIMITS, MINUTE_MS, DetectorConfig
from replay.labels import Error, Label
from replay.tuning import Minute, Step, Tried, walk

WALK = pl.Schema(
    {
        "minute": pl.Datetime("ms", "UTC"),
        "count": pl.Int64(),
        "expected": pl.Float64(),
        "upper": pl.Int64(),
        "score": pl.Float64(),
        "threshold": pl.Float64(),
        "window": pl.Int64(),
        "decision": pl.Enum(["silent", "held", "grows", "opens"]),
    }
)
_TRIED = {
    "incidents": pl.Int64(),
    "pages_per_week": pl.Float64(),
    "confirmed": pl.Int64(),
    "missed": pl.Int64(),
    "rejected": pl.Int64(),
    "unlabelled": pl.Int64(),
    "precision": pl.Float64(),
    "recall": pl.Float64(),
    "delay": pl.Float64(),
}


def walked(minutes: Sequence[Minute], config: DetectorConfig = DEFAULT, window: int | None = None) -> pl.DataFrame:
    """Return what the scan saw of one error, a row a minute (see `replay.tuning.walk`)."""
    return pl.DataFrame([_row(step) for step in walk(minutes, config, window)], WALK, orient="row")


def _row(step: Step) -> tuple[object, ...]:
    return (
        step.at,
        step.count,
        step.expected,
        step.upper,
        step.score,
        step.threshold,
        step.window,
        step.decision,
    )


def within(frame: pl.DataFrame, days: int, rows: int = 3_000) -> pl.DataFrame:
    """Return the last days of a walk, in at most about so many rows: of more, the strongest of each span.

    Every row in which something was decided stays.
    """
    shown = frame.filter(pl.col("minute") > pl.col("minute").max() - timedelta(days=days))
    if shown.height <= rows:
        return shown
    span = pl.col("minute").dt.epoch("ms") // (days * 1_440 * MINUTE_MS // rows)
    strongest = shown.group_by(span.alias("span")).agg(pl.all().sort_by("score").last()).select(WALK.names())
    return pl.concat([strongest, shown.filter(pl.col("decision") != "silent")]).unique().sort("minute")


def swept(tried: Sequence[Tried]) -> pl.DataFrame:
    """Return a row for each configuration: its numbers, then incidents, pages a week and what the labels say."""
    names = list(tried[0].values) if tried else []
    rows = [(*each.values.values(), *(x if x is None else round(x, 4) for x in each[1:])) for each in tried]
    return pl.DataFrame(rows, {**dict.fromkeys(names, pl.Float64()), **_TRIED}, orient="row")


def labelled(known: Sequence[Label]) -> pl.DataFrame:
    """Return a row for each error of each labelled incident."""
    rows = [
        (*error, each.onset, each.opened_at, each.verdict, each.incident_id) for each in known for error in each.errors
    ]
    columns: dict[str, pl.DataType] = {"tenant": pl.String(), "project": pl.Int64(), "fingerprint": pl.String()}
    times = dict.fromkeys(("onset", "opened"), pl.Datetime("ms", "UTC"))
    return pl.DataFrame(rows, {**columns, **times, "verdict": pl.String(), "incident": pl.String()}, orient="row")


def around(
    name: str, config: DetectorConfig = DEFAULT, factors: Sequence[float] = (0.5, 0.6, 0.8, 1, 1.4, 2)
) -> list[float]:
    """Return values of one of the detector's numbers about the one it has, within the limits of that number."""
    low, high = LIMITS[name]
    return sorted({min(high, max(low, round(getattr(config, name) * factor, 4))) for factor in factors})


def chosen(table: pl.DataFrame, known: Sequence[Label], most: int) -> list[Error]:
    """Return the errors to sweep over: those with labels first, then the busiest, `most` at most."""
    errors: Mapping[Error, None] = {Error(*row): None for row in table.select(Error._fields).iter_rows()}
    named = [error for label in known for error in label.errors if error in errors]
    return list(dict.fromkeys([*named, *errors]))[:most]
