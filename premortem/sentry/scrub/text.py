"""One text without its secrets: every detector in turn, until none of them changes it any more."""

from premortem.sentry.scrub import cards, pairs, tokens
from premortem.sentry.scrub.marks import Mark

_MOST_ROUNDS = 4
"""Taking one secret out can uncover another beside it; hardly any text needs the second round."""


def redact(text: str, mark: Mark, *, code: bool = False) -> str:
    """Return `text` with every secret in it marked; `code` says that it is a line of source code."""
    for _ in range(_MOST_ROUNDS):
        before = text
        text = tokens.redact(text, mark)
        text = pairs.redact(text, mark, code)
        text = cards.redact(text, mark)
        if text == before:
            break
    return text
