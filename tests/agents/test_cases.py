"""The benchmark's cases stay what they say: played with the real SDK, the true change is found, or what is missing."""

import pytest

from benchmarks.agents import outside, sparse, texts
from benchmarks.agents.case import Case
from benchmarks.agents.judging import judge

CASES = {case.name: case for case in (*outside.CASES, *sparse.CASES, *texts.CASES)}


@pytest.mark.parametrize("case", [CASES["latin"], CASES["new version"]], ids=lambda case: case.name)
def test_the_true_change_is_suspected_past_red_herrings(case: Case) -> None:
    found = judge(case)
    assert (found.suspect, found.right_file, found.false_confidence, found.newest) == (True, True, False, False)


def test_where_context_is_missing_it_is_named_and_instrumentation_would_supply_it() -> None:
    found = judge(CASES["a partner's answer"])
    assert (found.right_hypothesis, found.fix_verified, found.suspect) == (True, True, False)
