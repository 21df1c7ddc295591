"""Whatever was ever written is read as if it had been written today; what will be written later is not read at all."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw, Struct

from premortem.domain import project_stream, timeline
from premortem.domain.evidence import Gap
from premortem.domain.incident import Incident, encode, fold
from premortem.domain.timeline import (
    VERSIONS,
    ContextBuilt,
    EvaluationCompleted,
    IncidentDetected,
    IncidentFact,
    RootCauseProposed,
    TaskFailed,
    TimelineTicked,
)
from premortem.domain.versions import Newer

FOLDER = Path(__file__).parents[1] / "examples"


class Stream(Struct, frozen=True):
    """How one stream's records are read and written."""

    versions: dict[Any, int]
    decode: Callable[[bytes], Any]
    decode_as_written: Callable[[bytes], Any]
    encode: Callable[[Any], bytes]
    upcast: Callable[[Any], Any]


STREAMS = {
    name: Stream(module.VERSIONS, module.decode, module.decode_as_written, module.encode, module.upcast)
    for name, module in (("timeline", timeline), ("project_stream", project_stream))
}


class Example(Struct, frozen=True):
    """A record as it stands on the log, with every field that its version has, and with the fewest."""

    most: Raw
    least: Raw = Raw()

    @property
    def records(self) -> list[bytes]:
        return [bytes(raw) for raw in (self.most, self.least) if bytes(raw)]


def examples(stream: str) -> dict[tuple[str, int], list[bytes]]:
    """Return the records by kind and version."""
    found: dict[tuple[str, int], list[bytes]] = {}
    for path in sorted(FOLDER.glob(f"{stream}.*.json")):
        _, kind, version = path.name.removesuffix(".json").split(".")
        found[kind, int(version[1:])] = msgspec.json.decode(path.read_bytes(), type=Example).records
    return found


RECORDS = [(stream, record) for stream in STREAMS for records in examples(stream).values() for record in records]
every_record = pytest.mark.parametrize(("stream", "record"), RECORDS)


@pytest.mark.parametrize("stream", STREAMS)
def test_the_newest_version_that_is_known_is_that_of_the_newest_example(stream: str) -> None:
    newest: dict[str, int] = {}
    for kind, version in examples(stream):
        newest[kind] = max(newest.get(kind, 0), version)
    assert {kind.__name__: version for kind, version in STREAMS[stream].versions.items()} == newest


@every_record
def test_every_record_ever_written_is_read_in_the_newest_version_of_its_kind(stream: str, record: bytes) -> None:
    found = STREAMS[stream].decode(record)
    assert found.v == STREAMS[stream].versions[type(found)]


@every_record
def test_brought_forward_twice_is_brought_forward_once_and_once_written_it_stays_so(stream: str, record: bytes) -> None:
    its = STREAMS[stream]
    once = its.upcast(its.decode_as_written(record))
    assert its.upcast(once) == once == its.decode(record) == its.decode(its.encode(once))


@every_record
def test_bringing_forward_loses_nothing_that_was_said(stream: str, record: bytes) -> None:
    said, now = json.loads(record), json.loads(STREAMS[stream].encode(STREAMS[stream].decode(record)))
    reworded = {"v"} | ({"verdict", "stage"} if said.get("v", 1) == 1 else set())
    assert {name: now.get(name) for name in said.keys() - reworded} == {
        name: said[name] for name in said.keys() - reworded
    }


# ------------------------------------------------------------------------------------------- what versions meant
WHOSE = {"id": "f", "incident_id": "i", "tenant_id": "acme", "project_id": 7, "occurred_at": 1}


def old(kind: str, **says: object) -> IncidentFact:
    """Return a fact that version 1 wrote, as it is read."""
    fact = timeline.decode(json.dumps({"kind": kind, **WHOSE, **says}).encode())
    assert not isinstance(fact, TimelineTicked)
    return fact


@pytest.mark.parametrize(
    ("said", "means"), [("fixed", "effective"), ("not_fixed", "ineffective"), ("inconclusive", "inconclusive")]
)
def test_the_old_words_for_verdicts_are_read_as_those_of_today(said: str, means: str) -> None:
    fact = old("EvaluationCompleted", verdict=said, summary="12 before, 11 after")
    assert isinstance(fact, EvaluationCompleted)
    assert fact.verdict == means


