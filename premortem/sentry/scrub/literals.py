"""Where the value after a secret name begins and ends, and whether it can be a secret at all.

`token = get_token()`, `password: required` and `secret=None` are code and prose: words are left alone where words are
likely, so that redaction does not eat what makes an error understandable.
"""

import re

from premortem.sentry.scrub.marks import MARK

_OPENING = re.compile(r"[bruf]{0,2}(?P<quote>\\*(?:\"\"\"|'''|[\"'`])|%22|&quot;)", re.IGNORECASE)
_BODIES = {q: re.compile(rf"(?:\\.|[^\\{q}]){{0,2048}}+(?={q})", re.DOTALL) for q in "\"'`"}
_LINE = re.compile(r"[^\n]*+")
_AFTER_A_CLOSING_QUOTE = frozenset("+,);.%& \n")
_LOOK_BACK = 256

_PLACEHOLDER = re.compile(
    rf"(?:\w+ )?(?:{MARK}|\{{[^{{}}]*\}}?|%\(\w+\)?s?|%[sdr])"
    r"|[*x•.…_\-?]+|<[^<>]*>|\$(?:\{[^{}]*\}?|\(.*|\d+)?|:\w+",
    re.IGNORECASE | re.DOTALL,
)
_WORDS = frozenset(
    (
        *("none", "null", "nil", "true", "false", "undefined", "nan", "empty", "missing", "required", "optional"),
        *("invalid", "valid", "incorrect", "wrong", "expired", "unknown", "failed", "failure", "denied", "default"),
        *("string", "str", "text", "int", "integer", "bool", "boolean", "object", "bytes", "any", "field", "value"),
        *("is", "are", "was", "were", "not", "no", "must", "should", "can", "cannot", "the", "this", "that", "too"),
        *("may", "will", "and", "or", "for", "of", "in", "on", "at", "to", "by", "with", "from", "as", "error", "eof"),
        *("ident", "identifier", "comma", "colon", "self", "request", "response", "session", "user", "basic", "bearer"),
        *("digest", "token", "password", "secret", "key", "redacted", "hidden", "masked", "removed", "filtered"),
        *("provided", "given", "found", "used", "set", "unset", "changed", "reset"),
    )
)
_NAME_LIKE = re.compile(
    "pass|pwd|secret|token|auth|cred|key|config|settings|session|cookie|environ|value", re.IGNORECASE
)
_RANDOM = re.compile(r"(?=(?:[^0-9]*[0-9]){3})(?=.*[A-Za-z])[0-9A-Za-z_\-+/=.]{16,}")
_SIGN = re.compile(r"[0-9!@#$%^*~+=?]")
_PATH = re.compile(r"(?:[.~]{0,2}/)?(?:[\w.\-]+/)+[\w.\-]+\.[a-z]{1,5}|[./~][\w./\-]*\.[a-z]{1,5}")


def quoted_secret(text: str, start: int, name_at: int | None, code: bool) -> tuple[int, int] | None:
    """Return the span of the quoted secret at `start`; an empty one if what is quoted is none; None if none is quoted.

    `name_at` is where a name without quotes begins: `"?token=" + token` closes a string and opens none.
    """
    opening = _OPENING.match(text, start)
    if opening is None:
        return None
    quote = opening["quote"]
    begin = opening.end()
    if name_at is not None and _closes(text, quote, name_at, begin):
        return begin, begin
    end = _closing(text, begin, quote)
    value = text[begin:end]
    return begin, end if _quoted_is_secret(value, code) else begin


def bare_secret(value: str, separator: str, strong: bool, following: str, code: bool) -> bool:
    """Say whether unquoted `value` is a secret. `strong` names (passwords) are believed where `token` is not."""
    if _PLACEHOLDER.fullmatch(value) or value.lower().strip(".:!?") in _WORDS or _PATH.fullmatch(value):
        return False
    calls = following in ("(", "[")
    if code:
        return not calls and _RANDOM.fullmatch(value) is not None
    tight = "%3" in separator or separator == "="
    if value.replace(".", "").isdigit():
        return len(value) >= (3 if strong else 6)
    if _SIGN.search(value):
        return not calls or len(value) > 12
    return _word_is_secret(value, tight, strong, following)


def _word_is_secret(value: str, tight: bool, strong: bool, following: str) -> bool:
    """Judge a value of letters alone: believed after `password=`, and after `password: ` if nothing follows it."""
    if following in ("(", "[") or _NAME_LIKE.search(value):
        return False
    if tight:
        return len(value) >= (3 if strong else 8)
    return strong and len(value) >= 5 and (not following or following in "\n\r,;}\"'")


def _quoted_is_secret(value: str, code: bool) -> bool:
    stripped = value.strip()
    if not stripped or _PLACEHOLDER.fullmatch(stripped) or stripped.lower() in _WORDS:
        return False
    return not code or " " not in stripped or _SIGN.search(stripped) is not None


def _closes(text: str, quote: str, name_at: int, begin: int) -> bool:
    """Say whether the quote before `begin` ends a string that began before the name at `name_at`."""
    before = text[max(0, name_at - _LOOK_BACK) : name_at].rpartition("\n")[2]
    following = text[begin : begin + 1]
    return before.count(quote) % 2 == 1 and (not following or following in _AFTER_A_CLOSING_QUOTE)


def _closing(text: str, begin: int, quote: str) -> int:
    """Return where the string ends: at its closing quote; at the end of the line if it was cut before that."""
    if quote in _BODIES:
        body = _BODIES[quote].match(text, begin)
        if body:
            return body.end()
    line = _LINE.match(text, begin)
    end = line.end() if line else len(text)
    if quote in _BODIES:
        return end
    found = text.find(quote, begin, begin + 4096)
    return found if found >= 0 else end
