"""From an event to its grouping: the client's own fingerprint or checksum, else the variants."""

import re
from collections.abc import Iterable

from msgspec import Struct

from premortem.domain.error_event import ErrorEvent, Frame
from premortem.domain.fingerprint.variants import EMPTY_HASH, Variant, hash_of, variants_of

VERSION = 2
"""Raised whenever the same event could get another hash; written with every grouping that is kept."""

_VARIABLE = re.compile(r"\{\{\s*([\w.\-]{1,200})\s*\}\}")
_HEX = re.compile(r"[0-9a-fA-F]{32}\Z")
_DEFAULT = "default"


class Grouping(Struct, frozen=True):
    """The hashes of an event, strongest first, and the variants that made them, for a person to see why."""

    version: int
    hashes: tuple[str, ...]
    variants: tuple[Variant, ...]


def group(event: ErrorEvent) -> Grouping:
    """Return the grouping of an event. Pure, and linear in its size."""
    if event.checksum:
        checksum = event.checksum.lower() if _HEX.match(event.checksum) else hash_of([event.checksum])
        return _of(Variant("checksum", "checksum", (("checksum", event.checksum),), checksum))
    if event.fingerprint and not _only_default(event.fingerprint):
        return _custom(event)
    return _of(*_defaults(event))


def _defaults(event: ErrorEvent) -> tuple[Variant, ...]:
    return variants_of(event) or (Variant("fallback", "fallback", (), EMPTY_HASH),)


def _only_default(fingerprint: tuple[str, ...]) -> bool:
    return len(fingerprint) == 1 and _is_default(fingerprint[0])


def _is_default(part: str) -> bool:
    match = _VARIABLE.fullmatch(part)
    return match is not None and match[1] == _DEFAULT


def _custom(event: ErrorEvent) -> Grouping:
    parts = event.fingerprint
    if not any(map(_is_default, parts)):
        values = tuple(("fingerprint", resolve(part, event)) for part in parts)
        return _of(Variant("custom-fingerprint", "fingerprint", values, hash_of([value for _, value in values])))
    salted = []
    for variant in _defaults(event):
        values = tuple(
            value
            for part in parts
            for value in (variant.values if _is_default(part) else (("fingerprint", resolve(part, event)),))
        )
        name, strategy = variant.name, f"salted {variant.strategy}"
        salted.append(Variant(name, strategy, values, hash_of([value for _, value in values])))
    return _of(*salted)


def _of(*variants: Variant) -> Grouping:
    hashes = tuple(dict.fromkeys(variant.hash for variant in variants))
    return Grouping(VERSION, hashes, variants)


def resolve(part: str, event: ErrorEvent) -> str:
    """Return a part of a fingerprint with its `{{ variable }}` filled in; one that is not known stays as it is."""
    match = _VARIABLE.fullmatch(part)
    if match is None:
        return part
    found = _variable(match[1], event)
    return part if found is None else found


def _variable(name: str, event: ErrorEvent) -> str | None:
    exception = event.exceptions[-1] if event.exceptions else None
    frame = _crash_frame(event)
    if name.startswith("tags."):
        return dict(event.tags).get(name[5:], f"<no-value-for-tag-{name[5:]}>")
    match name.removeprefix("error.").removeprefix("stack.") if name not in ("level",) else name:
        case "transaction":
            return event.transaction or "<no-transaction>"
        case "message":
            return event.formatted or event.message or (exception.value if exception else None) or "<no-message>"
        case "type":
            return (exception.type if exception else None) or "<no-type>"
        case "value":
            return (exception.value if exception else None) or "<no-value>"
        case "function":
            return (frame.function if frame else None) or "<no-function>"
        case "path" | "abs_path":
            return (frame.abs_path or frame.filename if frame else None) or "<no-abs-path>"
        case "filename":
            return (frame.filename or frame.abs_path if frame else None) or "<no-filename>"
        case "module":
            return (frame.module if frame else None) or "<no-module>"
        case "package":
            package = frame.package if frame else None
            return re.split(r"[/\\]", package)[-1] if package else "<no-package>"
        case "level":
            return event.level
        case "logger":
            return event.logger or "<no-logger>"
        case _:
            return None


def _crash_frame(event: ErrorEvent) -> Frame | None:
    """Return the application's last frame, else the last, of the outermost exception that has any."""
    stacks: Iterable[tuple[Frame, ...] | None] = (
        *(exception.frames for exception in reversed(event.exceptions)),
        event.frames,
        *(thread.frames for thread in event.threads if thread.crashed or thread.current),
    )
    for frames in stacks:
        if frames:
            return next((frame for frame in reversed(frames) if frame.in_app), frames[-1])
    return None


def explain(grouping: Grouping) -> str:
    """Return, for a person, what made each hash: a line a variant, then a line a value."""
    lines = []
    for variant in grouping.variants:
        lines.append(f"{variant.name} ({variant.strategy}) {variant.hash}")
        lines.extend(f"  {role}: {value}" for role, value in variant.values)
    return "\n".join(lines)
