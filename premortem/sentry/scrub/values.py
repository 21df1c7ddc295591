"""Which pieces of text are secrets by their own look. Linear time: RE2, and inputs that were cut before."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any

import re2

Mark = Callable[[str, str], str]
"""(kind, secret) -> what is put in its place."""

_NAMES = (
    r"pass(?:word|wd|phrase)|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|auth[_-]?key|"
    r"credentials?|session[_-]?id|csrf[_-]?token|authorization"
)
_VENDORS = (
    r"\b(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{16}\b"  # AWS
    r"|\bgh[pousr]_[0-9A-Za-z]{30,}\b|\bgithub_pat_[0-9A-Za-z_]{30,}\b"
    r"|\bglpat-[0-9A-Za-z_\-]{20,64}"
    r"|\bxox[abeoprs]-[0-9A-Za-z\-]{10,}|\bxapp-[0-9A-Za-z\-]{10,}"
    r"|\bsk-(?:ant-|proj-|svcacct-|live-)?[0-9A-Za-z_\-]{20,}"
    r"|\b[spr]k_(?:live|test)_[0-9A-Za-z]{10,}|\bwhsec_[0-9A-Za-z+/=]{20,}"
    r"|\bAIza[0-9A-Za-z_\-]{35}\b|\bya29\.[0-9A-Za-z_\-]{20,}|\bGOCSPX-[0-9A-Za-z_\-]{20,64}"
    r"|\bnpm_[0-9A-Za-z]{36}\b|\bpypi-[0-9A-Za-z_\-]{40,}"
    r"|\bSG\.[0-9A-Za-z_\-]{16,32}\.[0-9A-Za-z_\-]{30,64}"
    r"|\bdop_v1_[0-9a-f]{64}\b|\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b|\bhf_[0-9A-Za-z]{30,64}\b"
    r"|\bdckr_pat_[0-9A-Za-z_\-]{20,64}|\beyJrIjoi[0-9A-Za-z=]{30,}|\bhvs\.[0-9A-Za-z_\-]{20,}"
    r"|\bAccountKey=[0-9A-Za-z+/=]{40,}|\bsntrys_[0-9A-Za-z+/=_]{30,}|\btfp_[0-9A-Za-z]{30,80}"
    r"|\b[0-9]{8,10}:AA[0-9A-Za-z_\-]{32,36}\b|\blin_api_[0-9A-Za-z]{30,64}|\bFLWSECK-[0-9A-Za-z\-]{20,64}"
)
_JWT = r"\beyJ[0-9A-Za-z_\-]{8,}\.[0-9A-Za-z_\-]{8,}\.[0-9A-Za-z_\-]*"
_PEM = r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_URL = r"[a-zA-Z][a-zA-Z0-9+.\-]{1,30}://[^\s/:@\"'<>?#\\]*:[^\s/@\"'<>\\]+@"
_SCHEME = r"(?i)\b(?:bearer|basic|token|digest)\s+[0-9A-Za-z_\-.~+/=]{12,}"
_QUERY = r"(?i)[?&;](?:[\w.\-\[\]%]{0,40}(?:" + _NAMES + r")|sig|signature|code|key|jwt|auth)=[^&\s\"'<>#\[\\]+"
_ASSIGNED = r"(?i)(?:" + _NAMES + r")[\w\-]{0,20}(?:\\?[\"'])?\s{0,4}(?:=>|[:=])\s{0,4}(?:[bruf]?\\?[\"'])?[^\s\"'\\\[]"
_COOKIE = r"(?i)\b(?:set-)?cookie\s{0,2}[:=]\s{0,2}[^\s\[]"
_CARD = r"(?:^|[^0-9A-Za-z.\-_])[3-6](?:[ \-]?[0-9]){12,18}(?:$|[^0-9A-Za-z_\-])"

_HINT = re2.compile(
    "|".join(f"(?:{p})" for p in (_VENDORS, _JWT, _PEM, _URL, _SCHEME, _QUERY, _ASSIGNED, _COOKIE, _CARD)).encode()
)
"""Matches every text that any detector below could change, and some more."""

_PEM_BLOCK = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:(?!-----END)[\s\S])*+(?:-----END[A-Z0-9 ]*-----)?"
)
_URL_SECRET = re.compile(r"(://[^\s/:@\"'<>?#\\]{0,256}:)([^\s/@\"'<>\\]{1,256})@")
_SCHEME_SECRET = re.compile(r"(?i)\b((?:bearer|basic|token|digest)\s+)([0-9A-Za-z_\-.~+/=]{12,})")
_QUERY_SECRET = re.compile(
    r"(?i)([?&;](?:[\w.\-\[\]%]{0,40}?(?:" + _NAMES + r")|sig|signature|code|key|jwt|auth)=)([^&\s\"'<>#\[\\]+)"
)
_QUOTED = re.compile(
    r"(?i)((?:"
    + _NAMES
    + r")[\w\-]{0,20}(?:\\?[\"'])?\s{0,4}(?:=>|[:=])\s{0,4}[bruf]?(\\?[\"']))((?:(?!\2)[^\n\[]){3,}?)(?=\2)"
)
_BARE = re.compile(
    r"(?i)((?:"
    + _NAMES
    + r")[\w\-]{0,20}(?:\\?[\"'])?\s{0,4}(?:=>|[:=])\s{0,4})([0-9A-Za-z_\-+/=.!@#$%^*~]{4,})(?![\w(\[.])"
)
_COOKIE_SECRET = re.compile(r"(?i)\b((?:set-)?cookie\s{0,2}[:=]\s{0,2})([^\s\[\"'][^\n\"'\[]{2,})")
_CARD_DIGITS = re.compile(r"(?<![0-9A-Za-z.\-_])[3-6](?:[ \-]?[0-9]){12,18}(?![0-9A-Za-z_\-])")
_VENDOR_SECRET = re2.compile(_VENDORS)
_JWT_SECRET = re2.compile(_JWT)
_HAS_DIGIT = re.compile(r"[0-9!@#$%^*~]")
_PLACEHOLDER = re.compile(r"[%{<$*.]")


def suspects(texts: Sequence[str]) -> Iterator[int]:
    """Yield the indices, in order, of the texts that may hold a secret: one pass of one automaton over all of them.

    The texts are joined by line ends. A match that reaches over an end makes a suspect of every text it touches.
    """
    joined = "\n".join(texts)
    raw = joined.encode("utf-8", "replace")
    if _HINT.search(raw) is None:
        return
    ascii_only = len(raw) == len(joined)
    ends = list(accumulate(len(t) + 1 if ascii_only else len(t.encode("utf-8", "replace")) + 1 for t in texts))
    following = 0
    for match in _HINT.finditer(raw):
        start, end = match.span()
        for index in range(max(following, bisect_right(ends, start)), bisect_left(ends, end) + 1):
            if index < len(texts):
                yield index
                following = index + 1


def redact(text: str, mark: Mark) -> str:
    """Return `text` with every secret in it replaced by `mark(kind, secret)`."""
    if "PRIVATE KEY" in text:
        text = _PEM_BLOCK.sub(lambda m: mark("private-key", m[0]), text)
    if "://" in text:
        text = _URL_SECRET.sub(lambda m: m[1] + _marked(m[2], "password", mark) + "@", text)
    text = _substitute(_JWT_SECRET, "jwt", text, mark)
    text = _substitute(_VENDOR_SECRET, "token", text, mark)
    text = _SCHEME_SECRET.sub(lambda m: m[1] + _if_secret(m[2], "token", mark), text)
    text = _QUERY_SECRET.sub(lambda m: m[1] + _marked(m[2], "key", mark), text)
    text = _QUOTED.sub(lambda m: m[1] + _unless_placeholder(m[3], mark), text)
    text = _BARE.sub(lambda m: m[1] + _if_secret(m[2], "key", mark), text)
    text = _COOKIE_SECRET.sub(lambda m: m[1] + mark("cookie", m[2]), text)
    return _CARD_DIGITS.sub(lambda m: _if_card(m[0], mark), text)


def _substitute(pattern: Any, kind: str, text: str, mark: Mark) -> str:
    result: str = pattern.sub(lambda m: mark(kind, m.group(0)), text)
    return result


def _marked(secret: str, kind: str, mark: Mark) -> str:
    return secret if secret.startswith("[Filtered") else mark(kind, secret)


def _unless_placeholder(secret: str, mark: Mark) -> str:
    return secret if _PLACEHOLDER.match(secret) else mark("key", secret)


def _if_secret(secret: str, kind: str, mark: Mark) -> str:
    """Words are left alone (`token = request`), as is code; a digit or a sign makes it a secret."""
    return mark(kind, secret) if _HAS_DIGIT.search(secret) else secret


def _if_card(digits: str, mark: Mark) -> str:
    return mark("card", digits) if _luhn(digits) else digits


def _luhn(text: str) -> bool:
    """Say whether the digits in `text` pass the check of ISO/IEC 7812."""
    total = 0
    for index, character in enumerate(reversed([c for c in text if c.isdigit()])):
        value = ord(character) - 48
        if index % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0
