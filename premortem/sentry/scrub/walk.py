"""The walk over a parsed value: every key is judged, every text is looked at when the whole gives reason to.

The walk is by a list that grows, never by recursion, and in the common case does no more per value than look at its
type: a dict of known keys is judged by one comparison of sets, and all texts together by one search.
"""

import re
from bisect import bisect_right
from functools import partial
from typing import Any

from premortem.sentry.scrub import cards, tokens
from premortem.sentry.scrub.hint import suspects
from premortem.sentry.scrub.keys import CLEAR, Verdict, judge, remember_clear
from premortem.sentry.scrub.marks import Marker, is_mark
from premortem.sentry.scrub.names import named_dicts, without_secrets
from premortem.sentry.scrub.parameters import mark_all
from premortem.sentry.scrub.text import redact

_PLAIN_KEY = re.compile(r"[A-Za-z_.\-]{1,32}")
"""A key of which nothing needs to be hidden but its value."""
_SMALLEST_CARD = 10**12


def scrub(value: Any, *, salt: bytes = b"") -> tuple[Any, int]:
    """Return `value` without its secrets, and in how many places something was taken out.

    `value` is what `json_body.loads` gives (text, numbers, lists and dicts); it is changed in place. Keys of dicts and
    [key, value] pairs are judged by `keys.judge`, every text by `text.redact`, whole numbers by `cards.is_card`.
    Scrubbing twice changes no more than once. With a `salt`, marks of equal secrets are equal.
    """
    scrubber = _Scrubber(salt)
    holder = [value]
    scrubber.walk(holder)
    return holder[0], scrubber.mark.places


