"""What of a frame tells two places in the code apart: module or file, function, source line."""

import re
from functools import lru_cache

from premortem.domain.error_event import Frame
from premortem.domain.fingerprint.native_names import trim
from premortem.domain.fingerprint.platforms import CONTEXT_LINE_PLATFORMS, family

Values = tuple[tuple[str, str], ...]
"""(role, value) of what contributes, in the order in which it is hashed."""

_LONGEST_LINE = 120
_ERB = re.compile(r"__\d{4,}_\d{4,}$")
_BASENAME = re.compile(r"[/\\]")
_URL = re.compile(r"^(?:https?:|blob:|applewebdata:)", re.IGNORECASE)
_REFLECTION = ("sun.reflect.GeneratedMethodAccessor", "jdk.internal.reflect.GeneratedMethodAccessor")
_GENERATED = (
    # (pattern, what stays in front of <auto>): classes that Java's frameworks make at run time
    re.compile(r"(sun\.reflect\.Generated(?:Serialization)?ConstructorAccessor)\d+"),
    re.compile(r"(\$\$[\w]+?CGLIB\$\$)[a-fA-F0-9]+(?:_[0-9]+)?"),
    re.compile(r"(\$\$_javassist)(?:_seam)?(?:_[0-9]+)?"),
    re.compile(r"(\$fn__)\d+"),
    re.compile(r"(\$\$EnhancerBy[\w$]+?\$\$)[a-fA-F0-9]+(?:_[0-9]+)?"),
    re.compile(r"(\$\$FastClassBy[\w$]+?\$\$)[a-fA-F0-9]+(?:_[0-9]+)?"),
    re.compile(r"(\$HibernateProxy\$)\w+(?:_[0-9]+)?"),
)
_JAVASSIST = _GENERATED[2]
_UNKNOWN_JS = frozenset(("?", "<anonymous function>", "<anonymous>", "Anonymous function"))
_LOW_QUALITY_PATHS = frozenset(("[native code]", "native code", "eval code", "<anonymous>"))


@lru_cache(maxsize=4096)
def frame_values(frame: Frame, event_platform: str) -> Values:
    """Return what contributes of the frame; empty when nothing does. `in_app` and numbers never matter here."""
    platform = frame.platform or event_platform
    javascript = family(platform) == "javascript"
    name = frame.raw_function or frame.function
    bare = name.rsplit(".", 1)[-1] if name else ""
    if javascript and (bare == "eval" or frame.abs_path in _LOW_QUALITY_PATHS):
        return ()
    values: list[tuple[str, str]] = []
    if module := _module(frame, platform):
        values.append(("module", module))
    elif filename := _filename(frame, platform):
        values.append(("filename", filename))
    line = _context_line(frame, platform)
    function = _function(frame, platform, line is not None)
    if javascript and (not bare or bare in _UNKNOWN_JS or bare.endswith("/<")):
        function = None
    if function:
        values.append(("function", function))
    if line:
        values.append(("context-line", line))
    return tuple(values)


def is_url(path: str | None) -> bool:
    """Say whether the path has a web page's origin."""
    return bool(path and _URL.match(path))


def is_recursion(frame: Frame, previous: Frame | None) -> bool:
    """Say whether the frame is the very call before it once more."""
    return previous is not None and (
        frame.abs_path,
        frame.package,
        frame.module,
        frame.filename,
        frame.function,
        frame.lineno,
        frame.colno,
    ) == (
        previous.abs_path,
        previous.package,
        previous.module,
        previous.filename,
        previous.function,
        previous.lineno,
        previous.colno,
    )


def _module(frame: Frame, platform: str) -> str | None:
    module = frame.module
    if not module:
        return None
    if platform == "javascript" and "/" in module and frame.abs_path and frame.abs_path.endswith(module):
        return None
    if platform != "java":
        return module
    if "$$Lambda$" in module:
        return None
    for prefix in _REFLECTION:
        if module.startswith(prefix):
            return prefix
    for pattern in _GENERATED:
        module = pattern.sub(r"\1<auto>", module)
    return module


def _filename(frame: Frame, platform: str) -> str | None:
    if not frame.filename:
        return None
    name = _BASENAME.split(frame.filename)[-1].lower()
    # Where JavaScript runs from files, a file URL says as much as a path; other platforms are judged alike.
    if (frame.abs_path and _URL.match(frame.abs_path)) or name in ("<anonymous>", "[native code]"):
        return None
    return _JAVASSIST.sub(r"\1<auto>", name) if platform == "java" else name


def _function(frame: Frame, platform: str, has_line: bool) -> str | None:
    if platform == "csharp":
        name = frame.raw_function or frame.function
    else:
        name = frame.function or frame.raw_function
        if name and not frame.raw_function:
            name = trim(name, platform)
    if not name or name == "?":
        return None
    match platform:
        case "ruby":
            return "block" if name.startswith("block ") else _ERB.sub("", name)
        case "php":
            if name.startswith("class@anonymous"):
                method = name.rsplit("::", 1)[-1]
                return method if method != name else None if name.startswith("class@anonymous\0") else name
            return None if name.startswith("[Anonymous") else name
        case "java":
            return None if name.startswith("lambda$") else name
    match family(platform):
        case "native":
            return None if name in ("<redacted>", "<unknown>") else name
        case "javascript":
            return None if frame.has_sourcemap and has_line else name.rsplit(".", 1)[-1]
    return name


def _context_line(frame: Frame, platform: str) -> str | None:
    raw = frame.context_line
    if not raw or platform not in CONTEXT_LINE_PLATFORMS or len(raw) > _LONGEST_LINE:
        return None
    if family(platform) == "javascript" and not frame.function and is_url(frame.abs_path):
        return None
    return " ".join(raw.expandtabs(2).split()) or None
