"""The marks that stay where a secret was: `[Filtered:kind]`, or `[Filtered:kind:1a2b3c4d]` under a salt."""

import re
from collections.abc import Callable
from hashlib import blake2b

Mark = Callable[[str, str], str]
"""(kind, secret) -> what is put in its place."""

MARK = r"\[Filtered(?::[a-z-]{1,20}(?::[0-9a-f]{8})?)?\]"
"""A mark of ours, or the `[Filtered]` of a Sentry SDK."""
_IS_MARK = re.compile(MARK)


def is_mark(text: str) -> bool:
    """Say whether `text` is one mark and nothing else."""
    return _IS_MARK.fullmatch(text) is not None


class Marker:
    """Makes marks and counts them. Under a salt, equal secrets give equal marks, and none can be guessed back."""

    __slots__ = ("_salt", "places")

    def __init__(self, salt: bytes) -> None:
        self._salt = salt if len(salt) <= 64 else blake2b(salt).digest()
        self.places = 0

    def __call__(self, kind: str, secret: str) -> str:
        """Return the mark for `secret` and count one place."""
        self.places += 1
        if not self._salt:
            return f"[Filtered:{kind}]"
        digest = blake2b(secret.encode("utf-8", "surrogatepass"), key=self._salt, digest_size=4).hexdigest()
        return f"[Filtered:{kind}:{digest}]"
