"""Messages without what changes from one event to the next: numbers, ids, dates and addresses become their kind.

One alternation, first match wins, in Sentry's order (August 2024). The text is cut first, and every part is bounded, so
that no message costs more than its length.
"""

import re
from functools import lru_cache

LONGEST = 8192
_LINES = 2

_DATE = r"""
    (?:\d{4}-?[01]\d-?[0-3]\d\s(?:[0-2]\d:[0-5]\d:[0-5]\d)(?:\.\d+)?)
  | (?:(?:\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z(?:\d\d:\d\d)?|[+-]\d\d:?\d\d)?)
     | (?:\d{4}-[01]\d-[0-3]\d(?:[T ][0-2]\d:[0-5]\d(?::[0-5]\d(?:\.\d+)?)?)?))
  | (?:\b(?:(?:Sun|Mon|Tue|Wed|Thu|Fri|Sat)\s{1,4})?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\s{1,4}
       \d{1,2}\s{1,4}\d\d:\d\d:\d\d\s{1,4}\d{4})
  | (?:\b(?:Sun|Mon|Tue|Wed|Thu|Fri|Sat)(?:urday|nesday|rsday|sday|day)?,?\s
       (?:\d{1,2}[\s-])?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)(?:\s\d{1,2},)?[\s-]
       (?:\d{4}|\d{2})(?:\s[0-2]\d:[0-5]\d(?::[0-5]\d)?(?:\s(?:[A-Z]{1,5}|[+-]\d{4}))?)?)
  | (?:\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\s[0-3]?\d,\s\d{4})
  | (?:\b[0-2]?\d:[0-5]\d(?::[0-5]\d)?(?:\.\d+)?(?:AM|PM|am|pm)?\b)
  | (?:datetime\.datetime\([^)\n]{0,200}\))
"""
_TLDS = (
    "com|net|org|edu|gov|mil|int|io|dev|app|co|uk|de|fr|jp|cn|in|br|au|ru|info|biz|me|tv|us|ca|eu|nl|se|no|fi|es|it|ch"
    "|at|be|pl|cz|ai|cloud|xyz"
)

_PARTS = (
    ("email", r"[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-zA-Z0-9-]{1,63}(?:\.[a-zA-Z0-9-]{1,63}){0,8}"),
    ("url", r"\b(?:wss?|https?|ftp)://[^\s]{1,2048}"),
    ("hostname", r"\b(?:[A-Za-z0-9\-]{1,63}\.){1,4}(?:(?i:" + _TLDS + r"))\b"),
    (
        "ip",
        r"""(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}|(?:[0-9a-fA-F]{1,4}:){1,7}:(?:[0-9a-fA-F]{1,4})?
        |(?:[0-9a-fA-F]{1,4}:){1,6}:[0-9a-fA-F]{1,4}|::(?:[0-9a-fA-F]{1,4}:){0,6}[0-9a-fA-F]{1,4}
        |\b(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\b""",
    ),
    ("uuid", r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b"),
    ("sha1", r"\b[0-9a-fA-F]{40}\b"),
    ("md5", r"\b[0-9a-fA-F]{32}\b"),
    ("date", _DATE),
    ("duration", r"\b(?:\d+ms|\d+\.\d+s|\d+s)\b"),
    ("hex", r"\b0[xX][0-9a-fA-F]+\b"),
    ("float", r"-\d+\.\d+\b|\b\d+\.\d+\b"),
    ("int", r"-\d+\b|\b\d+\b"),
    ("quoted_str", r"""(?<==)(?:'[^'\\]*+(?:\\.[^'\\]*+)*+'|"[^"\\]*+(?:\\.[^"\\]*+)*+")"""),
    ("bool", r"(?<==)(?:True|true|False|false)\b"),
)
_PATTERN = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _PARTS), re.VERBOSE)
_MAY_CHANGE = re.compile(r"""[0-9@]|://|\.[A-Za-z]|::|=['"TtFf]|:[0-9a-fA-F]|[a-fA-F]{8}""")
"""What every part needs some of: a text without any of it stays as it is."""


@lru_cache(maxsize=2048)
def normalise_message(text: str) -> str:
    """Return the message as it is grouped by: its first two lines that are not blank, parameterised."""
    lines = [line for line in text[:LONGEST].splitlines() if line.strip()]
    kept = "\n".join(lines[:_LINES])
    if len(lines) > _LINES:
        kept += "..."
    return parameterise(kept)


def parameterise(text: str) -> str:
    """Return `text` with every part that varies replaced by `<kind>`."""
    if not _MAY_CHANGE.search(text):
        return text
    return _PATTERN.sub(lambda match: f"<{match.lastgroup}>", text)
