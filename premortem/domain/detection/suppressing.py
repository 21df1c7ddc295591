"""Suppression: rules with an owner, a reason and an end, under which incidents are closed as they open, and named.

Nothing is hidden: the incident is there, and says which rule suppressed it. What then grows beyond the rule's tripwire,
or goes on when the rule has ended, is opened again.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from premortem.domain.decision import Decision
from premortem.domain.ids import FactId, derive
from premortem.domain.project_stream import SuppressionChanged
from premortem.domain.timeline import (
    IncidentDetected,
    IncidentFact,
    IncidentGrew,
    IncidentReopened,
    IncidentSuppressed,
)

_MOST_RULES, _MOST_INCIDENTS = 1_000, 10_000


class Rule(NamedTuple):
    """What a rule matches; empty = anything. `until` in milliseconds since 1970 UTC."""

    until: int
    owner: str
    reason: str
    fingerprint: str
    title: str
    release: str
    environment: str
    tripwire: float
    tag_hash: str = ""

    def matches(self, fact: IncidentDetected) -> bool:
        """Tell whether everything that the rule names is so."""
        return (
            (not self.fingerprint or self.fingerprint == fact.fingerprint)
            and (not self.release or self.release == fact.release)
            and (not self.environment or self.environment == fact.environment)
            and (not self.title or is_like(fact.title, self.title))
            and (not self.tag_hash or self.tag_hash in fact.tag_hashes)
        )


class Suppressions:
    """A project's rules, and the incidents that they suppressed."""

    def __init__(self) -> None:
        self.rules: dict[str, Rule] = {}
        self._incidents: dict[str, str] = {}
        """The rule's name by incident."""

    def change(self, record: SuppressionChanged, fingerprint: str) -> None:
        """Set a rule, or end it. `fingerprint` = the record's, as the project knows it."""
        self.rules.pop(record.name, None)
        named = record.fingerprint or record.title or record.release or record.environment or record.tag_hash
        if record.until > record.received_at and named:
            self.rules[record.name] = Rule(
                record.until, record.owner, record.reason, fingerprint if record.fingerprint else "", record.title,
                record.release, record.environment, record.tripwire, record.tag_hash,
            )  # fmt: skip
        while len(self.rules) > _MOST_RULES:
            del self.rules[next(iter(self.rules))]

    def upon(self, facts: Sequence[IncidentFact], clock: int) -> Sequence[IncidentFact]:
        """Return the facts with those that follow from the rules, each behind its cause."""
        if not facts or not (self.rules or self._incidents):
            return facts
        found: list[IncidentFact] = []
        for fact in facts:
            match fact:
                case IncidentDetected():
                    found += self._opened(fact, clock)
                case IncidentGrew():
                    found += self._grown(fact, clock)
                case _:
                    found.append(fact)
        return found

    def _opened(self, fact: IncidentDetected, clock: int) -> list[IncidentFact]:
        for name, rule in self.rules.items():
            if rule.until > clock and rule.matches(fact) and not breaks(fact.decision, rule.tripwire):
                self._incidents[fact.incident_id] = name
                while len(self._incidents) > _MOST_INCIDENTS:
                    del self._incidents[next(iter(self._incidents))]
                return [replace(fact, suppressed_by=name), _suppressed(fact, name, rule)]
        return [fact]

    def _grown(self, fact: IncidentGrew, clock: int) -> list[IncidentFact]:
        name = self._incidents.get(fact.incident_id)
        if name is None:
            return [fact]
        rule = self.rules.get(name)
        if rule is not None and rule.until > clock and not breaks(fact.decision, rule.tripwire):
            return [fact]
        del self._incidents[fact.incident_id]
        over = rule is None or rule.until <= clock
        why = (
            f"the rule {name} that suppressed it has ended"
            if over
            else f"it outgrew the rule {name} that suppressed it"
        )
        return [fact, _reopened(fact, why)]

    def pack(self) -> list[Any]:
        """Return the state as plain lists, in order."""
        return [[[name, *rule] for name, rule in self.rules.items()], list(self._incidents.items())]

    @classmethod
    def unpack(cls, fields: Sequence[Any]) -> "Suppressions":
        """Return what `pack` gave."""
        found = cls()
        found.rules = {name: Rule(*values) for name, *values in fields[0]}
        found._incidents = dict(fields[1])
        return found


def breaks(decision: Decision, tripwire: float) -> bool:
    """Tell whether so much was seen that no rule holds it: `tripwire` times what was expected, or a single event."""
    if decision.observed is None or decision.expected is None:
        return False
    return decision.observed >= tripwire * max(decision.expected, 1.0)


def is_like(text: str, pattern: str) -> bool:
    """Tell whether a text is like a pattern in which `*` stands for any text, without regard to case."""
    parts, rest = pattern.casefold().split("*"), text.casefold()
    first, last = parts[0], parts[-1]
    if len(parts) == 1:
        return rest == first
    if not rest.startswith(first) or not rest.endswith(last) or len(rest) < len(first) + len(last):
        return False
    rest = rest[len(first) : len(rest) - len(last)]
    for part in parts[1:-1]:
        at = rest.find(part)
        if at < 0:
            return False
        rest = rest[at + len(part) :]
    return True


def _suppressed(fact: IncidentDetected, name: str, rule: Rule) -> IncidentSuppressed:
    return IncidentSuppressed(
        id=FactId(derive("fact", fact.incident_id, "IncidentSuppressed", name)),
        incident_id=fact.incident_id,
        tenant_id=fact.tenant_id,
        project_id=fact.project_id,
        occurred_at=fact.occurred_at,
        reason=rule.reason,
        by=rule.owner,
        rule=name,
        until=rule.until,
        detector_version=fact.decision.detector_version,
        v=3,
    )


def _reopened(fact: IncidentGrew, why: str) -> IncidentReopened:
    return IncidentReopened(
        id=FactId(derive("fact", fact.incident_id, "IncidentReopened", fact.id)),
        incident_id=fact.incident_id,
        tenant_id=fact.tenant_id,
        project_id=fact.project_id,
        occurred_at=fact.occurred_at,
        reason=why,
        event_id=fact.event_id,
        decision=fact.decision,
        v=2,
    )
