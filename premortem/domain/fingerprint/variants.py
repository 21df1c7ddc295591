"""Variants of an event: how it looks by the application's own frames, by all frames, or by its message."""

from collections.abc import Sequence
from hashlib import blake2b, md5

import msgspec
from msgspec import Struct

from premortem.domain.error_event import ErrorEvent, ExceptionValue, Frame
from premortem.domain.fingerprint.frames import Values, frame_values, is_recursion, is_url
from premortem.domain.fingerprint.messages import normalise_message
from premortem.domain.fingerprint.platforms import family
from premortem.domain.fingerprint.rules import judge

EMPTY_HASH = "d41d8cd98f00b204e9800998ecf8427e"
"""The hash of nothing: what events get that bring nothing to group by."""


class Variant(Struct, frozen=True):
    """One way to see the event: its hash, and the values that made it, each with the role it plays."""

    name: str
    strategy: str
    values: Values
    hash: str


class _Stack(Struct, frozen=True):
    """What a stack trace contributes: by its application's frames, and by all."""

    app: Values
    system: Values


_NOTHING = _Stack((), ())
_MOST_REMEMBERED = 2048
_LARGEST_REMEMBERED = 32 << 10
_remembered: dict[bytes, _Stack] = {}
"""Stacks judged before: a cache of a pure function, bounded in entries and in the bytes of each."""
_ENCODER = msgspec.msgpack.Encoder()


