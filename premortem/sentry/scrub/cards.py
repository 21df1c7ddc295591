"""Payment card numbers: the ranges and lengths that issuers use, and the check digit of ISO/IEC 7812."""

import re

from premortem.sentry.scrub.marks import Mark

HINT = r"(?:^|[^0-9A-Za-z.]|\\[nrt])[2-6](?:[ \-]?[0-9]){12}"
"""Matches wherever `redact` could find something (RE2, bytes)."""

_DIGITS = re.compile(
    r"(?:(?<![0-9A-Za-z.])(?<![0-9A-Za-z]-)|(?<=\\[nrt]))[0-9](?:[ \-]?[0-9]){12,}+(?![A-Za-z])(?!-[0-9A-Za-z])"
)
_GROUP = re.compile("[0-9]+")
_SHORTEST, _LONGEST = 13, 19
_ISSUED = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|(?:6011|64[4-9]\d|65\d\d)\d{12,15}"  # Discover
    r"|3(?:0[0-5]|[689]\d)\d{11}"  # Diners Club
    r"|35(?:2[89]|[3-8]\d)\d{12,15}"  # JCB
    r"|62\d{14,17}"  # UnionPay
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{8,15}"  # Maestro
)
_DOUBLED = bytes.maketrans(b"0123456789", b"\x00\x02\x04\x06\x08\x01\x03\x05\x07\x09")
_SINGLE = bytes.maketrans(b"0123456789", bytes(range(10)))


def redact(text: str, mark: Mark) -> str:
    """Return `text` with card numbers marked; digits may be grouped by spaces or dashes, and stand among others."""
    return _DIGITS.sub(lambda m: _without_cards(m[0], mark), text)


def is_card(digits: str) -> bool:
    """Say whether ASCII `digits` are a number that an issuer could have given out."""
    return _ISSUED.fullmatch(digits) is not None and luhn(digits)


def luhn(digits: str) -> bool:
    """Say whether ASCII `digits` pass the check of ISO/IEC 7812-1, annex B."""
    backwards = digits[::-1].encode()
    return (sum(backwards[::2].translate(_SINGLE)) + sum(backwards[1::2].translate(_DOUBLED))) % 10 == 0


def _without_cards(run: str, mark: Mark) -> str:
    """Mark each card in a run of digit groups: an expiry date may follow, or a count stand before."""
    groups = [match.span() for match in _GROUP.finditer(run)]
    kept, done = "", 0
    for first, (start, _) in enumerate(groups):
        if start < done:
            continue
        end = _card_end(run, groups, first)
        if end:
            kept += run[done:start] + mark("card", run[start:end].replace(" ", "").replace("-", ""))
            done = end
    return kept + run[done:]


def _card_end(run: str, groups: list[tuple[int, int]], first: int) -> int:
    """Return where a card ends that starts with the group `first`, or 0."""
    digits = ""
    for start, end in groups[first : first + _LONGEST]:
        digits += run[start:end]
        if len(digits) > _LONGEST:
            break
        if len(digits) >= _SHORTEST and is_card(digits):
            return end
    return 0
