"""Grouping agrees with Sentry's own code on the corpora beside the repository; what differs stands here with why.

Config newstyle:2023-01-11. The tables are exact: an entry that begins to agree, or a new disagreement, fails the test.
"""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from premortem.domain.fingerprint import Grouping, explain, group
from premortem.domain.fingerprint.messages import normalise_message
from premortem.sentry.event_payload import normalise

NOW = 1_795_360_907_000
CONFIG = "newstyle@2023_01_11"

PROJECT_RULES = "the input brings project rules of its own, which are not read"
HASHES_THAT_DIFFER = {
    "native-limit-frames": PROJECT_RULES,
    "python-grouping-enhancer-away-from-crash": PROJECT_RULES,
    "python-grouping-enhancer-towards-crash": PROJECT_RULES,
    "stacktrace-negated-match": PROJECT_RULES,
    "stacktrace-rust": PROJECT_RULES,
    "stacktrace-rust2": PROJECT_RULES,
}
PAIRS_THAT_DIFFER = {
    ("native-complex-function-names.json", "native-limit-frames.json"): PROJECT_RULES,
    ("native-limit-frames.json", "native-unlimited-frames.json"): PROJECT_RULES,
    ("python-grouping-enhancer-away-from-crash.json", "python-grouping-enhancer-towards-crash.json"): PROJECT_RULES,
    ("stacktrace-enforce-min-frames.json", "stacktrace-negated-match.json"): PROJECT_RULES,
    ("stacktrace-enforce-min-frames.json", "stacktrace-rust2.json"): PROJECT_RULES,
}


def grouping(event: dict[str, Any]) -> Grouping:
    _, typed = normalise(json.loads(json.dumps(event)), event_id="0" * 32, received_at=NOW)
    return group(typed)


@lru_cache
def inputs(shared: Path) -> dict[str, Grouping]:
    return {
        f.name: grouping(json.loads(f.read_text())) for f in sorted((shared / "sentry/grouping/inputs").glob("*.json"))
    }


def same(one: Grouping, other: Grouping) -> bool:
    return bool(set(one.hashes) & set(other.hashes))


def test_hashes_of_sentrys_own_inputs_are_the_same(shared_data: Path) -> None:
    snapshots = json.loads((shared_data / "sentry/grouping/snapshot_hashes.json").read_text())
    differing = set()
    for name, found in inputs(shared_data).items():
        stem = name.removesuffix(".json")
        wanted = snapshots.get(stem.replace("-", "_")) or snapshots[stem]
        if {value for value in wanted[CONFIG].values() if value} != set(found.hashes):
            differing.add(stem)
    assert differing == set(HASHES_THAT_DIFFER)


def test_what_is_said_to_bring_rules_of_its_own_does(shared_data: Path) -> None:
    for stem in HASHES_THAT_DIFFER:
        event = json.loads((shared_data / f"sentry/grouping/inputs/{stem}.json").read_text())
        assert event["_grouping"]["enhancements"], stem
    for pair in PAIRS_THAT_DIFFER:
        assert {name.removesuffix(".json") for name in pair} & set(HASHES_THAT_DIFFER), pair


def test_pairs_are_judged_as_sentry_judges_them(shared_data: Path) -> None:
    pairs = json.loads((shared_data / "sentry/grouping/pairs.json").read_text())
    found = inputs(shared_data)
    judged = [(p["a"], p["b"], True) for p in pairs["same"]] + [
        (p["a"], p["b"], False) for p in pairs["different_near"]
    ]
    wrong = {(a, b) for a, b, together in judged if same(found[a], found[b]) != together}
    assert wrong == set(PAIRS_THAT_DIFFER)
    assert len(wrong) <= 0.03 * len(judged)


def test_a_changed_event_groups_as_sentrys_code_groups_it(shared_data: Path) -> None:
    rows = [json.loads(line) for line in (shared_data / "sentry/grouping/mutations.jsonl").read_text().splitlines()]
    bases = {row["base"]: grouping(row["event"]) for row in rows if row["verdict"] == "base"}
    hashes, verdicts = set(), set()
    for row in rows:
        found = grouping(row["event"])
        if {value for value in row["hashes"].values() if value} != set(found.hashes):
            hashes.add((row["base"], row["mutation"]))
        if row["verdict"] != "base" and same(found, bases[row["base"]]) != (row["verdict"] == "same"):
            verdicts.add((row["base"], row["mutation"]))
    assert hashes == set()
    assert verdicts == set()


def test_worked_examples_hash_to_what_sentry_published(shared_data: Path) -> None:
    from premortem.domain.fingerprint.variants import hash_of

    for example in json.loads((shared_data / "sentry/grouping/worked_examples.json").read_text()):
        assert hash_of(example["values_in_order"]) == example["md5"]


def test_messages_are_parameterised_as_sentry_does(shared_data: Path) -> None:
    tables = json.loads((shared_data / "sentry/grouping/parameterization_cases.json").read_text())["tables"]
    rows = [row for table in tables.values() for row in table if row.get("actual_normalize_message") is not None]
    assert len(rows) > 80
    differing = {row["input"] for row in rows if normalise_message(row["input"]) != row["actual_normalize_message"]}
    assert differing == set()


@pytest.mark.parametrize("name", ["actix.json", "java-chained.json"])
def test_a_grouping_can_be_explained(shared_data: Path, name: str) -> None:
    text = explain(inputs(shared_data)[name])
    assert "function:" in text
    assert inputs(shared_data)[name].hashes[0] in text
