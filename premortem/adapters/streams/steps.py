"""The four dataflows' steps: records in, effects out. No Bytewax and no clock; the tests' oracle runs them too."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

from premortem.adapters.streams import counts
from premortem.adapters.streams.archived import archived_row
from premortem.adapters.streams.effects import Effects, dead_letter
from premortem.domain import incident as incident_domain
from premortem.domain import payload, project_stream, timeline
from premortem.domain.detection import Detector
from premortem.domain.ids import IncidentId
from premortem.domain.incident import Incident, evolve
from premortem.domain.project_stream import Ticked
from premortem.domain.routing import react
from premortem.domain.timeline import IncidentFact, TimelineTicked
from premortem.ports import Append, Checkpoint, Flow, LogRecord, Saved, StoredFact

CHECKPOINT_RECORDS = 5_000
"""Detection saves its state after so many records, or at a tick: decided by the log, never by a clock."""
_REMEMBERED = 20_000
"""Incidents that `materialize` keeps in memory, per partition."""


class DetectStep:
    """One partition of the project stream through the detector."""

    def __init__(self, partition: int, checkpoint: Checkpoint) -> None:
        state = dict(checkpoint.state)
        self._counts = counts.unpack(state.pop(counts.NAME, None))
        self._partition = partition
        self._detector = Detector.restore(state) if state else Detector()
        self._covered = checkpoint.next_offset

    def __call__(self, records: Sequence[LogRecord]) -> Effects:
        """Return the findings as timeline appends, and now and then a checkpoint."""
        effects = Effects(self._partition, records[-1].offset + 1)
        observe, decode = self._detector.observe, project_stream.decode
        ticked = False
        for record in records:
            try:
                value = decode(record.value)
            except ValueError as exception:
                self._counts.dead_lettered += 1
                effects.appends.append(dead_letter("detect", "sentry.events", record, str(exception)))
                continue
            facts = observe(record.offset, value)
            if facts:
                self._counts.emitted += len(facts)
                effects.appends.extend(_fact_append(fact) for fact in facts)
            elif type(value) is Ticked:
                ticked = True
        self._counts.taken_in += len(records)
        self._counts.passed = self._counts.taken_in - self._counts.dead_lettered
        if ticked or effects.next_offset - self._covered >= CHECKPOINT_RECORDS:
            self._covered = effects.next_offset
            effects.checkpoint = {**self._detector.changed(), counts.NAME: self._counts.pack()}
        return effects


class MaterializeStep:
    """One partition of the timeline folded into incidents, as the tables show them."""

    def __init__(
        self,
        partition: int,
        checkpoint: Checkpoint,
        load: Callable[[Sequence[IncidentId]], Mapping[IncidentId, Saved]],
    ) -> None:
        self._partition, self._load = partition, load
        self._counts = counts.unpack(checkpoint.state.get(counts.NAME))
        self._known: OrderedDict[IncidentId, Saved] = OrderedDict()

    def __call__(self, records: Sequence[LogRecord]) -> Effects:
        """Return the incidents that changed, their timeline rows and the new position."""
        effects = Effects(self._partition, records[-1].offset + 1)
        facts, letters = _decode_facts("materialize", records)
        effects.appends.extend(letters)
        missing = sorted({fact.incident_id for _, fact in facts} - self._known.keys())
        if missing:
            self._known.update(self._load(missing))
        changed: dict[IncidentId, Saved] = {}
        for record, fact in facts:
            stored = self._known.get(fact.incident_id)
            if stored is not None and record.offset <= stored.offset:
                continue
            after = evolve(stored.incident if stored else None, fact)
            if after is None:  # a fact about an incident that nothing opened: kept on the log, shown nowhere
                continue
            saved = Saved(after, record.partition, record.offset)
            self._known[fact.incident_id] = changed[fact.incident_id] = saved
            self._known.move_to_end(fact.incident_id)
            effects.facts.append(_stored(record, fact))
        effects.incidents.extend(changed.values())
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        effects.checkpoint = _counted(self._counts, len(records), len(letters), len(changed))
        return effects


class RouteStep:
    """One partition of the timeline through the policy. Keeps its own incidents: the tables may lag behind it."""

    def __init__(self, partition: int, checkpoint: Checkpoint) -> None:
        self._partition = partition
        self._counts = counts.unpack(checkpoint.state.get(counts.NAME))
        self._incidents: dict[str, Incident] = {
            name: incident_domain.decode(value) for name, value in checkpoint.state.items() if name != counts.NAME
        }

    def __call__(self, records: Sequence[LogRecord]) -> Effects:
        """Return tasks, follow-up facts and project records, and the incidents that changed."""
        effects = Effects(self._partition, records[-1].offset + 1)
        facts, letters = _decode_facts("route", records)
        effects.appends.extend(letters)
        changed: dict[str, bytes | None] = {}
        for _, fact in facts:
            before = self._incidents.get(fact.incident_id)
            after = evolve(before, fact)
            if after is None or after is before:  # never opened, or a fact that was folded already
                continue
            self._incidents[fact.incident_id] = after
            changed[fact.incident_id] = b""
            reaction = react(after, fact)
            effects.tasks.extend(reaction.tasks)
            effects.appends.extend(_fact_append(follow_up) for follow_up in reaction.facts)
            for record in reaction.records:
                effects.appends.append(Append("sentry.events", str(record.project_id), project_stream.encode(record)))
        for name in changed:
            changed[name] = incident_domain.encode(self._incidents[name])
        effects.checkpoint = {**changed, **_counted(self._counts, len(records), len(letters), len(effects.tasks))}
        return effects


class ArchiveStep:
    """One partition of the payloads on their way to the evidence store."""

    def __init__(self, partition: int, checkpoint: Checkpoint) -> None:
        self._partition = partition
        self._counts = counts.unpack(checkpoint.state.get(counts.NAME))

    def __call__(self, records: Sequence[LogRecord]) -> Effects:
        """Return the rows to archive and the new position."""
        effects = Effects(self._partition, records[-1].offset + 1)
        letters = 0
        for record in records:
            try:
                effects.rows.append(archived_row(payload.decode(record.value)))
            except ValueError as exception:
                letters += 1
                effects.appends.append(dead_letter("archive", "sentry.payloads", record, str(exception)))
        effects.checkpoint = _counted(self._counts, len(records), letters, len(effects.rows))
        return effects


def _counted(kept: counts.Counts, taken_in: int, dead_lettered: int, emitted: int) -> dict[str, bytes | None]:
    kept.taken_in += taken_in
    kept.dead_lettered += dead_lettered
    kept.passed += taken_in - dead_lettered
    kept.emitted += emitted
    return {counts.NAME: kept.pack()}


def _decode_facts(
    flow: Flow, records: Sequence[LogRecord]
) -> tuple[list[tuple[LogRecord, IncidentFact]], list[Append]]:
    """Return the facts with their records, ticks left out, and a dead letter for each record that is none."""
    facts: list[tuple[LogRecord, IncidentFact]] = []
    letters: list[Append] = []
    for record in records:
        try:
            event = timeline.decode(record.value)
        except ValueError as exception:
            letters.append(dead_letter(flow, "debugging.timeline", record, str(exception)))
            continue
        if not isinstance(event, TimelineTicked):
            facts.append((record, event))
    return facts, letters


def _fact_append(fact: IncidentFact) -> Append:
    return Append("debugging.timeline", fact.incident_id, timeline.encode(fact))


def _stored(record: LogRecord, fact: IncidentFact) -> StoredFact:
    return StoredFact(
        incident_id=fact.incident_id,
        fact_id=fact.id,
        partition=record.partition,
        offset=record.offset,
        kind=type(fact).__name__,
        occurred_at=fact.occurred_at,
        value=record.value,
    )
