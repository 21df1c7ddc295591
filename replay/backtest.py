"""Backtest: the log once more through the detector, with other numbers, and what would have been told otherwise."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

from msgspec import Struct
from msgspec.structs import replace

from premortem.domain.detection import Detector
from premortem.domain.detection.config import DEFAULT, LIMITS
from premortem.domain.ids import ProjectId
from premortem.domain.project_stream import DetectorConfigured, ProjectRecord, Rule, RuleChanged, tick
from premortem.domain.timeline import IncidentDetected, IncidentFact, IncidentGrew
from premortem.exceptions import Malformed
from premortem.ports import LogReader
from replay.reading import Progress, project_records

WEEK_MS = 7 * 24 * 3_600_000
_SAME_MS = 24 * 3_600_000
"""Incidents that share an error and open within a day are one incident, earlier or later."""


class Candidate(Struct, frozen=True):
    """What is tried: numbers of the detector and rules of the project, in the place of those on the log."""

    values: Mapping[str, float]
    rules: Mapping[str, float]


class Opened(Struct, frozen=True):
    """An incident as a run of the detector opened it; times in milliseconds since 1970 UTC."""

    incident_id: str
    title: str
    detector: str
    opened_at: int
    fingerprints: tuple[str, ...]


class Moved(Struct, frozen=True):
    """An incident that opens in both runs, at another time."""

    before: Opened
    after: Opened

    @property
    def minutes(self) -> float:
        """Return by how much it opens later; negative = earlier."""
        return (self.after.opened_at - self.before.opened_at) / 60_000


class Comparison(Struct, frozen=True):
    """What the candidate would have told otherwise."""

    weeks: float
    current: int
    candidate: int
    added: tuple[Opened, ...]
    removed: tuple[Opened, ...]
    earlier: tuple[Moved, ...]
    later: tuple[Moved, ...]

    def pages_per_week(self, incidents: int) -> float:
        """Return how often somebody would have been called."""
        return incidents / self.weeks if self.weeks else 0.0


def read_candidate(path: Path) -> Candidate:
    """Return what a TOML file with the tables [detector] and [rules] says.

    Raises Malformed for what is no such file, a name that is unknown, and a value outside its limits.
    """
    try:
        tables = tomllib.loads(path.read_text())
    except (OSError, ValueError) as exception:
        raise Malformed(f"{path}: {exception}. A detector file is TOML with [detector] and [rules].") from exception
    unknown = sorted({*tables} - {"detector", "rules"})
    if unknown:
        raise Malformed(f"{path}: there is no table [{unknown[0]}]. There are [detector] and [rules].")
    values = _numbers(path, "detector", tables.get("detector", {}), list(LIMITS))
    for name, value in values.items():
        low, high = LIMITS[name]
        if not low <= value <= high:
            raise Malformed(f"{path}: {name} = {value:g} is not between {low:g} and {high:g}.")
    return Candidate(values, _numbers(path, "rules", tables.get("rules", {}), list(get_args(Rule))))


def _numbers(path: Path, table: str, found: object, names: Sequence[str]) -> dict[str, float]:
    if not isinstance(found, dict):
        raise Malformed(f"{path}: [{table}] is a table of names and numbers.")
    for name, value in found.items():
        if name not in names:
            raise Malformed(f"{path}: [{table}] has no {name}. There are: {', '.join(names)}.")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Malformed(f"{path}: {name} is a number.")
    return {name: float(value) for name, value in found.items()}


def backtest(
    log: LogReader,
    project: ProjectId,
    candidate: Candidate,
    since: int,
    progress: Progress = lambda _done, _all: None,
) -> Comparison:
    """Return what the candidate would have told otherwise since `since` (ms since 1970 UTC).

    Both runs read the whole log, so that both know what was known then; only incidents opened since are compared.
    """
    current, changed = Detector(), Detector(DEFAULT.with_values(candidate.values))
    for rule, value in sorted(candidate.rules.items()):
        changed.project(project).gates.set_rule(rule, value)
    told: tuple[list[IncidentFact], list[IncidentFact]] = ([], [])
    for offset, record in project_records(log, project, None, progress):
        told[0].extend(current.observe(offset, record))
        told[1].extend(changed.observe(offset, _instead(record, candidate)))
    for detector, facts in zip((current, changed), told, strict=True):
        facts.extend(detector.finish())
    weeks = max(0, current.clock - since) / WEEK_MS
    return compare(opened(told[0], since), opened(told[1], since), weeks)


def _instead(record: ProjectRecord, candidate: Candidate) -> ProjectRecord:
    """Return the record without what the candidate says in its place."""
    match record:
        case RuleChanged() if record.rule in candidate.rules:
            return tick(record.received_at)
        case DetectorConfigured():
            return replace(record, values={n: v for n, v in record.values.items() if n not in candidate.values})
        case _:
            return record


def opened(facts: Sequence[IncidentFact], since: int) -> list[Opened]:
    """Return the incidents opened since then, in the order in which they opened, with every error that joined them."""
    found: dict[str, Opened] = {}
    for fact in facts:
        if isinstance(fact, IncidentDetected) and fact.occurred_at >= since:
            found[fact.incident_id] = Opened(
                fact.incident_id, fact.title, fact.decision.detector, fact.occurred_at, (fact.fingerprint,)
            )
        elif isinstance(fact, IncidentGrew) and fact.incident_id in found:
            known = found[fact.incident_id]
            if fact.fingerprint not in known.fingerprints:
                found[fact.incident_id] = replace(known, fingerprints=(*known.fingerprints, fact.fingerprint))
    return list(found.values())


def compare(current: Sequence[Opened], changed: Sequence[Opened], weeks: float) -> Comparison:
    """Return what differs: incidents are the same when they share an error and open within a day of each other."""
    left = list(changed)
    pairs: list[Moved] = []
    removed: list[Opened] = []
    for before in current:
        near = [after for after in left if _are_same(before, after)]
        if not near:
            removed.append(before)
            continue
        after = min(near, key=lambda each: (abs(each.opened_at - before.opened_at), each.incident_id))
        left.remove(after)
        pairs.append(Moved(before, after))
    return Comparison(
        weeks=weeks,
        current=len(current),
        candidate=len(changed),
        added=tuple(left),
        removed=tuple(removed),
        earlier=tuple(pair for pair in pairs if pair.minutes < 0),
        later=tuple(pair for pair in pairs if pair.minutes > 0),
    )


def _are_same(one: Opened, other: Opened) -> bool:
    shared = set(one.fingerprints) & set(other.fingerprints)
    return bool(shared) and abs(one.opened_at - other.opened_at) <= _SAME_MS