class _Scrubber:
    """One scrubbing: the marks, every container that was walked, and the texts found in them."""

    __slots__ = ("_containers", "_named", "_starts", "_texts", "mark")

    def __init__(self, salt: bytes) -> None:
        self.mark = Marker(salt)
        self._containers: list[Any] = []
        self._starts: list[int] = []
        """Of each container, how many texts came before its own."""
        self._texts: list[str] = []
        self._named: frozenset[int] = frozenset()

    def walk(self, holder: list[Any]) -> None:
        """Take the secrets out of everything in `holder`."""
        self._named = named_dicts(holder[0])
        self._gather(holder)
        self._redact_texts()

    def _gather(self, holder: list[Any]) -> None:
        containers, texts, starts = self._containers, self._texts, self._starts
        push, add, begin = containers.append, texts.append, starts.append
        push(holder)
        for container in containers:
            begin(len(texts))
            if type(container) is dict:
                if not container.keys() <= CLEAR:
                    self._judge_keys(container)
                if "value" in container:
                    self._judge_named(container)
                values: Any = container.values()
            else:
                values = container
            for value in values:
                kind = type(value)
                if kind is str:
                    add(value)
                elif kind is dict:
                    push(value)
                elif kind is list:
                    if len(value) == 2 and type(container) is list:
                        self._judge_pair(value)
                    push(value)
                elif kind is int and (value >= _SMALLEST_CARD or value <= -_SMALLEST_CARD):
                    self._judge_number(container, value)

    def _judge_keys(self, container: dict[str, Any]) -> None:
        strangers = []
        named = id(container) in self._named
        for key, value in container.items():
            if key not in CLEAR:
                verdict = judge(key)
                if verdict != "safe":
                    take_out = partial(self._take_out, verdict)
                    container[key] = without_secrets(value, take_out) if named else take_out(value)
                if verdict == "safe" or not _PLAIN_KEY.fullmatch(key):
                    strangers.append(key)
        suspected = {strangers[index] for index in suspects(strangers)} if strangers else set()
        renamed = {key: name for key in suspected if (name := redact(key, self.mark)) != key}
        if renamed:
            _rename(container, renamed)
        for key in strangers:
            if key not in suspected and judge(key) == "safe":
                remember_clear(key)

    def _judge_pair(self, pair: list[Any]) -> None:
        """Judge [key, value] in a list of such: headers, cookies, tags, query strings."""
        if type(pair[0]) is str and (verdict := judge(pair[0])) != "safe":
            pair[1] = self._take_out(verdict, pair[1])

    def _judge_named(self, container: dict[str, Any]) -> None:
        """Judge {"key": key, "value": value}, and the same with "name"."""
        for name in (container.get("key"), container.get("name")):
            if type(name) is str and (verdict := judge(name)) != "safe":
                container["value"] = self._take_out(verdict, container["value"])

    def _judge_number(self, container: Any, number: int) -> None:
        if cards.is_card(str(abs(number))):
            replacement = self.mark("card", str(abs(number)))
            for place, value in list(container.items() if type(container) is dict else enumerate(container)):
                if type(value) is int and value == number:
                    container[place] = replacement

    def _take_out(self, verdict: Verdict, value: Any) -> Any:
        """Return what stays in the place of `value`: a mark, or a container whose leaves are marks."""
        if value is None or value is True or value is False or value == "":
            return value
        kind = "address" if verdict == "address" else "removed" if verdict == "removed" else "key"
        if type(value) is str:
            return value if is_mark(value) or value == "{{auto}}" else self.mark(kind, value)
        if verdict == "removed":
            return self.mark(kind, "")
        if type(value) is dict or type(value) is list:
            self._blank(value, kind)
            return value
        return value if verdict == "secret text" else self.mark(kind, str(value))

    def _blank(self, root: Any, kind: str) -> None:
        """Mark every leaf below `root`, whatever it is called."""
        if type(root) is dict and "value" in root and root.keys() <= {"value", "type", "unit"}:
            root["value"] = self._take_out("secret", root["value"])  # an attribute of a log line
            return
        stack = [root]
        while stack:
            container = stack.pop()
            for place, value in container.items() if type(container) is dict else enumerate(container):
                if type(value) is dict or type(value) is list:
                    stack.append(value)
                else:
                    container[place] = self._take_out("secret" if kind == "key" else "address", value)

    def _redact_texts(self) -> None:
        texts, code = self._texts, None
        changed: dict[int, dict[str, str]] = {}
        key_block = False
        for index in suspects(texts):
            if code is None:
                code = _code_lines(self._containers)
            text = texts[index]
            key_block = key_block or tokens.holds_key_block(text)
            replaced = redact(text, self.mark, code=text in code)
            if replaced != text:
                changed.setdefault(bisect_right(self._starts, index) - 1, {})[text] = replaced
        for place, replacements in changed.items():
            _replace(self._containers[place], replacements)
            self._mark_arguments(self._containers[place])
        if key_block:
            self._redact_key_lines(code or frozenset())

    def _mark_arguments(self, container: Any) -> None:
        """Mark the arguments beside a console's message that held a secret: `log("password=", secret)`."""
        for name in ("data", "extra") if type(container) is dict else ():
            beside = container.get(name)
            if type(beside) is dict and type(beside.get("arguments")) is list:
                mark_all(beside["arguments"], self.mark)

    def _redact_key_lines(self, code: frozenset[str]) -> None:
        """Mark the other lines of a private key whose lines are texts of their own, in lists and around frames."""
        for container in self._containers:
            for place, value in container.items() if type(container) is dict else enumerate(container):
                if type(value) is str and (type(container) is list or value in code):
                    container[place] = tokens.redact_key_line(value, self.mark)


def _code_lines(containers: list[Any]) -> frozenset[str]:
    """Return every line of source code in the frames among `containers`."""
    lines: list[str] = []
    for container in containers:
        if type(container) is dict and "context_line" in container:
            for name in ("pre_context", "context_line", "post_context"):
                value = container.get(name)
                lines.extend(line for line in (value if type(value) is list else [value]) if type(line) is str)
    return frozenset(lines)


def _replace(container: Any, replacements: dict[str, str]) -> None:
    for place, value in container.items() if type(container) is dict else enumerate(container):
        if type(value) is str and value in replacements:
            container[place] = replacements[value]


def _rename(container: dict[str, Any], renamed: dict[str, str]) -> None:
    """Give keys their new names, in the same order; keys that become equal are numbered."""
    entries = list(container.items())
    container.clear()
    for key, value in entries:
        name = renamed.get(key, key)
        number = 1
        while name in container:
            number += 1
            name = f"{renamed.get(key, key)}#{number}"
        container[name] = value
