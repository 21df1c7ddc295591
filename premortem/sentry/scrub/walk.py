"""The walk over a parsed value: every key is judged, every text is looked at when the whole gives reason to."""

from hashlib import blake2b
from typing import Any

from premortem.sentry.scrub.keys import Verdict, judge, remembered
from premortem.sentry.scrub.values import redact, suspects

_MARK = "[Filtered"
_SHORTEST = 6
"""No detector finds a secret in less text than this."""


class _Scrubber:
    """One scrubbing: the salt and what was found."""

    def __init__(self, salt: bytes) -> None:
        self._salt = salt[:64]
        self.places = 0

    def mark(self, kind: str, secret: str) -> str:
        self.places += 1
        if not self._salt:
            return f"{_MARK}:{kind}]"
        digest = blake2b(secret.encode("utf-8", "replace"), key=self._salt, digest_size=4).hexdigest()
        return f"{_MARK}:{kind}:{digest}]"

    def walk(self, root: Any) -> Any:
        """Judge every key, then look at every text that is left; returns the root."""
        holder: list[Any] = [root]
        stack: list[Any] = [holder]
        texts: list[str] = []
        places: list[tuple[Any, Any]] = []
        known = remembered.get
        while stack:
            container = stack.pop()
            if type(container) is dict:
                entries: Any = container.items()
            else:
                self._pairs(container)
                entries = enumerate(container)
            by_key = type(container) is dict
            for key, value in entries:
                if by_key:
                    verdict = known(key) or judge(key)
                    if verdict != "safe":
                        container[key] = self._take_out(verdict, value)
                        continue
                kind = type(value)
                if kind is str:
                    if len(value) >= _SHORTEST:
                        texts.append(value)
                        places.append((container, key))
                elif kind is dict or kind is list:
                    stack.append(value)
        for index in suspects(texts):
            container, key = places[index]
            container[key] = redact(texts[index], self.mark)
        return holder[0]

    def _pairs(self, container: list[Any]) -> None:
        """Judge [key, value]: headers, cookies, tags and query strings come as lists of such pairs."""
        if len(container) == 2 and type(container[0]) is str and type(container[1]) is str:
            verdict = judge(container[0])
            if verdict != "safe":
                container[1] = self._take_out(verdict, container[1])

    def _take_out(self, verdict: Verdict, value: Any) -> Any:
        """Return what stays in the place of a value under a secret key; the kind of container is kept."""
        if value is None or value == "" or (isinstance(value, str) and value.startswith(_MARK)):
            return value
        if isinstance(value, bool) or (isinstance(value, int | float) and verdict == "secret text"):
            return value
        kind = "removed" if verdict == "removed" else "key"
        if isinstance(value, dict):
            return (
                {name: self._take_out("secret", entry) for name, entry in value.items()} if verdict != "removed" else {}
            )
        if isinstance(value, list):
            return [self._take_out("secret", entry) for entry in value] if verdict != "removed" else []
        return self.mark(kind, value if isinstance(value, str) else str(value))


def scrub(value: Any, *, salt: bytes = b"") -> tuple[Any, int]:
    """Return `value` without its secrets, and in how many places something was taken out.

    `value` is what `json_body.loads` gives (text, numbers, lists and dicts); it is changed in place. Keys of dicts and
    [key, value] pairs of texts are judged by `keys.judge`, every text by `values.redact`. Scrubbing twice changes no
    more than once.
    """
    scrubber = _Scrubber(salt)
    return scrubber.walk(value), scrubber.places
