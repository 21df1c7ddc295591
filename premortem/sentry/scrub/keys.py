"""Which keys hold secrets, whatever their value looks like."""

import re
from typing import Literal

Verdict = Literal["safe", "secret", "secret text", "removed"]
"""`secret`: any value goes. `secret text`: text and containers go, a number or a flag stays. `removed`: all of it."""

_REMOVED = frozenset(("sysargv", "environ", "processenv", "environmentvariables"))
_EXACT = frozenset(
    (
        *("auth", "pass", "passcode", "passwd", "pwd", "pin", "otp", "ssn", "cvv", "cvc", "cvv2", "iban", "jwt", "sid"),
        *("session", "usersession", "phpsessid", "jsessionid", "aspnetsessionid", "connectsid", "symfony", "xsrf"),
        *("csrf", "aiohttpsession", "mysqlpwd", "proxyauthorization", "bearer", "privkey", "sshkey", "signature"),
        *("encryptionkey", "signingkey", "masterkey", "sharedkey", "authkey", "dbpass", "userpass", "stripetoken"),
    )
)
_PARTS = re.compile(
    "passwor[dt]|passwd|passphrase|secret|apikey|apitoken|accesskey|privatekey|credential|authorization|sessionid"
    "|sessionkey|sessiontoken|csrftoken|xsrftoken|csrfmiddleware|cookie|creditcard|cardnumber|cardno|ccnumber"
    "|connectionstring|authtoken|accesstoken|refreshtoken|idtoken|bearertoken|socialsecurity"
)
_SEPARATORS = re.compile(r"[^0-9a-zA-Z]+")
_LONGEST = 128
_REMEMBERED = 20_000

remembered: dict[str, Verdict] = {}
"""Verdicts on keys seen before: a cache of a pure function, emptied when full. The walk looks here first."""


def judge(key: str) -> Verdict:
    """Return what to do with the value under `key`: case, camel case and separators make no difference."""
    verdict = remembered.get(key)
    if verdict is None:
        if len(remembered) >= _REMEMBERED:
            remembered.clear()
        verdict = _judge(key[:_LONGEST])
        if len(key) <= _LONGEST:
            remembered[key] = verdict
    return verdict


def _judge(key: str) -> Verdict:
    plain = _SEPARATORS.sub("", key).lower()
    if plain in _REMOVED:
        return "removed"
    if plain in _EXACT or _PARTS.search(plain):
        return "secret text" if plain in ("session", "auth", "signature", "sid") else "secret"
    # access_token, xToken, token, but neither tokens, tokens_used nor tokenizer
    if plain.endswith("token"):
        return "secret text"
    return "safe"
