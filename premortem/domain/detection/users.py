"""Users: how many distinct users an error has, in a bitmap of 512 bits whatever their number.

Linear counting (Whang, Vander-Zanden, Taylor: A linear-time probabilistic counting algorithm for database applications,
ACM TODS 15(2), 1990): each user sets one bit, and of m bits with V still zero the number of users is m ln(m / V).
The bitmap is a plain integer. A user added twice, or in another order, leaves the same one; a union is `|`.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from zlib import crc32

BITS = 512
"""Standard error sqrt(m (e^t - t - 1)) / n for n = t m users: 0.3 of 10, 3 of 100, 46 of 1,000, 254 of 2,500."""
PERIOD_MINUTES = 240
"""As long as the detector's widest window: the period before and the open one always cover it."""
_DENSE = BITS // 8
_FEW = 12
"""To find so many bits takes as long as all else that is packed of a fingerprint."""
_ESTIMATES = tuple(round(BITS * math.log(BITS / max(BITS - ones, 0.5))) for ones in range(BITS + 1))
SATURATED = _ESTIMATES[-1]
"""What a full bitmap says (half a bit is taken to be zero), 3,549: that many users, or any number above."""


@lru_cache(maxsize=1024)
def _bit(user_hash: str) -> int:
    """Return the user's bitmap; an event's user is counted in several places."""
    return 1 << crc32(user_hash.encode()) % BITS


def add(bitmap: int, user_hash: str) -> int:
    """Return the bitmap with the user in it."""
    return bitmap | _bit(user_hash)


def estimate(bitmap: int) -> int:
    """Return the number of distinct users, rounded.

    One user is always 1, and two are 2 but for one pair in 512, which share their bit and are 1.
    """
    return _ESTIMATES[bitmap.bit_count()]


def pack(bitmap: int) -> bytes:
    """Return the bitmap as bytes: two for each bit while they are few, else 64."""
    if bitmap.bit_count() > _FEW:
        return bitmap.to_bytes(_DENSE, "little")
    places = bytearray()
    while bitmap:
        lowest = bitmap & -bitmap
        places += (lowest.bit_length() - 1).to_bytes(2, "little")
        bitmap ^= lowest
    return bytes(places)


def unpack(value: bytes) -> int:
    """Return what `pack` was given."""
    if len(value) == _DENSE:
        return int.from_bytes(value, "little")
    return sum(1 << int.from_bytes(value[i : i + 2], "little") for i in range(0, len(value), 2))


class UsersWindow:
    """The distinct users of the open period and the one before it; minutes since 1970 UTC, periods of four hours."""

    __slots__ = ("before", "now", "period")

    def __init__(self) -> None:
        self.period = 0
        self.now = 0
        self.before = 0

    def add(self, minute: int, user_hash: str) -> None:
        """Count a user; one of an older period than the two is passed over."""
        period = minute // PERIOD_MINUTES
        if period == self.period:
            self.now |= _bit(user_hash)
            return
        if period > self.period:
            self.before = self.now if period == self.period + 1 else 0
            self.now = 0
            self.period = period
        if period == self.period:
            self.now = add(self.now, user_hash)
        elif period == self.period - 1:
            self.before = add(self.before, user_hash)

    def estimate(self, minute: int) -> int:
        """Return the distinct users of the two periods up to `minute`: of the last four to eight hours."""
        ahead = minute // PERIOD_MINUTES - self.period
        if ahead > 1:
            return 0
        return estimate(self.now if ahead == 1 else self.now | self.before)

    def pack(self) -> list[Any]:
        """Return the state as plain values."""
        return [self.period, pack(self.now), pack(self.before)]

    @classmethod
    def unpack(cls, fields: Sequence[Any]) -> "UsersWindow":
        """Return what `pack` gave."""
        window = cls()
        window.period, window.now, window.before = fields[0], unpack(fields[1]), unpack(fields[2])
        return window
