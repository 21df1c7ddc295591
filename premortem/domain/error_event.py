"""ErrorEvent: one normalised Sentry error, typed, with what grouping, detection and the archive need of it."""

from msgspec import Struct

from premortem.domain.ids import EventId
from premortem.domain.project_stream import Level


class Frame(Struct, frozen=True, gc=False):
    """One stack frame as the client sent it; None where it said nothing."""

    function: str | None = None
    raw_function: str | None = None
    module: str | None = None
    filename: str | None = None
    abs_path: str | None = None
    package: str | None = None
    context_line: str | None = None
    lineno: int | None = None
    colno: int | None = None
    in_app: bool | None = None
    platform: str | None = None
    has_sourcemap: bool = False


class ExceptionValue(Struct, frozen=True):
    """One exception of a chain. Frames run from the oldest call to the one that failed."""

    type: str | None = None
    value: str | None = None
    module: str | None = None
    frames: tuple[Frame, ...] | None = None
    handled: bool | None = None
    synthetic: bool = False
    ns_error: tuple[str, str] | None = None
    """Domain and code of an NSError."""
    exception_id: int | None = None
    parent_id: int | None = None
    is_exception_group: bool = False


class Thread(Struct, frozen=True):
    """One thread of a crash report."""

    frames: tuple[Frame, ...] | None = None
    crashed: bool = False
    current: bool = False


class ErrorEvent(Struct, frozen=True, kw_only=True):
    """A normalised error event. Times in milliseconds since 1970 UTC; the chain runs from root cause to outermost."""

    event_id: EventId
    platform: str
    occurred_at: int
    received_at: int
    level: Level
    title: str
    culprit: str
    root_type: str = ""
    handled: bool | None = None
    logger: str = ""
    transaction: str | None = None
    release: str | None = None
    environment: str | None = None
    dist: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    user_hash: str | None = None
    trace_id: str | None = None
    message: str | None = None
    """The template, with its placeholders, where the client sent one; else the text."""
    formatted: str | None = None
    exceptions: tuple[ExceptionValue, ...] = ()
    threads: tuple[Thread, ...] = ()
    frames: tuple[Frame, ...] | None = None
    """A stack trace of its own, outside any exception."""
    template: tuple[str | None, str | None] | None = None
    """File and line of a template that failed to render."""
    security: tuple[str, tuple[str, ...]] | None = None
    """Kind of a browser's security report, and the values that tell such reports apart."""
    fingerprint: tuple[str, ...] = ()
    checksum: str | None = None
    sdk: str = ""
