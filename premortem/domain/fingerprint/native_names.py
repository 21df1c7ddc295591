"""Function names as compilers and runtimes write them, cut down to what stays the same between two builds.

The rules are Sentry's (stacktraces/functions, August 2024); the walk is our own: one pass, no pattern that backtracks.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from premortem.domain.fingerprint.platforms import family

_LONGEST = 4096
_OPENING = {"(": ")", "{": "}", "[": "]", "<": ">"}
_LAMBDA = re.compile(r"\{lambda\([^#]*?\)#\d+\}|\blambda_[a-f0-9]{32}\b|\$_\d+\b")
_ANONYMOUS = re.compile(r"\?A0x[a-f0-9]{8}::")
_TRAILER = re.compile(r"(?:\bconst|&)$")
_BLANKET = re.compile(r"^[A-Z] as ")
_RUST_HASH = re.compile(r"::h[a-z0-9]{16}$")
_GLIBC = re.compile(r"@@?GLIBC_[0-9.]+$")
_DECORATED = re.compile(r"^@?(.*?)@[0-9]+$", re.DOTALL)
# Operators hold brackets that pair with nothing: they stand aside behind characters of the private use area.
_STAND_INS = (
    ("operator<<", "operator\ue000\ue000"),
    ("operator<", "operator\ue000"),
    ("operator()", "operator\ue001"),
    ("operator->", "operator\ue002"),
    (" -> ", " \ue002 "),
    ("`anonymous namespace'", "\ue003"),
)
_BACK = (("\ue000", "<"), ("\ue001", "()"), ("\ue002", "->"), ("\ue003", "`anonymous namespace'"))


@lru_cache(maxsize=4096)
def trim(function: str, platform: str | None) -> str:
    """Return the name without signature, template arguments and build hashes, for platforms that have them."""
    if platform == "csharp":
        return function.split(" (", 1)[0]
    if family(platform) != "native" or function in ("<redacted>", "<unknown>"):
        return function
    return _trim_native(function[:_LONGEST], platform)


def _trim_native(original: str, platform: str | None) -> str:
    name = original.strip()
    if name.startswith(("[", "+[", "-[")):  # Objective-C: the brackets are the name
        return name
    name = _outermost(name, "[", "]", lambda inner, _: "" if inner.startswith("clone .") else f"[{inner}]").rstrip()
    while match := _TRAILER.search(name):
        name = name[: match.start()].rstrip()
    for text, stand_in in _STAND_INS:
        name = name.replace(text, stand_in)
    if "lambda" in name or "$_" in name:
        name = _LAMBDA.sub("lambda", name)
    if "?A0x" in name:
        name = _ANONYMOUS.sub("\ue003::", name)
    name = _outermost(name, "(", ")", _argument)
    name = _outermost(name, "<", ">", _generic)
    found = _name_token(name, platform)
    if not found:
        name = original
    else:
        name = found
        for stand_in, text in _BACK:
            name = name.replace(stand_in, text)
    name = _GLIBC.sub("", _RUST_HASH.sub("", name))
    return _DECORATED.sub(r"\1", name) if "@" in name else name


def _argument(inner: str, _: int) -> str:
    inner = inner.strip()
    return f"({inner})" if inner in ("anonymous namespace", "operator") else ""


def _generic(inner: str, at: int) -> str:
    if inner == "lambda" or _LAMBDA.match(inner):
        return f"<{inner}>"
    if at > 0:
        return "<T>"
    # Rust writes <Type as Trait>::method; for a blanket implementation the trait says more.
    return _outermost(_BLANKET.sub("", inner), "<", ">", _generic).split(" as ", 1)[0]


def _outermost(text: str, opening: str, closing: str, replace: Callable[[str, int], str]) -> str:
    """Replace every outermost pair of brackets with its content by what `replace(content, position)` returns."""
    if opening not in text:
        return text
    depth, start = 0, 0
    result: list[str] = []
    for index, character in enumerate(text):
        if character == opening:
            if not depth:
                start = index
            depth += 1
        elif character == closing:
            depth -= 1
            if depth == 0:
                result.append(replace(text[start + 1 : index], start))
        elif depth == 0:
            result.append(character)
    return "".join(result)


def _tokens(text: str) -> list[str]:
    """Split at white space outside brackets."""
    tokens: list[str] = []
    current: list[str] = []
    expected: list[str] = []
    for character in text:
        if character in _OPENING:
            expected.append(_OPENING[character])
            current.append(character)
        elif expected:
            current.append(character)
            if character == expected[-1]:
                expected.pop()
        elif character.isspace():
            if current:
                tokens.append("".join(current))
            current = []
        else:
            current.append(character)
    if expected:  # a bracket that nothing closes swallows the rest, and the rest is no name
        current = current[: _unclosed(current)]
    if current:
        tokens.append("".join(current))
    return tokens


def _unclosed(characters: list[str]) -> int:
    depth: list[int] = []
    for index, character in enumerate(characters):
        if character in _OPENING:
            depth.append(index)
        elif depth and character == _OPENING[characters[depth[-1]]]:
            depth.pop()
    return depth[0] if depth else len(characters)


def _name_token(name: str, platform: str | None) -> str | None:
    """Return the token that names the function: before a return arrow, behind an `of`, else the last one."""
    tokens = _tokens(name)
    if len(tokens) > 1 and tokens[-1] == "<T>":  # MSVC puts a space before an operator's generics
        tokens[-2:] = [tokens[-2] + " <T>"]
    if "initialization expression of" in name and "of" in tokens[:-1]:
        at = len(tokens) - 1 - tokens[::-1].index("of")
        word = tokens[at + 1]
        if word == "static" and at + 2 < len(tokens):
            word = tokens[at + 2]
        return "initializer expression of " + word.removeprefix(":")
    if not tokens:
        return None
    word = tokens[-1]
    if "\ue002" in tokens:
        arrow = len(tokens) - 1 - tokens[::-1].index("\ue002")
        if arrow > 0:
            word = tokens[arrow - 1]
            if word == "throws" and arrow > 1:
                word = tokens[arrow - 2]
    if word.startswith("@") and platform in ("cocoa", "swift"):  # an attribute where a name should be: a closure
        return ("thunk for " if "thunk for " in name else "") + "closure"
    return f"closure in {word}" if "closure" in tokens and word != "closure" else word
