"""Secrets known by the name beside them, inside text: `password='hunter2'`, `?token=...`, `Cookie: ...`.

One scan finds every name with a value, whatever the notation (queries, headers, reprs, JSON, YAML, .env files,
connection strings); the name is judged as the key of a dict would be, and `literals` says where its value ends.
"""

import re

from premortem.sentry.scrub.keys import Verdict, judge
from premortem.sentry.scrub.literals import bare_secret, quoted_secret
from premortem.sentry.scrub.marks import MARK, Mark, is_mark

_NAMED = (
    r"(?:pass|pwd|secret|token|credential|auth|cookie|sess|csrf|xsrf|private|api[ _\-.]?key|access[ _\-.]?key|card_?n"
    r"|credit_?card|connectionstring|connstr|bearer|jwt|iban|symfony|[a-z]{3}[_\-.]?key|forwarded|x-real|remote_addr"
    r"|\b(?:pin|otp|totp|cvv2?|cvc2?|ssn|sid|sig|pw|pat)\b|ccnum|nonce|signature)"
)
_QUOTE = r"(?:\\*[\"']|%22|&quot;)"
_TAIL = rf"{_QUOTE}?(?:\]|%5[dD])?"
_SEPARATOR = r"(?:=>|:=|[:=]|%3[aAdD])"
HINT = (
    rf"(?i:{_NAMED}[\w\-.]*(?: key)?{_TAIL}[ \t]*{_SEPARATOR}[ \t]*(?:[^\s\[{{(<\\]|\\|[\[(]\\*[bru]?[\"']))"
    rf"|(?i:{_NAMED}[\w\-.]*\\*[\"'],[ \t]*[bru]?\\*[\"'])"
    rf"|(?i:{_NAMED}[\w\-]*[ \t]*:[ \t]*[a-z][\w.\[\]|]*[ \t]*=[ \t]*[bruf]?[\"'])"
    rf"|(?i:--[\w\-]*{_NAMED}[\w\-]*[ \t]+[^\s\-])"
    rf"|(?i:<(?:\w+:)?[\w\-]*{_NAMED}[\w\-]*>[^<\s])"
    r"|(?i:\b(?:bearer|basic|token|digest|apikey|negotiate)(?:[ \t]|%20|\+)+[^\s\"'`,;<>()\[\]{}|\\&]{12})"
    r"|(?i:[?&;#](?:code|key)=[^&\s]{8})|(?i:password[ \t]+(?:(?:is|was)[ \t]+[^\s\[]|[\"'`]))"
    r"|(?:-u|--user)[ =][^\s:]+:[^\s\[]"
)
"""Matches wherever `redact` could find something (RE2, bytes)."""

_SCHEME = re.compile(
    r"\b((?:bearer|basic|token|digest|apikey|negotiate)(?:[ \t]|%20|\+)++)"
    r"(?!sha[0-9]+:|https?:|[\w\-]++=[^=\s])([^\s\"'`,;<>()\[\]{}|\\&]{12,}+)",
    re.IGNORECASE,
)
_NAME = re.compile(
    rf"{MARK}|(?<![\w.\-])(?P<name>[A-Za-z0-9_\-][\w.\-]*+(?: key)?)(?P<tail>{_TAIL})"
    r"(?:[ \t]{0,8}:[ \t]{0,8}[A-Za-z][\w.\[\]|]{0,40}+[ \t]{0,8}(?==[ \t]{0,8}[bruf]?[\"']))?"
    rf"(?P<separator>[ \t]{{0,8}}{_SEPARATOR}[ \t]{{0,8}})",
    re.ASCII | re.IGNORECASE,
)
_QUERY = re.compile(r"([?&;#](?:code|key)=)(?=[^&\s]{0,256}?[0-9])([0-9A-Za-z_\-.~%+/]{8,}+)", re.IGNORECASE)
_OPTION = re.compile(r"(?<![\w\-])(--[\w\-]++[ \t]++)([^\s\-\[\"'][^\s\"']*+)")
_USER_OPTION = re.compile(r"((?<!\S)(?:-u|--user)[ =]['\"]?[^\s:'\"]++:)([^\s\[\"'][^\s\"']*+)")
_ELEMENT = re.compile(r"<((?:\w++:)?[\w\-.]++)>([^<\[][^<]*+)</", re.ASCII)
_TUPLE = re.compile(
    r"(?<!\w)([(\[][bru]?(?P<q>\\*[\"'])(?P<name>[\w.\-]{1,64}+)(?P=q),[ ]?[bru]?(?P<r>\\*[\"']))"
    r"(?P<value>(?:(?!(?P=r))[^\n])++)(?=(?P=r)[)\]])",
    re.ASCII,
)
_PROSE = re.compile(
    r"(password[ \t]{1,8}(?:(?:is|was)[ \t]{1,8})?)"
    r"(?:([\"'`])([^\"'`\n]{3,256}+)\2|(?<=s[ \t])([^\s\[\"'`]*[0-9][^\s\[\"'`]*))",
    re.IGNORECASE,
)
_BARE = re.compile(r"[^\s\"'`,;&<>()\[\]{}|\\]++")
_BARE_BEGINNING = re.compile(r"[^\s\"'`,;&<>()\[\]{}|\\]{1,256}+")
"""As much as it takes to judge a value: `a:a:a:...` is a value after each of its names, and none of them a secret."""
_LISTED = re.compile(r"[\[(][^\[\](){}\n]*+")
_REST_OF_HEADER = {quote: re.compile(rf"(?:[^\n\r\\{quote}]|\\(?![rn{quote}]))++") for quote in ("'", '"', "`", "")}
_HEADER_NAMES = re.compile(r"(?:proxy-)?authorization|(?:set-)?cookie2?", re.IGNORECASE)
_SCHEME_AND_MARK = re.compile(rf"\w*\s*{MARK}")
_SIGNS = re.compile(r"[0-9!@#$%^*~+=]")


