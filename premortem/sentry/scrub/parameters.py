"""Parameters of messages, as secrets: by the place that they fill in a template, and all of them where one is."""

import re
from itertools import cycle
from typing import Any

from premortem.sentry.scrub.hint import suspects
from premortem.sentry.scrub.marks import Mark, is_mark
from premortem.sentry.scrub.text import redact

_PLACE = re.compile(r"%(?:\(\w{1,100}\))?[#0+\-]{0,4}[0-9.*]{0,8}[a-zA-Z@]|\{[^{}]{0,100}\}")
"""A place of printf, of `str.format`, or of the loggers of .NET and Java."""
_PROBE = "Zq7-probe{}-4xK9"
"""What no rule takes for anything but a secret, where one belongs."""
_PROBES = tuple(map(_PROBE.format, range(50)))
"""In a template of more places several share one, and count as secret together."""
_NONE: frozenset[int] = frozenset()


def redact_whole(text: str, mark: Mark) -> str:
    """Return a text that was put together from scrubbed parts without the secrets that show only in the whole."""
    return redact(text, mark) if any(True for _ in suspects((text,))) else text


def secret_places(template: str) -> frozenset[int]:
    """Return where the places of `template` begin that are for secrets, whatever comes to stand there."""
    places = [match.start() for match in _PLACE.finditer(template)]
    if not places:
        return _NONE
    probes = cycle(_PROBES)
    probed = _PLACE.sub(lambda _: next(probes), template)
    redacted = redact_whole(probed, lambda kind, _: f"[Filtered:{kind}]")
    if redacted == probed:
        return _NONE
    gone = {probe for probe in _PROBES[: len(places)] if redacted.count(probe) < probed.count(probe)}
    return frozenset(place for place, probe in zip(places, cycle(_PROBES), strict=False) if probe in gone)


def mark_all(value: Any, mark: Mark) -> Any:
    """Return `value` with a mark in the place of every text and number in it; changed in place where it is a container.

    A mark stays, and so does what says nothing: null, true, false and the empty text.
    """
    holder = [value]
    waiting: list[Any] = [holder]
    while waiting:
        container = waiting.pop()
        for place, inner in container.items() if type(container) is dict else enumerate(container):
            if type(inner) is dict or type(inner) is list:
                waiting.append(inner)
            elif inner is not None and type(inner) is not bool and inner != "" and not _is_marked(inner):
                container[place] = mark("key", str(inner))
    return holder[0]


def _is_marked(value: object) -> bool:
    return type(value) is str and is_mark(value)
