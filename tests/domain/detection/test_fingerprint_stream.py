"""The stream of the fingerprints' benchmark: few are active, at the same rates whatever their number."""

from collections import Counter

import pytest

from benchmarks.fingerprint_stream import Stream, hashes


@pytest.mark.parametrize("count", [400, 4_000])
def test_each_fingerprint_is_seen_and_an_active_one_as_often_in_any_stream(count: int) -> None:
    stream = Stream(count, per_hour=5.0)
    seen = Counter(event.hashes for event in stream.begin(20.0))
    active = {hashes(number) for number in range(0, count, 20)}
    assert {seen[hashes(number)] for number in range(count) if number % 20} == {1}
    assert sum(seen[each] for each in active) / len(active) == pytest.approx(100, rel=0.1)
    before = stream.hours
    again = Counter(event.hashes for event in stream.go_on(count))
    assert sum(times for each, times in again.items() if each not in active) == count // 50
    assert stream.hours - before == pytest.approx(count / (5.0 * len(active)), rel=0.1)
