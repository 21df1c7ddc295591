"""Bringing a failure back: the function that failed, called with the arguments that its stack frame recorded.

Arguments are data: Python literals, read by `ast.literal_eval`, handed to a script of ours. What a client recorded is
never code. Only plain functions of Python modules can be called so; of others there is no reproduction, which is said.
"""

import ast
import json
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from premortem.agents.checks.python_code import parsed
from premortem.agents.suspects import found
from premortem.domain.evidence import Check
from premortem.domain.observations import Code, EventSeen, ExceptionSeen, FrameSeen
from premortem.domain.timeline import ContextBuilt
from premortem.ports import Worktree

_SCRIPT = Path(__file__).with_name("reproduce_script.py")
_SECONDS, _MEMORY_MB, _LONGEST = 30.0, 1024, 2_000
NAME = "reproduction"


class Reproduction(Struct, frozen=True, kw_only=True):
    """A call that should fail as the incident does."""

    module: str
    function: str
    arguments: dict[str, str]
    """Python literals by parameter."""
    type: str
    path: str


class Ended(Struct, frozen=True, omit_defaults=True):
    """How a call ended; `ends` is empty when nothing could be run."""

    ends: str
    type: str = ""
    path: str = ""
    function: str = ""


def plan(context: ContextBuilt, read: Callable[[str], str | None]) -> Reproduction | str:
    """Return the call, or why there is none. `read` returns a file's text at the base commit."""
    code = next((code for _, code in found(context.evidence, "code", Code) if code.depth == 0), None)
    if code is None or not code.path.endswith(".py"):
        return "the code that failed is not known, or is no Python"
    tree = parsed(read(code.path) or "")
    functions = {node.name: node for node in (tree.body if tree else ()) if isinstance(node, ast.FunctionDef)}
    function = functions.get(code.function)
    if function is None or function.decorator_list:
        return f"{code.function!a} is no plain function of {code.path}"
    for exception, frame in _frames(context):
        if frame.function == code.function and frame.line == code.failing_line:
            arguments = _arguments(function, dict(frame.variables))
            if isinstance(arguments, str):
                return arguments
            module = code.path.removesuffix(".py").removeprefix("src/").removesuffix("/__init__").replace("/", ".")
            return Reproduction(
                module=module, function=code.function, arguments=arguments, type=exception.type, path=code.path
            )
    return "no event recorded the variables of the frame that failed"


def call(tree: Worktree, reproduction: Reproduction) -> Ended:
    """Make the call in the checkout as it is now."""
    words = [
        sys.executable, "-I", str(_SCRIPT), str(tree.path), reproduction.module, reproduction.function,
        json.dumps(reproduction.arguments, sort_keys=True),
    ]  # fmt: skip
    ran = tree.run(words, seconds=_SECONDS, memory_mb=_MEMORY_MB)
    if ran.code != 0:
        return Ended("")
    try:
        return msgspec.json.decode(ran.output.rstrip().rpartition("\n")[2], type=Ended)
    except ValueError:
        return Ended("")


def is_the_failure(ended: Ended, reproduction: Reproduction) -> bool:
    """Tell whether the call failed as the incident does: the same exception, out of the same function."""
    return (ended.ends, ended.type, ended.path, ended.function) == (
        "raised",
        reproduction.type,
        reproduction.path,
        reproduction.function,
    )


def judged(reproduction: Reproduction, before: Ended, after: Ended | None) -> Check:
    """Return the check: it has to fail on the base as the incident does, and to return on the patch."""
    called = f"{reproduction.module}.{reproduction.function}({', '.join(sorted(reproduction.arguments))})"
    if after is None or not is_the_failure(before, reproduction):
        said = f"{called} on the base: {_said(before)}; the incident: {reproduction.type} in {reproduction.function}"
        return Check(name=NAME, state="not_possible", output=said, required=False)
    said = f"{called} on the base: {_said(before)}; on the patch: {_said(after)}"
    return Check(name=NAME, state="passed" if after.ends == "returned" else "failed", output=said)


def _said(ended: Ended) -> str:
    if ended.ends == "raised":
        return f"{ended.type} in {ended.function or 'other code'}"
    return ended.ends or "it could not be run"


def _frames(context: ContextBuilt) -> list[tuple[ExceptionSeen, FrameSeen]]:
    return [
        (exception, frame)
        for _, event in found(context.evidence, "event", EventSeen)
        for exception in event.exceptions
        for frame in exception.frames[-1:]
    ]


def _arguments(function: ast.FunctionDef, variables: dict[str, str]) -> dict[str, str] | str:
    """Return a literal for each parameter that was recorded as one; why not, where one is needed and is none."""
    asked = function.args
    if asked.vararg or asked.kwarg or asked.posonlyargs:
        return f"{function.name} takes arguments that cannot be given by name"
    needed = len(asked.args) - len(asked.defaults)
    required = [arg.arg for arg in asked.args[:needed]]
    required += [arg.arg for arg, default in zip(asked.kwonlyargs, asked.kw_defaults, strict=True) if default is None]
    given: dict[str, str] = {}
    for name in [arg.arg for arg in (*asked.args, *asked.kwonlyargs)]:
        literal = _literal(variables.get(name))
        if literal is not None:
            given[name] = literal
        elif name in required:
            return f"the event holds no plain value of {name}"
    return given


def _literal(text: str | None) -> str | None:
    """Return the text when it is a literal, and whole: where an SDK cuts a value short, it writes `...`."""
    if text is None or len(text) > _LONGEST:
        return None
    try:
        ast.literal_eval(text)
        cut = any(isinstance(node, ast.Constant) and node.value is ... for node in ast.walk(ast.parse(text.strip())))
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None
    return None if cut else text