def test_an_old_failure_that_named_its_task_names_the_stage_so_that_a_notice_holds_nothing_up() -> None:
    stages = [old("TaskFailed", task_id="t", stage=kind, reason="r") for kind in ("ProposeFix", "Notify", "policy")]
    assert [fact.stage for fact in stages if isinstance(fact, TaskFailed)] == ["fix", "notification", "policy"]


def test_an_old_context_that_only_named_what_was_missing_has_gaps_of_these_names() -> None:
    fact = old("ContextBuilt", evidence_ids=["e1"], missing=["traces"])
    assert isinstance(fact, ContextBuilt)
    assert fact.gaps == (Gap(id="traces", what="traces", why="unavailable", how=""),)


def test_an_old_cause_knew_no_cap_so_what_was_claimed_is_what_counted() -> None:
    fact = old("RootCauseProposed", verdict="probable", summary="s", confidence=0.75, agent="deterministic")
    assert isinstance(fact, RootCauseProposed)
    assert (fact.raw_confidence, fact.cap, fact.confidence) == (0.75, 1.0, 0.75)


# ---------------------------------------------------------------------------------------- all versions in one log
FACTS = [
    record for (kind, _), records in examples("timeline").items() if kind != "TimelineTicked" for record in records
]
OPENINGS = [record for record in FACTS if isinstance(timeline.decode(record), IncidentDetected)]


def of_one_incident(record: bytes, place: int) -> bytes:
    """Return the bytes of an example as its version wrote them, with the incident and an id of its own."""
    said = json.loads(record) | {"incident_id": "one", "id": f"fact-{place}"}
    return json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode()


def folded(records: Sequence[bytes]) -> Incident | None:
    facts = [timeline.decode(record) for record in records]
    return fold([fact for fact in facts if not isinstance(fact, TimelineTicked)])


mixed = st.tuples(st.sampled_from(OPENINGS), st.permutations(FACTS), st.integers(0, len(FACTS)))


@given(mixed)
@settings(max_examples=60, deadline=None)
def test_a_log_that_mixes_all_versions_of_all_kinds_folds_as_if_all_of_it_were_written_today(
    log: tuple[bytes, list[bytes], int],
) -> None:
    opening, rest, cut = log
    records = [of_one_incident(record, place) for place, record in enumerate([*rest[:cut], opening, *rest[cut:]])]
    today = [timeline.encode(timeline.decode(record)) for record in records]
    incident, twin = folded(records), folded(today)
    assert incident is not None
    assert twin is not None
    assert encode(incident) == encode(twin)
    assert len(incident.facts) == len(records) - next(
        n for n, record in enumerate(records) if isinstance(timeline.decode(record), IncidentDetected)
    )


# ------------------------------------------------------------------------------------------------ later versions
@pytest.mark.parametrize("stream", STREAMS)
def test_a_record_of_a_version_that_is_not_known_here_is_refused_with_the_mend(stream: str) -> None:
    its = STREAMS[stream]
    for kind, newest in its.versions.items():
        record = next(r for r in examples(stream)[kind.__name__, newest])
        later = json.dumps(json.loads(record) | {"v": newest + 1, "whatever": [1]}).encode()
        with pytest.raises(Newer, match=rf"{kind.__name__}, version {newest + 1}, .*up to version {newest}.*Upgrade"):
            its.decode(later)


def test_a_later_version_that_does_not_even_fit_the_shape_of_today_is_refused_as_such() -> None:
    later = {"kind": "EvaluationCompleted", **WHOSE, "v": VERSIONS[EvaluationCompleted] + 1, "verdict": {"effect": 3}}
    with pytest.raises(Newer, match="EvaluationCompleted"):
        timeline.decode(json.dumps(later).encode())


@pytest.mark.parametrize("stream", STREAMS)
def test_a_kind_that_is_not_known_here_is_refused_as_a_newer_one(stream: str) -> None:
    with pytest.raises(Newer, match=r"Unheard, version 1, .*no such kind.*Upgrade"):
        STREAMS[stream].decode(b'{"kind":"Unheard","at":1}')


@pytest.mark.parametrize("record", [b"", b"{}", b"null", b'{"kind":7}', b'{"kind":"FixApplied","v":1}', b"\xff"])
def test_what_is_no_record_of_any_version_is_not_called_newer(record: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w") as problem:
        timeline.decode(record)
    assert not isinstance(problem.value, Newer)
