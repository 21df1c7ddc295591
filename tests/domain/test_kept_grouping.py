"""What made the fingerprints of an event stays with it, in a size that no event can make large."""

import msgspec

from premortem.domain.fingerprint import Grouping, group, kept
from tests.domain.test_fingerprint import app, error, event, library, raised


def read_back(grouping: Grouping) -> Grouping | None:
    return kept.of_body(b'{"message":"x","_grouping":' + kept.encode(grouping) + b"}")


def test_a_grouping_is_read_back_from_the_body_as_it_was() -> None:
    grouping = raised(error(library("run"), app("pay"), library("get")))
    assert read_back(grouping) == grouping


def test_of_a_large_grouping_both_ends_stay_and_the_hashes_are_right() -> None:
    for grouping in (
        raised(error(*(app(f"f{n}", context_line="x" * 100) for n in range(2_000)))),
        group(event(fingerprint=("x" * 1024,) * 100)),
        group(event(message="語" * 8192)),
    ):
        assert len(kept.encode(grouping)) < 48 << 10
        found = read_back(grouping)
        assert found is not None
        assert found.hashes == grouping.hashes
        (whole,), (shown,) = grouping.variants, found.variants
        assert whole.values[0][1].startswith(shown.values[0][1][:160])
        assert whole.values[-1][1].startswith(shown.values[-1][1][:160])
    many = read_back(raised(error(*(app(f"f{n}") for n in range(2_000)))))
    assert many
    assert ("left out", "3953 values") in many.variants[0].values


def test_a_body_without_a_grouping_or_with_something_else_in_its_place_has_none() -> None:
    for body in (b"{}", b'{"_grouping":null}', b'{"_grouping":"mine"}', b'{"_grouping":{"version":1}}', b"no"):
        assert kept.of_body(body) is None


def test_nothing_else_stands_in_the_field() -> None:
    grouping = raised(error(app("pay")))
    assert set(msgspec.json.decode(kept.encode(grouping))) == {"version", "hashes", "variants"}
