"""Rules about frames: which are the application's own, and which say nothing about the place that failed.

A rule names the frames it is about (by family, function, module, package, path, category, by the frame that called or
was called), and what follows: application or not, part of the grouping or not, a category. Rules run in their order,
twice: first to settle application and category, then to settle what is left out.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from msgspec import Struct

from premortem.domain.error_event import Frame
from premortem.domain.fingerprint.native_names import trim
from premortem.domain.fingerprint.platforms import family
from premortem.domain.fingerprint.rule_table import RULES, Action, Matcher


class Judgement(Struct, gc=False):
    """What the rules made of one frame."""

    in_app: bool
    category: str | None = None
    grouped: bool = True


class _Compiled(Struct, frozen=True):
    fixed: tuple[Callable[["_Face"], bool], ...]
    category: tuple[tuple[str, bool], ...]
    in_app: bool | None
    caller: tuple[tuple[str, bool], ...]
    callee: tuple[tuple[str, bool], ...]
    caller_function: str | None
    actions: tuple[Action, ...]


class _Face(Struct, frozen=True, gc=False):
    """What rules may look at of a frame, apart from what other rules said."""

    family: str
    function: str
    module: str
    package: str
    path: str


def judge(frames: Sequence[Frame], event_platform: str) -> list[Judgement]:
    """Return a judgement for each frame, oldest first."""
    faces = [_face(frame, event_platform) for frame in frames]
    candidates = [_candidates(face) for face in faces]
    judgements = [Judgement(bool(frame.in_app)) for frame in frames]
    rules = sorted(set().union(*candidates)) if candidates else []
    if not rules:
        return judgements
    if any(_GIVES_CATEGORY[rule] for rule in rules):
        rules = sorted({*rules, *_BY_CATEGORY})
    for grouping in (False, True):
        for rule in rules:
            _apply(rule, faces, candidates, judgements, grouping)
    return judgements


def _apply(
    rule: int, faces: list[_Face], candidates: list[frozenset[int]], judgements: list[Judgement], grouping: bool
) -> None:
    """Find every frame that the rule is about, then let it speak: what it says of one is no reason for the next."""
    compiled = _COMPILED[rule]
    actions = [action for action in compiled.actions if (action[0] == "group") == grouping]
    if not actions:
        return
    about_all = rule in _BY_CATEGORY and not compiled.fixed
    about = [
        index
        for index in range(len(faces))
        if (about_all or rule in candidates[index]) and _dynamic(compiled, index, faces, judgements)
    ]
    for index in about:
        for kind, direction, flag in actions:
            for at in _range(direction, index, len(faces)):
                if kind == "app":
                    judgements[at].in_app = bool(flag)
                elif kind == "group":
                    judgements[at].grouped = bool(flag)
                else:
                    judgements[at].category = str(flag)


def _range(direction: str, index: int, count: int) -> range:
    """`^` reaches the frames towards the crash, `v` those towards the start of the thread."""
    if direction == "^":
        return range(index + 1, count)
    return range(index) if direction == "v" else range(index, index + 1)


def _dynamic(rule: _Compiled, index: int, faces: list[_Face], judgements: list[Judgement]) -> bool:
    here = judgements[index]
    if rule.in_app is not None and here.in_app != rule.in_app:
        return False
    if not _in_categories(rule.category, here):
        return False
    if (rule.caller or rule.caller_function) and index == 0:
        return False
    if rule.caller and not _in_categories(rule.caller, judgements[index - 1]):
        return False
    if rule.caller_function and faces[index - 1].function != rule.caller_function:
        return False
    if rule.callee:
        return index + 1 < len(faces) and _in_categories(rule.callee, judgements[index + 1])
    return True


def _in_categories(wanted: tuple[tuple[str, bool], ...], judgement: Judgement) -> bool:
    return all((judgement.category == name) != negated for name, negated in wanted)


@lru_cache(maxsize=4096)
def _face(frame: Frame, event_platform: str) -> _Face:
    platform = frame.platform or event_platform
    function = frame.function or ""
    if function and not frame.raw_function:
        function = trim(function, platform)
    return _Face(
        family(platform),
        function,
        frame.module or "",
        _slashed(frame.package or ""),
        _slashed(frame.abs_path or frame.filename or ""),
    )


def _slashed(path: str) -> str:
    return path[:1024].replace("\\", "/").lower()


@lru_cache(maxsize=4096)
def _candidates(face: _Face) -> frozenset[int]:
    """Return the rules whose matchers on the frame itself hold."""
    return frozenset(
        index for index, rule in enumerate(_COMPILED) if rule.fixed and all(test(face) for test in rule.fixed)
    )


def _glob(pattern: str, *, path: bool) -> Callable[[str], object]:
    """Return the match of a glob: in paths `*` stays inside a folder and `**` crosses them; else `*` is anything."""
    translated = []
    position = 0
    while position < len(pattern):
        if path and pattern.startswith("**/", position):
            translated.append("(?:.*/)?")
            position += 3
        elif pattern.startswith("**", position):
            translated.append(".*")
            position += 2
        else:
            character = pattern[position]
            translated.append(
                ("[^/]*" if path else ".*") if character == "*" else "." if character == "?" else re.escape(character)
            )
            position += 1
    return re.compile("".join(translated), re.DOTALL).fullmatch


def _test(matcher: Matcher) -> Callable[[_Face], bool]:
    field, pattern, negated = matcher
    if field == "family":
        return lambda face: (face.family == pattern) != negated
    if field in ("path", "package"):
        match = _glob(pattern.lower(), path=True)
        if field == "path":
            return lambda face: bool(face.path) and bool(match(face.path) or match("/" + face.path)) != negated
        return lambda face: bool(face.package) and bool(match(face.package) or match("/" + face.package)) != negated
    match = _glob(pattern, path=False)
    if field == "function":  # the only field of which rules ask whether it is missing
        return lambda face: bool(match(face.function or "<unknown>")) != negated
    module_match = _glob(pattern, path="/" in pattern)
    return lambda face: bool(face.module) and bool(module_match(face.module)) != negated


def _compile(
    rule: tuple[tuple[Matcher, ...], tuple[Matcher, ...], tuple[Matcher, ...], tuple[Action, ...]],
) -> _Compiled:
    matchers, caller, callee, actions = rule
    dynamic = ("category", "app")
    return _Compiled(
        fixed=tuple(_test(m) for m in matchers if m[0] not in dynamic),
        category=tuple((m[1], m[2]) for m in matchers if m[0] == "category"),
        in_app=next((m[1] == "yes" for m in matchers if m[0] == "app"), None),
        caller=tuple((m[1], m[2]) for m in caller if m[0] == "category"),
        callee=tuple((m[1], m[2]) for m in callee if m[0] == "category"),
        caller_function=next((m[1] for m in caller if m[0] == "function"), None),
        actions=actions,
    )


_COMPILED = tuple(_compile(rule) for rule in RULES)
_GIVES_CATEGORY = tuple(any(action[0] == "category" for action in rule.actions) for rule in _COMPILED)
_BY_CATEGORY = frozenset(
    index for index, rule in enumerate(_COMPILED) if (rule.category or rule.caller or rule.callee) and not rule.fixed
)