def redact(text: str, mark: Mark, code: bool) -> str:
    """Return `text` with the values of secret names marked; `code` says that it is a line of source code."""
    text = _SCHEME.sub(lambda m: m[1] + mark("token", m[2]) if _SIGNS.search(m[2]) else m[0], text)
    if "</" in text:
        text = _ELEMENT.sub(lambda m: _marked_if(m[1], m[0], m[2], mark), text)
    if "'," in text or '",' in text:
        text = _TUPLE.sub(lambda m: _marked_if(m["name"], m[0], m["value"], mark), text)
    if not code:
        text = _QUERY.sub(lambda m: m[1] + mark("key", m[2]), text)
        text = _PROSE.sub(lambda m: m[0] if is_mark(m[3] or m[4]) else m[1] + mark("key", m[3] or m[4]), text)
    if " -" in text or text.startswith("-"):
        text = _OPTION.sub(lambda m: _option(m, mark), text)
        text = _USER_OPTION.sub(lambda m: m[1] + mark("password", m[2]), text)
    return _redact_named(text, mark, code)


def _marked_if(name: str, whole: str, value: str, mark: Mark) -> str:
    """Return `whole` with `value` marked if `name` is that of a secret."""
    if judge(name) not in ("secret", "secret text") or not value.strip() or is_mark(value.strip()):
        return whole
    start = whole.index(value, len(name))
    return whole[:start] + mark("key", value) + whole[start + len(value) :]


def _option(match: re.Match[str], mark: Mark) -> str:
    verdict = judge(match[1].strip())
    secret = verdict in ("secret", "secret text") and bare_secret(match[2], " ", verdict == "secret", "", False)
    return match[1] + mark("key", match[2]) if secret else match[0]


def _redact_named(text: str, mark: Mark, code: bool) -> str:
    pieces: list[str] = []
    done = position = 0
    while match := _NAME.search(text, position):
        position = match.end()
        verdict = _verdict(text, match)
        if verdict not in ("secret", "secret text"):
            continue
        found = _secret_at(text, match, verdict, code)
        if found:
            start, end = found
            pieces += text[done:start], mark("key", text[start:end])
            done = position = end
    return "".join((*pieces, text[done:])) if pieces else text


def _verdict(text: str, match: re.Match[str]) -> Verdict:
    name = match["name"]
    if name is None:
        return "safe"  # a mark
    verdict = judge(name)
    # In a repr, a line end is a backslash and an n, which sticks to the name that follows.
    if verdict == "safe" and name[0] in "nrt" and text[match.start() - 1 : match.start()] == "\\":
        return judge(name[1:])
    return verdict


def _secret_at(text: str, match: re.Match[str], verdict: Verdict, code: bool) -> tuple[int, int] | None:
    """Return where the secret that follows `match` begins and ends, or None."""
    start, separator = match.end(), match["separator"]
    quoted = quoted_secret(text, start, match.start() if not match["tail"] else None, code)
    if quoted is not None:
        return quoted if quoted[1] > quoted[0] else None
    if not code and ":" in separator and _HEADER_NAMES.fullmatch(match["name"].rsplit(".", 1)[-1]):
        return _header(text, start, text[max(0, match.start() - 1) : match.start()])
    if listed := _LISTED.match(text, start):
        inner = listed[0][1:]
        return (start + 1, listed.end()) if not code and _holds_literal(inner) else None
    return _bare(text, start, separator, verdict == "secret", code)


def _bare(text: str, start: int, separator: str, strong: bool, code: bool) -> tuple[int, int] | None:
    """Return the span of the unquoted secret at `start`, or None."""
    beginning = _BARE_BEGINNING.match(text, start)
    if beginning:
        end = beginning.end()
        if bare_secret(beginning[0], separator, strong, text[end : end + 1], code):
            rest = _BARE.match(text, end)
            return start, rest.end() if rest else end
    return None


def _header(text: str, start: int, before: str) -> tuple[int, int] | None:
    """Return the span of a header's value: to the end of its line, or of the string that it is."""
    rest = _REST_OF_HEADER.get(before, _REST_OF_HEADER[""]).match(text, start)
    if rest is None or not rest[0].strip() or _SCHEME_AND_MARK.fullmatch(rest[0].strip()):
        return None
    return start, rest.end()


def _holds_literal(inner: str) -> bool:
    return ("'" in inner or '"' in inner) and not is_mark(inner.strip("'\" "))
