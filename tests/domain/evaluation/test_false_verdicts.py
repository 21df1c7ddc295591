"""Errors that come in bursts are not called fixed when nothing changed, and are when they are gone."""

import numpy as np
import pytest

from benchmarks.evaluation import Case, drawn, final, plainly

_KEYS = 30


@pytest.mark.parametrize("law", ["poisson", "phi 5", "clusters of 20", "wander 40 %"])
def test_hardly_ever_is_an_error_called_fixed_that_only_pauses(law: str) -> None:
    rng = np.random.default_rng(20261125)
    case = Case(law, 20.0, 24.0 * 3, "sessions")
    keys = [drawn(rng, case, 1.0)[1:] for _ in range(_KEYS)]
    effective = sum(final(slots, before, silent=False)[0].effect == "effective" for before, slots in keys)
    assert effective <= 1
    assert sum(plainly(slots, before) for before, slots in keys) > _KEYS / 4  # what a plain test would have said


def test_an_error_that_fell_to_a_tenth_is_called_fixed() -> None:
    rng = np.random.default_rng(20261125)
    case = Case("phi 5", 20.0, 24.0 * 3, "sessions")
    keys = [drawn(rng, case, 0.1)[1:] for _ in range(_KEYS)]
    assert sum(final(slots, before, silent=False)[0].effect == "effective" for before, slots in keys) >= 0.9 * _KEYS
