"""Templates of messages, filled in: `took %s s`, `%(user)s is gone`, `order {} failed`. Without secrets.

`password=%s` makes a secret of what is filled in, whatever that looks like by itself. And what is put together from
parts that were scrubbed one by one is scrubbed again as a whole.
"""

import re
from collections.abc import Iterator
from typing import Any

from premortem.sentry.event_payload import text
from premortem.sentry.scrub import Mark
from premortem.sentry.scrub.parameters import redact_whole, secret_places

_NAMED = re.compile(r"%\((\w{1,100})\)[sdrf]")
_PRINTF = re.compile(r"%[sdifr]|%%")
_BRACES = re.compile(r"\{\}")
_MOST_NAMED = 50


def fill(template: str, params: Any, mark: Mark) -> tuple[str, bool]:
    """Return the template filled in as far as the parameters go, and whether one of them is a secret.

    `params` is a list or a dict; a template that does not fit stays. A secret parameter is a mark in the text.
    """
    filling = _Filling(secret_places(template), mark)
    filled = redact_whole(filling.fill(template, params), mark)
    return filled, bool(filling.secret) or "[Filtered" in filled


class _Filling:
    """One filling in: the places (by where they begin) that are for secrets, and the marks."""

    __slots__ = ("_mark", "secret")

    def __init__(self, secret: frozenset[int], mark: Mark) -> None:
        self.secret, self._mark = secret, mark

    def fill(self, template: str, params: Any) -> str:
        if isinstance(params, list):
            rest = iter(params)
            if "%" in template:
                return _PRINTF.sub(lambda m: "%" if m[0] == "%%" else self._next(rest, m), template)
            if template.count("{}") == len(params):
                return _BRACES.sub(lambda m: self._next(rest, m), template)
        if isinstance(params, dict):
            # Few places, each with a short text: a template that names one long value often would grow without bound.
            short = {name: text.plain(value) if isinstance(value, str) else value for name, value in params.items()}
            return _NAMED.sub(lambda m: self._shown(short.get(m[1], m[0]), m), template, _MOST_NAMED)
        return template

    def _next(self, rest: Iterator[Any], match: re.Match[str]) -> str:
        return self._shown(next(rest, match[0]), match)

    def _shown(self, value: Any, match: re.Match[str]) -> str:
        shown = str(value if isinstance(value, str | int | float) else text.plain(value))
        says_something = value is not None and not isinstance(value, bool) and value != match[0]
        return self._mark("key", shown) if match.start() in self.secret and says_something else shown
