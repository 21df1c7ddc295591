"""Likeness of incidents: hashed features of a stack as a vector of 256 whole numbers. Pure, and the same everywhere.

The hashing trick with signs: a feature adds its weight, or takes it away, at one of 256 places, both chosen by its
SHA-256, so that what collides cancels out on average. Source: Weinberger et al. 2009, "Feature Hashing".
"""

import hashlib
import math
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

DIMENSIONS = 256
_MOST_FRAMES, _MOST_WORDS = 12, 20
_TYPE, _FRAME, _CALL, _WORD = 4, 3, 2, 1
"""Weights: an exception's type, a frame, who called whom, a word of the message."""
_WORDS = re.compile(r"[A-Za-z_]{3,40}")

Vector = tuple[int, ...]


def vector(types: Sequence[str], frames: Sequence[tuple[str, str]], message: str) -> Vector:
    """Return the vector of a failure: its exceptions' types, its frames (file or module, function) from the oldest
    call on, and its message. All zeros for a failure that says nothing.
    """
    places = [0] * DIMENSIONS
    for feature, weight in _features(types, frames, message):
        digest = hashlib.sha256(feature.encode(errors="replace")).digest()
        places[digest[0]] += weight if digest[1] & 1 else -weight
    return tuple(places)


def similarity(one: Sequence[int], other: Sequence[int]) -> float:
    """Return the cosine of two vectors, rounded to 0.01; 0 when one is all zeros."""
    lengths = math.isqrt(sum(each * each for each in one) * sum(each * each for each in other) * 10**8)
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    return round(dot * 10_000 / lengths, 2) if lengths else 0.0


def _features(types: Sequence[str], frames: Sequence[tuple[str, str]], message: str) -> Iterator[tuple[str, int]]:
    for name in dict.fromkeys(types):
        yield f"type\0{name}", _TYPE
    places = [f"{_short(file)}\0{function}" for file, function in frames[-_MOST_FRAMES:]]
    for place in dict.fromkeys(places):
        yield f"frame\0{place}", _FRAME
    for caller, called in dict.fromkeys(pairwise(places)):
        yield f"call\0{caller}\0{called}", _CALL
    for word in list(dict.fromkeys(word.lower() for word in _WORDS.findall(message[:2_000])))[:_MOST_WORDS]:
        yield f"word\0{word}", _WORD


def _short(file: str) -> str:
    """Return a path's last two names: where it is installed tells nothing."""
    return "/".join(file.replace("\\", "/").split("/")[-2:])