def hash_of(values: Sequence[str]) -> str:
    """Return the MD5 (hex) over the values one behind the other, as Sentry hashes them."""
    return md5("".join(values).encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def variants_of(event: ErrorEvent) -> tuple[Variant, ...]:
    """Return the contributing variants, strongest first; the strategy of the highest score decides alone."""
    if event.exceptions:
        found = _exceptions(event)
    elif event.threads and (thread := _relevant_thread(event)) is not None:
        found = _paired("threads", _stack(thread, event.platform))
    elif event.frames:
        found = _paired("stacktrace", _stack(event.frames, event.platform))
    else:
        found = ()
    return found or _without_stack(event)


def _without_stack(event: ErrorEvent) -> tuple[Variant, ...]:
    if event.template is not None:
        filename, line = event.template
        values = [("filename", filename), ("context-line", line)]
        kept = tuple((role, value) for role, value in values if value)
        if kept:
            return (_variant("default", "template", kept),)
    if event.security is not None:
        kind, parts = event.security
        return (_variant("default", kind, tuple(("report", part) for part in parts)),)
    message = event.message or event.formatted
    if message and (text := normalise_message(message)):
        return (_variant("default", "message", (("message", text),)),)
    return ()


def _variant(name: str, strategy: str, values: Values) -> Variant:
    return Variant(name, strategy, values, hash_of([value for _, value in values]))


def _paired(strategy: str, stack: _Stack) -> tuple[Variant, ...]:
    """Return app before system; app alone does not stand when it is the same, and neither when it is empty."""
    if not stack.system:
        return (_variant("app", strategy, stack.app),) if stack.app else ()
    system = _variant("system", strategy, stack.system)
    if not stack.app or stack.app == stack.system:
        return (system,)
    app = _variant("app", strategy, stack.app)
    return (app, system) if app.hash != system.hash else (system,)


def _relevant_thread(event: ErrorEvent) -> tuple[Frame, ...] | None:
    """Return the frames of the one thread that crashed, else of the one that is current, else of the only one."""
    for chosen in (
        [thread for thread in event.threads if thread.crashed],
        [thread for thread in event.threads if thread.current],
        list(event.threads),
    ):
        if len(chosen) == 1:
            return chosen[0].frames
    return None


def _stack(frames: Sequence[Frame] | None, platform: str) -> _Stack:
    """Return what the frames contribute. An error that comes again is known by a digest of its frames."""
    if not frames:
        return _NOTHING
    said = _ENCODER.encode((platform, frames))
    if len(said) > _LARGEST_REMEMBERED:
        return _judged(frames, platform)
    digest = blake2b(said, digest_size=16).digest()
    stack = _remembered.get(digest)
    if stack is None:
        if len(_remembered) >= _MOST_REMEMBERED:
            _remembered.clear()
        stack = _remembered[digest] = _judged(frames, platform)
    return stack


def _judged(frames: Sequence[Frame], platform: str) -> _Stack:
    judgements = judge(frames, platform)
    app: list[tuple[str, str]] = []
    system: list[tuple[str, str]] = []
    previous: Frame | None = None
    for frame, judgement in zip(frames, judgements, strict=True):
        values = () if is_recursion(frame, previous) else frame_values(frame, platform)
        previous = frame
        if not values or not judgement.grouped:
            continue
        system.extend(values)
        if judgement.in_app:
            app.extend(values)
    if len(frames) == 1 and family(frames[0].platform or platform) == "javascript":
        only = frames[0]
        if not only.function and is_url(only.abs_path or only.filename):
            return _NOTHING
    return _Stack(tuple(app), tuple(system))


def _exceptions(event: ErrorEvent) -> tuple[Variant, ...]:
    stacks = [_stack(exception.frames, event.platform) for exception in event.exceptions]
    chosen = _chosen(event.exceptions, stacks)
    strategy = "exception" if len(chosen) == 1 else "chained-exception"
    app = tuple(v for i in chosen for v in _exception(event.exceptions[i], stacks[i].app))
    system = tuple(v for i in chosen for v in _exception(event.exceptions[i], stacks[i].system))
    app_stack = any(stacks[i].app for i in chosen)
    system_stack = any(stacks[i].system for i in chosen)
    has_trace = any(event.exceptions[i].frames is not None for i in chosen)
    if not system_stack:
        # No variant has a stack: the exceptions' types and values speak, as "app" where no trace was sent at all.
        return (_variant("system" if has_trace else "app", strategy, system),) if system else ()
    return _paired(strategy, _Stack(app if app_stack else (), system))


def _exception(exception: ExceptionValue, stack: Values) -> Values:
    """Return stack, type, NSError, and the value only when nothing else places the error."""
    values = list(stack)
    if exception.type and not exception.synthetic:
        values.append(("type", exception.type))
    if exception.ns_error is not None:
        values.extend(("ns-error", part) for part in exception.ns_error)
    elif not stack and exception.value and (text := normalise_message(exception.value)):
        values.append(("value", text))
    return tuple(values)


def _chosen(exceptions: Sequence[ExceptionValue], stacks: Sequence[_Stack]) -> list[int]:
    """Return which exceptions count, in the order in which they are hashed: all of a chain as they were sent; of a
    tree with ids, the distinct ones below its groups (Sentry's RFC 0079). A broken tree is a chain.
    """
    everything = list(range(len(exceptions)))
    if len(exceptions) < 2:
        return everything
    by_id: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    for index in reversed(everything):
        own, parent = exceptions[index].exception_id, exceptions[index].parent_id
        if own is None or own == parent or own in by_id:
            return everything
        by_id[own] = index
        if parent is not None:
            children.setdefault(parent, []).append(index)
    if 0 not in by_id:
        return everything
    top = _top_level(exceptions, by_id[0], children)
    top.sort(key=lambda index: exceptions[index].type or "None", reverse=True)
    distinct: list[int] = []
    last: object = None
    for index in top:
        face = (_exception(exceptions[index], stacks[index].app), _exception(exceptions[index], stacks[index].system))
        if face != last:
            distinct.append(index)
        last = face
    if len(distinct) == 1:
        return _first_path(exceptions, distinct[0], children)
    return [*distinct, by_id[0]]


def _top_level(exceptions: Sequence[ExceptionValue], root: int, children: dict[int, list[int]]) -> list[int]:
    """Return the first exceptions that are no groups, walking down from the root; each is visited once."""
    top: list[int] = []
    waiting, seen = [root], set()
    while waiting:
        index = waiting.pop()
        if index in seen:
            continue
        seen.add(index)
        if exceptions[index].is_exception_group:
            waiting.extend(reversed(_below(exceptions[index], children)))
        else:
            top.append(index)
    return top


def _first_path(exceptions: Sequence[ExceptionValue], start: int, children: dict[int, list[int]]) -> list[int]:
    """Return the exception and, below it, always the first child: the one chain that matters."""
    path = [start]
    while below := [index for index in _below(exceptions[path[-1]], children) if index not in path]:
        path.append(below[0])
    return path


def _below(exception: ExceptionValue, children: dict[int, list[int]]) -> list[int]:
    return children.get(exception.exception_id, []) if exception.exception_id is not None else []
