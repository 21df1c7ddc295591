"""Secrets are taken out of every place, in every notation; a mark says what was there."""

from typing import Any

import orjson
import pytest

from premortem.sentry.scrub import scrub
from tests.sentry.scrub_secrets import INNER, NOTATIONS, PASSWORDS, PLACES, TOKENS


def _left(value: Any, secret: str) -> bool:
    """Say whether `secret` can still be read in what was kept."""
    scrubbed, places = scrub(value)
    kept = orjson.dumps(scrubbed).decode()
    return secret in kept or orjson.dumps(secret).decode()[1:-1] in kept or places == 0


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", TOKENS)
def test_a_token_known_by_its_look_is_taken_out_everywhere(kind: str, place: str) -> None:
    token = TOKENS[kind]
    for text in (token, f"could not use {token} here", f"value='{token}'", f"({token}),", f"x\n{token}\ny"):
        assert not _left(PLACES[place](text), INNER.get(kind, token)), text


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_named_secret_is_taken_out_everywhere(notation: str, place: str) -> None:
    for password in PASSWORDS:
        text = NOTATIONS[notation] % password
        assert not _left(PLACES[place](text), password), text
