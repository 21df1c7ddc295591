"""Replay of detections: a setting explains what differs when a replay without it, or with another number, agrees."""

from collections.abc import Callable, Sequence

from premortem.domain.project_stream import DetectorConfigured, ProjectRecord, RuleChanged, tick
from premortem.ports import Append
from replay.detecting.detections import Report, detections
from tests.builders import NOW, error_seen
from tests.domain.detection.stream import DAY, SECOND, errors, history, rule
from tests.replay.live import detect, edited, log_of
from tests.replay.test_detections import ONE, reasons, told


def setting(of: Callable[[int], ProjectRecord], then: Sequence[ProjectRecord]) -> list[ProjectRecord]:
    return [*history(), of(NOW - SECOND), *then, tick(NOW + DAY)]


def configured(value: float) -> Callable[[int], ProjectRecord]:
    who = {"tenant_id": error_seen().tenant_id, "project_id": ONE}
    return lambda at: DetectorConfigured(**who, received_at=at, values={"score_opens": value})


def limited(value: float | None) -> Callable[[int], RuleChanged]:
    return lambda at: rule(at, "minimum_events", value)


def beside(live_records: Sequence[ProjectRecord], records: Sequence[ProjectRecord]) -> Report:
    """Return the report of a log whose timeline was told of other records."""
    live, log = log_of(live_records, partitions=1), log_of(records, partitions=1)
    detect(live)
    log.append([Append("debugging.timeline", "", r.value, 0) for r in live.read("debugging.timeline", 0, 0, 10_000)])
    return detections(log, {0: log.heads("sentry.events")[0]})


BURST = errors(60, NOW, 20 * SECOND, first=5_000)


def test_a_setting_that_detect_did_not_know_is_proved_by_a_replay_without_it() -> None:
    records = setting(configured(200.0), BURST)
    report = beside([each for each in records if not isinstance(each, DetectorConfigured)], records)
    assert {reason for _, reason in reasons(report)} == {"configuration"}
    assert "as though there were no DetectorConfigured" in report.differences[0].note
    assert report.unexplained == 0


def test_a_setting_that_says_another_number_now_is_proved_by_a_replay_with_the_recorded_one() -> None:
    report = beside(setting(configured(4.0), BURST), setting(configured(6.0), BURST))
    assert {reason for _, reason in reasons(report)} == {"configuration"}
    assert 'said {"score_opens":4.0}' in report.differences[0].note
    report = beside(setting(limited(5.0), BURST), setting(limited(6.0), BURST))
    assert {reason for _, reason in reasons(report)} == {"configuration"}


def test_a_setting_explains_nothing_that_it_does_not_change() -> None:
    records = setting(limited(4.0), BURST)
    log = log_of(records, partitions=1)
    reached = detect(log)
    one = told(log)[-1]
    spoilt = edited(log, lambda fact, value: [] if fact == one else [value])
    assert reasons(detections(spoilt, reached)) == {("replayed only", None): 1}
