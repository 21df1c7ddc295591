"""Every fact has a sentence, whatever version wrote it."""

from pathlib import Path

import pytest

from premortem.domain.telling import tell
from premortem.domain.timeline import TimelineTicked, decode
from tests.domain.test_record_versions import FOLDER, read

FACTS = sorted(path for path in FOLDER.glob("timeline.*.json") if "Ticked" not in path.name)
SENTENCES = {
    "ContextBuilt.v1": "2 observations gathered; missing: traces",
    "FixApplied.v1": "acme/shop#17 was merged as c0ffee",
    "FixDeployed.v1": "release shop@1.2.1 carries it and was seen in production",
    "HumanResponded.v1": "ann notes: go on",
    "IncidentMerged.v1": "it is part of incident another-incident",
    "IncidentResolved.v2": "resolved by a person, in release shop@1.3.0",
    "IncidentSuppressed.v1": "suppressed by ann: a load test",
    "TaskFailed.v1": "fix was given up: no repository",
}


def told(path: Path, raw: bytes) -> str:
    fact = decode(raw)
    assert not isinstance(fact, TimelineTicked)
    return tell(fact)


@pytest.mark.parametrize("path", FACTS, ids=lambda path: path.name.removesuffix(".json"))
def test_a_fact_of_any_version_is_told_in_one_line(path: Path) -> None:
    example = read(path)
    for raw in filter(bytes, (example.most, example.least)):
        assert len(told(path, bytes(raw)).splitlines()) == 1


@pytest.mark.parametrize(("name", "sentence"), SENTENCES.items())
def test_a_fact_is_told_as_a_sentence(name: str, sentence: str) -> None:
    path = FOLDER / f"timeline.{name}.json"
    assert told(path, bytes(read(path).most)) == sentence
