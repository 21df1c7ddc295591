"""Observed times before and after a deploy, made of a few numbers."""

from premortem.domain.evaluation import MINUTE_MS, Observed, Slot

TEN = 10 * MINUTE_MS
DEPLOYED = 1_795_392_000_000
HOUR = 60 * MINUTE_MS
DAY_SLOTS = 144


def slots(count: int, every: int, sessions: int = 0, others: int = 0, events: int = 1) -> tuple[Slot, ...]:
    """Return slots with `events` events in every `every`-th one (0 = in none)."""
    return tuple(Slot(events if every and n % every == 0 else 0, sessions, others) for n in range(count))


def shop(every_before: int, every_after: int, **changes: object) -> Observed:
    """Return two days, then six hours after a deploy, an event in every so-manyeth slot, 100 sessions in each."""
    values: dict[str, object] = {
        "width": TEN,
        "before": slots(2 * DAY_SLOTS, every_before, sessions=100),
        "after": slots(36, every_after, sessions=100),
    }
    return Observed(**(values | changes))  # type: ignore[arg-type]
