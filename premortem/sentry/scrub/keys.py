"""Which keys hold secrets, whatever their value looks like.

The names are those that Sentry's SDKs filter by default, with the same words in any spelling: `apiKey`, `X-Api-Key`
and `API_KEY` are one name. Short words count only as whole words, so that `author` and `bypass` are left alone.
"""

import re
from typing import Literal

from premortem.sentry.scrub.marks import MARK

Verdict = Literal["safe", "secret", "secret text", "address", "removed"]
"""What goes: nothing; text and numbers; text alone (`token: 5` is a count); a network address; the whole value."""

_REMOVED = frozenset(("sysargv", "processargv", "argv", "environ", "osenviron", "processenv", "environmentvariables"))
_ADDRESSES = frozenset(("xforwardedfor", "xrealip", "ipaddress", "remoteaddr", "httpxforwardedfor", "httpxrealip"))
_TEXT_ALONE = frozenset(
    (
        *("auth", "oauth", "oauth2", "session", "usersession", "aiohttpsession", "symfony", "sid", "sig", "signature"),
        *("csrf", "xsrf", "jwt", "bearer", "pat", "nonce", "proxyauth", "connectsid", "phpsessid", "jsessionid"),
        *("aspnetsessionid", "pw", "authkey"),
    )
)
_EXACT = frozenset(
    (
        *("pass", "passcode", "pin", "pincode", "otp", "totp", "mfacode", "ssn", "cvv", "cvc", "cvv2", "cvc2", "iban"),
        *("mysqlpwd", "privkey", "sshkey", "dbpass", "userpass", "stripetoken", "pgpass", "smtppass", "mysqlpass"),
    )
)
_LAST_WORDS = frozenset(("pass", "auth", "pwd", "pw", "pin", "cvv", "cvc", "otp", "jwt", "ssn"))
_PARTS = re.compile(
    "passwor[dt](?!less)|passwd|passphrase|passkey|secret(?!ar)|credential|authorization|cookie(?!cutter|consent|banner)"
    "|csrfmiddleware|sessionid|sessid|sessionkey|privatekey|apikey|accesskey|creditcard|cardnumber|cardno$|ccnum"
    "|connectionstring|connstr|socialsecurity|mysqlpwd|(?:sign|signing|encrypt|encryption|decryption|master|shared"
    "|storage|account|license|service|ssh|auth|hmac|client|subscription|function)key$"
    "|(?:access|auth|api|refresh|bearer|session|csrf|xsrf|secret|security)tokens?"
)
_NO_TOKENS = frozenset(
    (
        *("page", "next", "continuation", "cursor", "eos", "bos", "pad", "unk", "sep", "cls", "mask", "stop", "start"),
        *("unexpected", "cancellation", "cancel", "sync", "resume", "lexer", "current", "last", "previous"),
    )
)
_HARMLESS_ENDS = frozenset(
    (
        *("length", "len", "count", "counts", "type", "types", "kind", "name", "names", "url", "uri", "expires", "ttl"),
        *("expiry", "expiration", "expired", "age", "timeout", "enabled", "disabled", "required", "valid", "invalid"),
        *("policy", "domain", "path", "size", "limit", "used", "usage", "attempts", "retries", "at", "on", "since"),
        *(
            "date",
            "time",
            "timestamp",
            "duration",
            "strength",
            "version",
            "format",
            "method",
            "mode",
            "status",
            "state",
        ),
        *(
            "provider",
            "class",
            "backend",
            "field",
            "fields",
            "label",
            "middleware",
            "error",
            "errors",
            "changed",
            "min",
        ),
        *("samesite", "secure", "httponly", "exists", "missing", "set", "max", "file", "endpoint", "scheme", "scope"),
    )
)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_REPR = re.compile(r"[bBrRuU]{0,2}(['\"])(.*)\1", re.DOTALL)
_LONGEST = 128
_MARK = re.compile(MARK)
_REMEMBERED = 20_000

CLEAR: set[str] = set()
"""Keys found to be safe and to hold no secret themselves: `dict.keys() <= CLEAR` judges a whole dict. Bounded."""
_verdicts: dict[str, Verdict] = {}
"""Keys judged before: a cache of a pure function. Bounded."""


def judge(key: str) -> Verdict:
    """Return what to do with the value under `key`; any text is taken."""
    verdict = _verdicts.get(key)
    if verdict is None:
        verdict = _judge(key)
        if len(key) <= _LONGEST:
            if len(_verdicts) >= _REMEMBERED:
                _verdicts.clear()
            _verdicts[key] = verdict
    return verdict


def remember_clear(key: str) -> None:
    """Remember that `key` needs no second look."""
    if len(key) <= _LONGEST:
        if len(CLEAR) >= _REMEMBERED:
            CLEAR.clear()
        CLEAR.add(key)


def _judge(key: str) -> Verdict:
    if key[-1:] in "'\"" and (quoted := _REPR.fullmatch(key)):
        key = quoted[2]
    if "[Filtered" in key:  # what a mark says names what was taken out of the key, not what stands under it
        key = _MARK.sub("", key)
    words = [word.lower() for word in _WORDS.findall(key[-_LONGEST:])]
    while words and words[-1].isdigit() and len(words) > 1:
        words.pop()
    if not words:
        return "safe"
    plain = "".join(words)
    if plain in _REMOVED:
        return "removed"
    if plain in _ADDRESSES:
        return "address"
    if plain in _EXACT:
        return "secret"
    if plain in _TEXT_ALONE:
        return "secret text"
    if words[-1] in _HARMLESS_ENDS:
        return "safe"
    if _PARTS.search(plain):
        return "secret"
    return "secret text" if words[-1] in _LAST_WORDS or _ends_in_token(words) else "safe"


def _ends_in_token(words: list[str]) -> bool:
    """`access_token`, `xtoken` and `token`; neither `max_tokens` nor the tokens of parsers, models and pages."""
    if not words[-1].endswith("token") or "public" in words:
        return False
    return len(words) == 1 or words[-2] not in _NO_TOKENS
