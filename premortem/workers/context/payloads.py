"""An archived body read for its stack, variables, breadcrumbs and flags; whatever stands in it is text. Pure."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from premortem.domain.archive import ArchivedEvent
from premortem.sentry.event_payload.stacks import values_of
from premortem.workers.context.texts import cut, representation

_MOST_FRAMES, _MOST_VARIABLES, _MOST_BREADCRUMBS, _MOST_FLAGS = 60, 30, 60, 100
_LONGEST_NAME, _LONGEST_LINE, _LONGEST_VALUE = 300, 300, 1_000


class ReadFrame(Struct, frozen=True, kw_only=True):
    """A frame as a client sent it."""

    filename: str
    abs_path: str
    module: str
    function: str
    line: int
    in_app: bool | None
    context_line: str
    variables: tuple[tuple[str, str], ...] = ()


class ReadException(Struct, frozen=True, kw_only=True):
    """An exception as a client sent it, and how it came to the next one: `__cause__`, `__context__` or nothing said."""

    type: str
    value: str
    source: str
    frames: tuple[ReadFrame, ...]

    def in_app(self) -> list[ReadFrame]:
        """Return the frames of the application, the failing one first; all that are not said to be others' when the
        client marked none.
        """
        marked = [frame for frame in self.frames if frame.in_app]
        return list(reversed(marked or [frame for frame in self.frames if frame.in_app is None]))


class Payload(Struct, frozen=True, kw_only=True):
    """What is read of a body."""

    exceptions: tuple[ReadException, ...] = ()
    """The root cause first."""
    breadcrumbs: tuple[tuple[int, str, str], ...] = ()
    flags: tuple[tuple[str, str], ...] = ()
    transaction: str = ""

    def failing(self) -> ReadException | None:
        """Return the exception in which it failed: the outermost one, or what it was raised from, as far in as the
        application's own frames reach. What was merely being handled when another one was raised is not its cause.
        """
        found = self.exceptions[-1] if self.exceptions else None
        for inner in reversed(self.exceptions[:-1]):
            if inner.source == "__context__":
                break
            if inner.in_app() or (found and not found.in_app()):
                found = inner
        return found


def read_payload(event: ArchivedEvent) -> Payload:
    """Return what the event's body says; empty for one that is no JSON object."""
    try:
        body = msgspec.json.decode(event.payload)
    except (ValueError, RecursionError):
        return Payload()
    if not isinstance(body, dict):
        return Payload()
    contexts = body.get("contexts")
    flags = contexts.get("flags") if isinstance(contexts, dict) else None
    return Payload(
        exceptions=tuple(_exceptions(body, event.title, names_quoted=event.platform == "python")),
        breadcrumbs=tuple(_breadcrumbs(body)),
        flags=tuple(_flags(flags)),
        transaction=_text(body.get("transaction"), _LONGEST_NAME),
    )


def _exceptions(body: dict[str, Any], title: str, *, names_quoted: bool) -> Iterator[ReadException]:
    found = values_of(body.get("exception"))
    for entry in found:
        mechanism = entry.get("mechanism")
        yield ReadException(
            type=_text(entry.get("type"), _LONGEST_NAME),
            value=_text(entry.get("value"), _LONGEST_VALUE),
            source=_text(mechanism.get("source") if isinstance(mechanism, dict) else None, 20),
            frames=_frames(entry.get("stacktrace"), names_quoted=names_quoted),
        )
    if found:
        return
    crashed = [thread for thread in values_of(body.get("threads")) if thread.get("crashed") or thread.get("current")]
    for entry in (body, *crashed):  # a message, with the stack that it was sent from
        if frames := _frames(entry.get("stacktrace"), names_quoted=names_quoted):
            yield ReadException(type="", value=cut(title, _LONGEST_VALUE), source="", frames=frames)
            return


def _frames(stacktrace: Any, *, names_quoted: bool) -> tuple[ReadFrame, ...]:
    entries = stacktrace.get("frames") if isinstance(stacktrace, dict) else None
    kept = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return tuple(_frame(entry, names_quoted=names_quoted) for entry in kept[-_MOST_FRAMES:])


def _frame(entry: dict[str, Any], *, names_quoted: bool) -> ReadFrame:
    get = entry.get
    line, in_app, variables = get("lineno"), get("in_app"), get("vars")
    abs_path = _text(get("abs_path"), _LONGEST_NAME)
    return ReadFrame(
        filename=_text(get("filename"), _LONGEST_NAME) or abs_path,
        abs_path=abs_path,
        module=_text(get("module"), _LONGEST_NAME),
        function=_text(get("function"), _LONGEST_NAME),
        line=line if isinstance(line, int) and not isinstance(line, bool) and 0 < line < 1 << 31 else 0,
        in_app=in_app if isinstance(in_app, bool) else None,
        context_line=_text(get("context_line"), _LONGEST_LINE),
        variables=tuple(_variables(variables, names_quoted=names_quoted)) if isinstance(variables, dict) else (),
    )


def _variables(variables: dict[str, Any], *, names_quoted: bool) -> Iterator[tuple[str, str]]:
    told = [name for name in sorted(variables) if not (name.startswith("__") and name.endswith("__"))]  # a module's own
    for name in told[:_MOST_VARIABLES]:
        yield cut(name, 100), cut(representation(variables[name], names_quoted=names_quoted), _LONGEST_VALUE)


def _breadcrumbs(body: dict[str, Any]) -> Iterator[tuple[int, str, str]]:
    for entry in values_of(body.get("breadcrumbs"))[-_MOST_BREADCRUMBS:]:
        at, details = entry.get("timestamp"), entry.get("data")
        said = _text(entry.get("message"), 300)
        if not said and isinstance(details, dict):
            said = cut(representation(details), 300)
        known = isinstance(at, int | float) and not isinstance(at, bool) and abs(at) < 1 << 40
        yield round(at * 1000) if known else 0, _text(entry.get("category") or entry.get("type"), 100), said


def _flags(flags: Any) -> Iterator[tuple[str, str]]:
    entries = flags.get("values") if isinstance(flags, dict) else None
    for entry in entries[:_MOST_FLAGS] if isinstance(entries, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("flag"), str) and "result" in entry:
            yield cut(entry["flag"], 100), cut(representation(entry["result"]), 100)


def _text(value: Any, longest: int) -> str:
    return cut(value, longest) if isinstance(value, str) else ""
