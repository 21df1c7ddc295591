"""A post-mortem: a whole one to read, what held an incident back and for how long, and that nothing in it is active."""

from collections.abc import Iterator
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from msgspec.structs import replace

from premortem.agents import rules
from premortem.domain import timeline
from premortem.domain.detection import detect_all
from premortem.domain.ids import FactId, IncidentId, TenantId
from premortem.domain.project_stream import ProjectRecord, tick
from premortem.domain.timeline import IncidentDetected, IncidentFact, IncidentReopened, IncidentSuppressed
from premortem.exceptions import Malformed
from replay.postmortem import earliest, postmortem, story
from replay.postmortem.earliest import Earliest
from tests.builders import NOW
from tests.domain.detection.stream import DAY, HOUR, MINUTE, deployed, error, errors, history, mute, rule
from tests.replay.postmortem_story import facts, log_of, records, written
from tests.safety.corpus import CORPUS
from tests.workers.test_pull_request_body import HOSTILE, TEXTS, require_inert, tokens

GOLDEN = Path(__file__).with_name("postmortem.md")
FREE = {
    "agent", "branch", "by", "cap_reason", "commit", "culprit", "environment", "environments", "evidence_id",
    "function", "how", "mechanism", "name", "owner", "path", "quote", "reason", "release", "releases", "repository",
    "rule", "stage", "subject", "summary", "text", "title", "value", "what",
}  # fmt: skip
"""Fields that clients, models, authors of commits and persons fill."""


def test_a_whole_post_mortem_reads_as_it_was_kept() -> None:
    assert written(facts(), records()) == GOLDEN.read_text()


def test_the_same_log_gives_the_same_bytes_and_what_stands_twice_counts_once() -> None:
    told = facts()
    again = [*told[:9], told[4], *told[9:], told[-1]]
    (first, second) = (written(each, records()).splitlines() for each in (told, again))
    assert written(told, records()).splitlines() == first
    rows = [line.split(" | ")[:3] for line in first if line.startswith("| 2026")]
    assert rows == [line.split(" | ")[:3] for line in second if line.startswith("| 2026")]


def test_what_is_resolved_once_more_was_over_before() -> None:
    told = facts()
    again = replace(told[-1], id=FactId("again"), occurred_at=NOW + DAY)
    text = written([*told, again], records())
    assert "| Over | 2026-11-22 19:11:47 UTC, after 3 h 50 min |" in text
    assert text.count("| verdict: effective | resolved |") == 1
    assert "| resolved | resolved |" not in text


def test_an_incident_that_goes_on_gets_an_interim_word_that_says_so() -> None:
    text = written(facts()[:8], records())
    assert text.startswith("# Interim post-mortem: ")
    assert "**This incident is not over.** Its status is root cause proposed; the newest fact is of 2026-11-22" in text
    assert "It is not over." in text
    assert "| Over |" not in text


def test_an_incident_that_was_only_detected_says_what_is_not_known() -> None:
    text = written(facts()[:1], records())
    for said in (
        "no cause was proposed",
        "no blast radius is stored",
        "Nothing was proposed.",
        "No evidence was gathered.",
    ):
        assert said in text


def test_an_incident_that_the_log_does_not_know_is_refused() -> None:
    log = log_of(facts(), records())
    with pytest.raises(Malformed, match="knows no incident"):
        story(log, TenantId("acme"), IncidentId("nothing"))
    with pytest.raises(Malformed, match="of tenant 'other'"):
        story(log, TenantId("other"), facts()[0].incident_id)


# ------------------------------------------------------------------------------------------------ avoidable delay
def opened_by(sent: list[ProjectRecord]) -> tuple[list[IncidentFact], IncidentDetected]:
    told = [fact for fact in detect_all(enumerate(sent)) if fact.occurred_at >= NOW]
    (opened, *_) = (fact for fact in told if isinstance(fact, IncidentDetected))
    return [fact for fact in told if fact.incident_id == opened.incident_id], opened


def burst(start: int = NOW, minutes: int = 60) -> list[ProjectRecord]:
    return [*errors(60 * minutes, start, 1_000, first=5_000)]


def test_a_mute_costs_what_it_kept_silent() -> None:
    sent: list[ProjectRecord] = [*history(), mute(NOW - HOUR, NOW + 30 * MINUTE), *burst(), tick(NOW + DAY)]
    told, opened = opened_by(sent)
    found = earliest(log_of(told, sent), opened)
    assert [cost.what for cost in found.costs] == ["the mute of the error"]
    assert 25 * MINUTE <= found.avoidable <= 31 * MINUTE
    assert found.costs[0].milliseconds == found.avoidable
    assert found.could is not None
    assert found.could.event.offset > 25
    assert "**What persons had set cost " in written(told, sent)


def test_quiet_hours_cost_the_time_that_they_held_an_incident_back() -> None:
    midnight = NOW - NOW % DAY + DAY
    night = [rule(NOW, "quiet_from", 22 * 60), rule(NOW, "quiet_until", 6 * 60)]
    sent: list[ProjectRecord] = [
        *night,
        error(1, midnight + 2 * HOUR, handled=False),
        tick(midnight + 6 * HOUR),
        tick(midnight + 7 * HOUR),
    ]
    told, opened = opened_by(sent)
    found = earliest(log_of(told, sent), opened)
    assert [(cost.what, cost.milliseconds) for cost in found.costs] == [("the project's quiet hours", 4 * HOUR)]
    assert "| detection | told | **4 h** (the longest) |" in written(told, sent)


