"""CODEOWNERS: whom a repository names for a file, by GitHub's rules: the last pattern that matches decides. Pure."""

import re

import re2

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Where GitHub looks, in this order; the first one that is there counts."""
_LONGEST = 2000
_PARTS = re.compile(r"\*\*/|/\*\*$|\*\*|\*|\?|[^*?]+")
_MEANING = {"**/": "(?:.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def owners(text: str, path: str) -> tuple[str, ...]:
    """Return the owners of a file as they are written, without the `@` in front, in order; none when none is named."""
    found: tuple[str, ...] = ()
    for line in text.splitlines()[:_LONGEST]:
        words = line.partition("#")[0].split()
        if words and not words[0].startswith(("!", "[")) and _matches(words[0], path):
            found = tuple(word.removeprefix("@") for word in words[1:])
    return found


def _matches(pattern: str, path: str) -> bool:
    """Tell whether a pattern, which is one of .gitignore's without ranges and negation, names the path."""
    anchored = "/" in pattern.removesuffix("/")
    words = _PARTS.findall(pattern.removeprefix("/"))
    expression = "".join(_MEANING.get(word, re2.escape(word)) for word in words)
    within = ".*" if pattern.endswith("/") else "" if pattern.endswith("/*") else "(?:/.*)?"
    whole = f"{'' if anchored else '(?:.*/)?'}{expression}{within}"
    return re2.fullmatch(whole, path) is not None  # in linear time, whatever the pattern
