"""Moments and lengths of time as a person reads them, by arithmetic alone: no clock and no time zone but UTC."""

import re

_DAY_MS = 86_400_000
_ERA_DAYS, _ERA_YEARS = 146_097, 400
_LAST_MS = 253_402_300_799_999
"""The end of the year 9999; whatever claims to be later is shown as it."""
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,9}))?)?"
    r"(?:Z|([+-])([01]\d|2[0-3]):?([0-5]\d))?)?",
    re.ASCII,
)
_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"))


def utc(at: int) -> str:
    """Return milliseconds since 1970 UTC as `2026-11-25 03:12:07`; 1970 for what is earlier."""
    days, rest = divmod(min(max(at, 0), _LAST_MS), _DAY_MS)
    seconds = rest // 1000
    year, month, day = _date(days)
    return f"{year:04}-{month:02}-{day:02} {seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def parsed(text: str) -> int:
    """Return the milliseconds since 1970 UTC of `2026-11-25`, `2026-11-25T03:12`, `2026-11-25 03:12:07.250Z` or
    `2026-11-25T04:12+01:00`, in UTC when it names no zone; or of the milliseconds themselves.

    Raises ValueError, with the mend, for anything else.
    """
    if text.isascii() and text.isdigit() and 8 < len(text) < 16:
        return int(text)
    found = _ISO.fullmatch(text)
    days = _days(*(int(part) for part in found.group(1, 2, 3))) if found else None
    if found is None or days is None:
        raise ValueError(f"{text!r} is no time. Write it like 2026-11-25T03:12 (UTC), or with its zone.")
    hours, minutes, seconds, zone_hours, zone_minutes = (int(part or 0) for part in found.group(4, 5, 6, 9, 10))
    away = (zone_hours * 60 + zone_minutes) * (-1 if found[8] == "-" else 1)
    thousandths = int((found[7] or "").ljust(3, "0")[:3])
    return days * _DAY_MS + ((hours * 60 + minutes - away) * 60 + seconds) * 1000 + thousandths


def length(milliseconds: int) -> str:
    """Return a length of time by its two largest units: `2 d 3 h`, `4 min 10 s`, `8 s`; below a second `0.3 s`."""
    if milliseconds < 0:
        return f"-{length(-milliseconds)}"
    if milliseconds < 1_000:
        return f"{milliseconds // 100 / 10:g} s"
    for number, (size, unit) in enumerate(_UNITS):
        whole, rest = divmod(milliseconds, size)
        if whole:
            smaller = _UNITS[number + 1 : number + 2]
            less = [f"{rest // each} {name}" for each, name in smaller if rest // each]
            return " ".join([f"{whole} {unit}", *less])
    raise AssertionError("a second or more has a unit")


def _date(days: int) -> tuple[int, int, int]:
    """Return year, month and day of the days since 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms",
    2013: years that begin with March, in eras of 400).
    """
    era, of_era = divmod(days + 719_468, _ERA_DAYS)
    year_of_era = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    return year_of_era + era * _ERA_YEARS + (month <= 2), month, of_year - (153 * shifted + 2) // 5 + 1


def _days(year: int, month: int, day: int) -> int | None:
    """Return the days from 1970-01-01 to a date from then on, None when there is none: `_date` the other way."""
    shifted_year, shifted = year - (month <= 2), (month - 3) % 12
    era, of_era = divmod(shifted_year, _ERA_YEARS)
    of_year = (153 * shifted + 2) // 5 + day - 1
    days = era * _ERA_DAYS + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
    return days if days >= 0 and 1 <= month <= 12 and _date(days) == (year, month, day) else None
