"""Sample data: made-up counts and a made-up timeline, the same on every machine, for a look without a stack."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import polars as pl

from notebooks.sources import COUNTS
from premortem.domain.decision import Decision
from premortem.domain.detection.config import MINUTE_MS
from premortem.domain.ids import FactId, Fingerprint, IncidentId, ProjectId, TenantId, derive
from premortem.domain.timeline import IncidentDetected, IncidentFact, IncidentResolved, IncidentSuppressed, encode

TENANT, PROJECT = TenantId("sample"), ProjectId(1)
START = 1_793_577_600_000
"""Monday, 2 November 2026, 00:00 UTC."""
DAYS, ERRORS = 14, 6
_DAY = 1_440


def write_sample(directory: Path) -> tuple[Path, Path]:
    """Write `sample-counts.parquet` and `sample-timeline.jsonl`, and return where they are."""
    directory.mkdir(parents=True, exist_ok=True)
    counts, timeline = directory / "sample-counts.parquet", directory / "sample-timeline.jsonl"
    rows: list[tuple[str, int, str, int, int]] = []
    facts: list[IncidentFact] = []
    for n in range(ERRORS):
        random, minutes = Random(n), [0] * (DAYS * _DAY)  # noqa: S311 -- a made-up history, no secret
        fingerprint = f"{n:x}" * 32
        _everyday(random, minutes, per_hour=0.3 + 0.3 * n)
        facts += _incidents(random, minutes, fingerprint)
        rows += [(TENANT, PROJECT, fingerprint, START + m * MINUTE_MS, c) for m, c in enumerate(minutes) if c]
    frame = pl.DataFrame(rows, {**COUNTS, "minute": pl.Int64()}, orient="row").cast(COUNTS)
    frame.write_parquet(counts)
    timeline.write_bytes(b"".join(encode(fact) + b"\n" for fact in facts))
    return counts, timeline


def _everyday(random: Random, minutes: list[int], per_hour: float) -> None:
    """Add what comes every day: more by day than by night, less at the weekend."""
    for minute in range(len(minutes)):
        day, of_day = divmod(minute, _DAY)
        busy = 1.6 if 480 <= of_day < 1_200 else 0.5
        quiet = 0.6 if day % 7 >= 5 else 1.0
        minutes[minute] += _drawn(random, per_hour / 60 * busy * quiet)


def _incidents(random: Random, minutes: list[int], fingerprint: str) -> Iterator[IncidentFact]:
    """Add an outage a week, which somebody confirmed, and a client's retry loop a week, which somebody rejected."""
    for week in range(DAYS // 7):
        for day, is_real in ((random.randrange(2, 4), True), (random.randrange(5, 7), False)):
            onset = (week * 7 + day) * _DAY + random.randrange(_DAY - 60)
            (_outage if is_real else _retries)(random, minutes, onset)
            yield from _told(fingerprint, onset, is_real)


def _outage(random: Random, minutes: list[int], onset: int) -> None:
    """Errors that grow for an hour, at another pace each time."""
    growth = random.uniform(0.02, 0.25)
    for after in range(60):
        minutes[onset + after] += _drawn(random, 0.2 + growth * after)


def _retries(random: Random, minutes: list[int], onset: int) -> None:
    """One client that tries again for some minutes, and gives up."""
    for after in range(random.randrange(3, 7)):
        minutes[onset + after] += _drawn(random, random.uniform(1.0, 3.0))


def _drawn(random: Random, mean: float) -> int:
    """Return how many events of a Poisson stream come in a minute where `mean` are expected."""
    count, passed = 0, random.expovariate(1.0)
    while passed < mean:
        count += 1
        passed += random.expovariate(1.0)
    return count


def _told(fingerprint: str, onset_minute: int, is_real: bool) -> Iterator[IncidentFact]:
    """Return the incident as a detector would have told it, and what a person made of it."""
    onset = START + onset_minute * MINUTE_MS
    at, incident = onset + 10 * MINUTE_MS, IncidentId(derive("sample", fingerprint, str(onset)))
    yield IncidentDetected(
        id=FactId(derive("sample", incident, "IncidentDetected")),
        incident_id=incident,
        tenant_id=TENANT,
        project_id=PROJECT,
        occurred_at=at,
        fingerprint=Fingerprint(fingerprint),
        title="Sample: made up",
        culprit="sample",
        severity="medium",
        level="error",
        decision=Decision("spike", 1, fired=True, at=at, onset=onset),
        event_id=derive("sample", incident, "event").replace("-", ""),
        first_seen=START,
    )
    said: dict[str, Any] = {
        "incident_id": incident,
        "tenant_id": TENANT,
        "project_id": PROJECT,
        "occurred_at": at + 60 * MINUTE_MS,
        "id": FactId(derive("sample", incident, "said")),
        "by": "sample",
    }
    if is_real:
        yield IncidentResolved(**said, reason="by_person")
    else:
        yield IncidentSuppressed(**said, reason="One client's retries.")
