"""The prefilter: one automaton over all texts at once says which of them need a closer look, mostly none."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

import re2

from premortem.sentry.scrub import cards, pairs, tokens

_OPTIONS = re2.Options()
_OPTIONS.encoding = re2.Options.Encoding.LATIN1
_OPTIONS.never_capture = True
_OPTIONS.max_mem = 64 << 20  # room for the automaton's states: without it hostile text would fall back to a slow engine
_HINT = re2.compile("|".join((tokens.HINT, pairs.HINT, cards.HINT)).encode(), _OPTIONS)


def suspects(texts: Sequence[str]) -> Iterator[int]:
    """Yield the indices, in order, of the texts that may hold a secret.

    The texts are searched joined by line ends, which hardly any pattern passes: so the time is linear in their length.
    """
    joined = "\n".join(texts)
    raw = joined.encode("utf-8", "surrogatepass")
    found = _HINT.search(raw)
    if found is None:
        return
    if len(raw) == len(joined):
        ends = list(accumulate([len(text) + 1 for text in texts]))
    else:
        ends = list(accumulate([len(text.encode("utf-8", "surrogatepass")) + 1 for text in texts]))
    following = 0
    while found is not None:
        index = bisect_right(ends, found.start())
        last = max(following, min(bisect_right(ends, found.end() - 1), len(texts) - 1))
        yield from range(max(index, following), last + 1)
        following = last + 1
        if following == len(texts):
            return
        found = _HINT.search(raw, ends[last] - 1)  # from the line end on, which some patterns begin with
