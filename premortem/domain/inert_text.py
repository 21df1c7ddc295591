"""Text of others in Markdown, made inert: it is read as it is, and mentions, links, closes or renders nothing.

GitHub reads mentions, references and addresses in everything but code, so that is where such text goes: a span in a
line, a fence on lines of its own. Pure.
"""

import re
import unicodedata

_LINES = ("\n", "\t")
_RUNS = re.compile(r"`+")
_QUIET = re.compile(r"[^\w .,:;'\"()\-=+?!%/]|//+")
_REFERENCE = re.compile(r"\b(gh)-(?=\d)|\b(www)\.", re.IGNORECASE)
_CUT = " ..."
_MOST_TICKS = 16
"""A longer run of backticks is cut to it: the fence around it has to be longer still, twice."""


def plain(text: str, most: int) -> str:
    """Return the text without what cannot be seen (controls, directions, joiners, surrogates), cut to `most`
    characters. Line ends become `\\n`.
    """
    text = text[: most * 4].replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    seen = "".join(c for c in text if c in _LINES or unicodedata.category(c)[0] != "C")
    seen = _RUNS.sub(lambda run: run[0][:_MOST_TICKS], seen)
    return seen if len(seen) <= most else seen[: most - len(_CUT)] + _CUT


def span(text: str, most: int = 200) -> str:
    """Return the text as a code span of one line; a bar becomes a broken one, so that it may stand in a table."""
    line = " ".join(plain(text, most).split()).replace("|", "\u00a6")
    if not line:
        return "`-`"
    ticks = "`" * (max((len(run) for run in _RUNS.findall(line)), default=0) + 1)
    room = " " if line[0] == "`" or line[-1] == "`" else ""
    return f"{ticks}{room}{line}{room}{ticks}"


def fence(text: str, most: int = 2000, language: str = "text") -> str:
    """Return the text as a fenced block, between lines of its own."""
    block = plain(text, most).strip("\n")
    ticks = "`" * max(3, max((len(run) for run in _RUNS.findall(block)), default=0) + 1)
    return f"{ticks}{language}\n{block or '-'}\n{ticks}"


def quiet(text: str, most: int) -> str:
    """Return the text as one line for a place that has no code, like a title or a commit's message: signs that could
    mention, refer, link or close anything are left out.
    """
    line = _QUIET.sub(" ", " ".join(plain(text, most).split()))
    return " ".join(_REFERENCE.sub(lambda found: f"{found[1] or found[2]} ", line).split())
