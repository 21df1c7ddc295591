"""Secrets known by their own look: keys and tokens of vendors, JWTs, private keys, passwords in URLs.

The prefixes are those that the vendors publish for secret scanning. RE2, so linear whatever the text; no upper bounds
on lengths, so that what follows a token cannot become one once the token is gone.
"""

import re

import re2

from premortem.sentry.scrub.marks import MARK, Mark

_START = r"(?:\b|\\[nrt]|%[0-9A-Fa-f]{2})"
"""A token may follow what is no letter, a line end in a repr, and an encoded character in a URL."""
_VENDORS = (
    r"(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)[0-9A-Z]{16}\b"  # AWS
    r"|gh[pousr]_[0-9A-Za-z]{20,}|github_pat_[0-9A-Za-z_]{20,}"
    r"|gl(?:pat|dt|rt|soat|cbt|ptt|ft|imt|agent|oas)-[0-9A-Za-z_\-.]{20,}"
    r"|xox[abcdeoprs]-[0-9A-Za-z\-]{10,}|xapp-[0-9A-Za-z\-]{10,}|hooks\.slack\.com/services/[0-9A-Za-z/]{20,}"
    r"|sk-[0-9A-Za-z_\-]{20,}"  # OpenAI, Anthropic, OpenRouter, Langfuse
    r"|[spr]k_(?:live|test)_[0-9A-Za-z]{10,}|whsec_[0-9A-Za-z+/=]{20,}"  # Stripe
    r"|AIza[0-9A-Za-z_\-]{30,}|ya29\.[0-9A-Za-z_\-]{20,}|GOCSPX-[0-9A-Za-z_\-]{20,}|1//0[0-9A-Za-z_\-]{30,}"
    r"|npm_[0-9A-Za-z]{30,}|pypi-[0-9A-Za-z_\-]{40,}|rubygems_[0-9a-f]{40,}|dckr_pat_[0-9A-Za-z_\-]{20,}"
    r"|SG\.[0-9A-Za-z_\-]{16,}\.[0-9A-Za-z_\-]{16,}|key-[0-9a-f]{32}\b|[0-9a-f]{32}-us[0-9]{1,2}\b"
    r"|do[opr]_v1_[0-9a-f]{64}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|hf_[0-9A-Za-z]{30,}|dapi[0-9a-f]{32}"
    r"|hv[sbr]\.[0-9A-Za-z_\-]{20,}|sntry[su]_[0-9A-Za-z+/=_]{30,}|tfp_[0-9A-Za-z]{30,}"
    r"|[0-9]{8,10}:AA[0-9A-Za-z_\-]{32,}|lin_api_[0-9A-Za-z]{30,}|ATATT3[0-9A-Za-z_\-=]{30,}"
    r"|glsa_[0-9A-Za-z_]{30,}|phx_[0-9A-Za-z]{30,}|EAA[0-9A-Za-z]{60,}|sq0(?:atp|csp)-[0-9A-Za-z_\-]{20,}"
    r"|AC[0-9a-f]{32}:[0-9a-f]{32}\b|SK[0-9a-f]{32}\b|PMAK-[0-9a-f\-]{50,}|NRAK-[0-9A-Z]{20,}"
    r"|AccountKey=[0-9A-Za-z+/=]{40,}|SharedAccessKey=[0-9A-Za-z+/=]{20,}|AGE-SECRET-KEY-1[0-9A-Z]{50,}"
    r"|discord(?:app)?\.com/api/webhooks/[0-9]+/[0-9A-Za-z_\-]{30,}"
)
_JWT = r"eyJ[0-9A-Za-z_\-]{6,}\.[0-9A-Za-z_\-]{6,}\.?[0-9A-Za-z_\-.]*"
_URL = r"://[^\s/:@\"'<>?#\\]*:[^\s/\"'<>\\]+@"
_KEY_BLOCK = r"-----(?:BEGIN|END)[A-Z0-9 ]* PRIVATE KEY|Private-Lines:"

HINT = f"{_START}(?:{_VENDORS}|{_JWT})|{_URL}|{_KEY_BLOCK}|environ\\(\\{{|thin:[^\\s/@]+/[^\\s/@]+@"
"""Matches wherever `redact` could find something (RE2, bytes)."""

_VENDOR = re2.compile(f"({_START})({_VENDORS})")
_JWT_TOKEN = re2.compile(f"({_START})({_JWT})")
_PEM = re.compile(
    r"-----BEGIN[A-Z0-9 ]{0,40} PRIVATE KEY(?:(?!-----END)[\s\S])*+(?:-----END[A-Z0-9 ]{0,60}+(?:-----)?)?"
    r"|Private-Lines:[0-9A-Za-z+/=\s\\]++"
)
_URL_PASSWORD = re.compile(rf"(://[^\s/:@\"'<>?#\\]*+:)(?!(?:{MARK})@)([^\s/\"'<>\\]*[^\s/\"'<>\\@])@")
_ORACLE = re.compile(r"(thin:[^\s/@]++/)([^\s/@\[]++)@")
_ENVIRON = re.compile(r"\benviron\(\{[\s\S]*+")
_KEY_LINE = re.compile(r"\s*['\"]?(?:\\n)?([0-9A-Za-z+/]{40,}+={0,2}|[0-9A-Za-z+/]{4,}+={1,2})(?:\\n)?['\"]?[,\s]*")
_HEX = re.compile("[0-9a-f]+")


def redact(text: str, mark: Mark) -> str:
    """Return `text` with every such secret marked."""
    if "PRIVATE KEY" in text or "Private-Lines:" in text:
        text = _PEM.sub(lambda m: mark("private-key", m[0]), text)
    if "environ({" in text:
        text = _ENVIRON.sub(lambda m: mark("environ", m[0]), text)
    if "://" in text:
        text = _URL_PASSWORD.sub(lambda m: f"{m[1]}{mark('password', m[2])}@", text)
    if "thin:" in text:
        text = _ORACLE.sub(lambda m: f"{m[1]}{mark('password', m[2])}@", text)
    if "eyJ" in text:
        text = _JWT_TOKEN.sub(lambda m: m[1] + mark("jwt", m[2]), text)
    replaced: str = _VENDOR.sub(lambda m: m[1] + mark("token", m[2]), text)
    return replaced


def holds_key_block(text: str) -> bool:
    """Say whether a private key begins or ends in `text`: its other lines may be texts of their own."""
    return " PRIVATE KEY" in text


def redact_key_line(text: str, mark: Mark) -> str:
    """Return the mark if `text` is a line out of the middle of a private key, else `text`."""
    is_line = _KEY_LINE.fullmatch(text) and not _HEX.fullmatch(text)
    return mark("private-key", text) if is_line else text