def test_two_gates_that_both_held_it_back_are_named_together() -> None:
    least = [rule(NOW - DAY, "minimum_users", 3), rule(NOW - DAY, "minimum_events", 3)]
    events = [error(n, NOW + n * 10 * MINUTE, handled=False, user_hash=f"user {n}") for n in range(5)]
    sent: list[ProjectRecord] = [*least, *events, tick(NOW + DAY)]
    told, opened = opened_by(sent)
    found = earliest(log_of(told, sent), opened)
    assert (found.costs, found.avoidable) == ((), 20 * MINUTE)
    assert found.settings == ("the rule minimum_users", "the rule minimum_events")
    assert "Without any of them alone it would have been told no earlier." in written(told, sent)


def test_what_held_nothing_back_costs_nothing() -> None:
    sent: list[ProjectRecord] = [rule(NOW - DAY, "minimum_events", 1), error(1, NOW, handled=False), tick(NOW + DAY)]
    told, opened = opened_by(sent)
    found = earliest(log_of(told, sent), opened)
    assert (found.avoidable, found.costs) == (0, ())
    assert "Nothing that a person had set held it back, though these were set: the rule minimum_events." in written(
        told, sent
    )


def test_what_was_told_of_the_error_before_does_not_count_as_told_of_this_incident() -> None:
    first = [error(0, NOW - 9 * DAY, handled=False, release="shop@1")]
    later = [*history(7, release="shop@1"), deployed(NOW - MINUTE, "shop@2"), *burst(), tick(NOW + DAY)]
    sent: list[ProjectRecord] = [rule(NOW - 10 * DAY, "sensitivity", 5.0), *first, *later]
    told, opened = opened_by(sent)
    found = earliest(log_of(told, sent), opened)
    assert found.first is not None
    assert (found.first.offset, found.avoidable) == (1, 0)


def test_a_rule_that_suppressed_it_costs_until_it_was_opened_again() -> None:
    told = facts()[:1]
    (opened,) = told
    assert isinstance(opened, IncidentDetected)
    who: dict[str, Any] = {name: getattr(opened, name) for name in ("incident_id", "tenant_id", "project_id")}
    hidden = IncidentSuppressed(**who, id="s", occurred_at=opened.occurred_at, reason="known", rule="bots", v=2)  # type: ignore[arg-type]
    again = IncidentReopened(**who, id="r", occurred_at=opened.occurred_at + 2 * HOUR, reason="it outgrew the rule")  # type: ignore[arg-type]
    assert "It was suppressed for 2 h" in written([opened, hidden, again], records())


# ------------------------------------------------------------------------------------------------------- inert
def poisoned(value: Any, texts: Iterator[str]) -> Any:
    match value:
        case dict():
            return {name: _poisoned_field(name, each, texts) for name, each in value.items()}
        case list():
            return [poisoned(each, texts) for each in value]
        case _:
            return value


def _poisoned_field(name: str, value: Any, texts: Iterator[str]) -> Any:
    if name == "result":
        return msgspec.json.encode(poisoned(msgspec.json.decode(value), texts)).decode()
    if name in FREE and isinstance(value, str) and not (name == "reason" and value in ("verified", "by_person")):
        return next(texts)
    if name in FREE and isinstance(value, list) and all(isinstance(each, str) for each in value):
        return [next(texts) for _ in value]
    return poisoned(value, texts)


def hostile(*texts: str) -> str:
    """Return the scripted incident's post-mortem, in which the texts take turns as the words that others choose."""
    turns = cycle([text.encode(errors="ignore").decode() for text in texts])
    told = [timeline.decode(msgspec.json.encode(poisoned(msgspec.to_builtins(fact), turns))) for fact in facts()]
    found = story(log_of(told, []), TenantId("acme"), IncidentId(told[0].incident_id))  # type: ignore[arg-type,union-attr]
    return postmortem(found, _earliest(), rules.settled)


@cache
def _earliest() -> Earliest:
    (opened, *_) = facts()
    assert isinstance(opened, IncidentDetected)
    return earliest(log_of([], records()), opened)


@settings(max_examples=8)
@given(TEXTS)
@example(HOSTILE[3])
def test_whatever_others_wrote_the_post_mortem_is_inert(text: str) -> None:
    require_inert(hostile(text))


def test_no_attempt_of_the_safety_corpus_is_more_than_text_in_a_post_mortem() -> None:
    require_inert(hostile(*(attempt.text for attempt in CORPUS)))


def test_every_hostile_text_is_inert_and_leaves_the_parts_as_they_are() -> None:
    def shape(markdown: str) -> list[str]:
        kinds = ("heading_open", "table_open", "tr_open", "td_open")
        return [token.type for token in tokens(markdown) if token.type in kinds]

    expected = shape(hostile("plain"))
    for text in HOSTILE:
        if len(text) < 1_000:
            rendered = hostile(text)
            require_inert(rendered)
            assert shape(rendered) == expected
