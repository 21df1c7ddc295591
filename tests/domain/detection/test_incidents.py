"""Incidents: what was merged goes on in one incident, which lists every error; nothing is rewritten."""

from msgspec.structs import replace

from premortem.domain.detection import Detector
from premortem.domain.incident import fold
from premortem.domain.project_stream import ErrorSeen
from premortem.domain.timeline import IncidentDetected, IncidentFact, IncidentMerged
from tests.builders import NOW
from tests.domain.detection.stream import SECOND, error, run


def outage(count: int = 16) -> list[ErrorSeen]:
    """Return unhandled errors that share nothing but the time: each opens at once, until so many are no chance."""
    return [
        error(
            n,
            NOW + n * 3 * SECOND,
            handled=False,
            hashes=(f"{n:032x}",),
            root_type=f"Type{n}",
            culprit=f"module{n} in call",
            release=None,
        )
        for n in range(count)
    ]


def of(facts: list[IncidentFact], incident_id: str) -> list[IncidentFact]:
    return [fact for fact in facts if fact.incident_id == incident_id]


def test_the_incident_that_goes_on_lists_every_error_of_those_that_were_merged_into_it() -> None:
    facts = run(outage())
    merged = [fact for fact in facts if isinstance(fact, IncidentMerged)]
    assert merged
    (survivor,) = {fact.into for fact in merged}
    assert survivor not in {fact.incident_id for fact in merged}
    incident = fold(of(facts, survivor))
    assert incident is not None
    assert sorted(incident.fingerprints) == [f"{n:032x}" for n in range(16)]


def test_each_error_is_in_one_living_incident() -> None:
    facts = run(outage())
    gone = {fact.incident_id for fact in facts if isinstance(fact, IncidentMerged)}
    opened = {fact.incident_id for fact in facts if isinstance(fact, IncidentDetected)}
    living = {incident: fold(of(facts, incident)) for incident in opened - gone}
    assert len(living) == 1


def test_a_detector_that_stopped_between_the_merges_says_the_same() -> None:
    records = outage()
    for cut in range(1, len(records)):
        detector, facts = Detector(), list[IncidentFact]()
        for offset, record in enumerate(records):
            if offset == cut:
                state = {name: value for name, value in detector.changed().items() if value is not None}
                detector = Detector.restore(state)
            facts.extend(detector.observe(offset, record))
        assert [*facts, *detector.finish()] == run(records)


def test_a_later_spike_of_a_merged_error_grows_the_incident_that_goes_on() -> None:
    facts = run([*outage(), *[e for n in range(40) for e in [error(1_000 + n, NOW + 300_000 + n * SECOND,
                hashes=(f"{7:032x}",), handled=False, root_type="Type7", release=None)]]])  # fmt: skip
    (survivor,) = {fact.into for fact in facts if isinstance(fact, IncidentMerged)}
    later = [fact for fact in facts if fact.occurred_at >= NOW + 300_000]
    assert {fact.incident_id for fact in later} <= {survivor}


def test_the_first_release_of_an_environment_joins_nothing_and_the_next_one_does() -> None:
    def two(first: int, at: int, release: str) -> list[ErrorSeen]:
        both = [error(first + n, at + n * SECOND, handled=False, hashes=(f"{first + n:032x}",)) for n in range(2)]
        return [replace(e, release=release, root_type=f"Odd{e.event_id}Error", culprit="") for e in both]

    begun = two(1, NOW, "shop@1")
    assert len({fact.incident_id for fact in run(begun)}) == 2
    both = run([*begun, *two(11, NOW + 3_600_000, "shop@2")])
    assert len({fact.incident_id for fact in both}) == 3
