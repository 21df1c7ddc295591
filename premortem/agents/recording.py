"""Where a log statement goes that records the variables of a failing statement, and the edits that put it there."""

import ast
import builtins
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from premortem.agents.checks.log_statements import bindings, loggers
from premortem.agents.checks.python_code import compiled, parsed
from premortem.agents.editing import NotRevertible, edits_to
from premortem.agents.suspects import found
from premortem.agents.text_lines import lines_of
from premortem.domain.evidence import Edit
from premortem.domain.observations import Code
from premortem.domain.timeline import ContextBuilt
from premortem.sentry.scrub.keys import judge

_MOST_NAMES = 6
_BUILTINS = frozenset(dir(builtins))
_LOGGERS = ("logger", "log", "_logger")
_LATER = (ast.stmt, ast.ExceptHandler, ast.match_case)
"""What a statement holds and may never come to."""


class Recording(Struct, frozen=True, kw_only=True):
    """Where a log statement goes and what it tells; no edits = none is possible, and `why` says so."""

    edits: tuple[Edit, ...] = ()
    names: tuple[str, ...] = ()
    place: str = ""
    path: str = ""
    why: str = ""


def record_before_failure(context: ContextBuilt, read: Callable[[str], str | None]) -> Recording:
    """Return the log statement before the statement that failed. `read` returns a file at the base commit."""
    code = next((code for _, code in found(context.evidence, "code", Code) if code.depth == 0), None)
    if code is None or not code.path.endswith(".py"):
        return Recording(why="the code that failed is not known, or is no Python")
    text = read(code.path)
    tree = parsed(text or "")
    if text is None or tree is None:
        return Recording(why=f"{code.path} cannot be read at the branch's head")
    statement = _statement(tree, text, code)
    if statement is None:
        return Recording(why=f"the line that failed is not in {code.path} any more, or more than once")
    names = _recorded(statement)
    if not names:
        return Recording(why=f"line {statement.lineno} of {code.path} reads no variable")
    wanted = _with_log(text, tree, statement, names)
    if not compiled(wanted):
        return Recording(why=f"no statement fits before line {statement.lineno} of {code.path}")
    try:
        edits = edits_to(code.path, text, wanted)
    except NotRevertible as problem:
        return Recording(why=str(problem))
    place = f"before line {statement.lineno} of {code.path}"
    return Recording(edits=edits, names=tuple(names), place=place, path=code.path)


def _statement(tree: ast.Module, text: str, code: Code) -> ast.stmt | None:
    """Return the one statement of the function whose first line is the one that failed at the release's commit."""
    index = code.failing_line - code.first_line
    if not 0 <= index < len(code.lines):
        return None
    failing, lines = code.lines[index].strip(), lines_of(text)
    defined = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    functions = [node for node in defined if node.name == code.function]
    matches = [
        node
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.stmt)
        and node is not function
        and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and node.lineno <= len(lines)
        and lines[node.lineno - 1].strip() == failing
    ]
    return matches[0] if len({node.lineno for node in matches}) == 1 else None


def _recorded(statement: ast.stmt) -> list[str]:
    """Return the variables that the statement reads whatever happens, at most six: without what is only called, what
    may be unbound because it is read under a condition, and what is named like a secret.
    """
    called = {node.func.id for node in ast.walk(statement)
              if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}  # fmt: skip
    bound = set(bindings(statement))
    reads = sorted(_certain(statement), key=lambda name: (name.lineno, name.col_offset))
    names = dict.fromkeys(name.id for name in reads)
    left_out = called | bound | _BUILTINS | {"self"}
    return [name for name in names if name not in left_out and judge(name) in ("safe", "address")][:_MOST_NAMES]


def _certain(node: ast.AST) -> Iterator[ast.Name]:
    """Yield the names that are read whenever the node is evaluated as far as it goes."""
    children: Sequence[ast.AST] = [c for c in ast.iter_child_nodes(node) if not isinstance(c, _LATER)]
    match node:
        case ast.Name(ctx=ast.Load()):
            yield node
        case ast.Lambda(args=arguments):
            children = [*arguments.defaults, *(value for value in arguments.kw_defaults if value)]
        case ast.BoolOp(values=[first, *_]) | ast.Compare(left=first, ops=[_, _, *_]):
            children = [first]
        case ast.IfExp(test=test):
            children = [test]
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            children = [node.generators[0].iter]
        case ast.Assert(test=test):
            children = [test]
    for child in children:
        yield from _certain(child)


def _with_log(text: str, tree: ast.Module, statement: ast.stmt, names: Sequence[str]) -> str:
    """Return the text with a log statement before `statement`, and a logger where the module has none."""
    lines = lines_of(text)
    line = lines[statement.lineno - 1]
    indent, end = line[: statement.col_offset], "\r\n" if line.endswith("\r\n") else "\n"
    known = next((name for name in loggers(tree) if name.lower() in _LOGGERS), None)
    logger = known or _free_name(tree)
    extra = ", ".join(f'"premortem_{name}": repr({name})[:200]' for name in names)
    log = f'{indent}{logger}.warning("premortem: before the statement that failed", extra={{{extra}}}){end}'
    lines.insert(statement.lineno - 1, log)
    if known is None:
        at = _after_imports(tree)
        lines[at:at] = [f"import logging{end}", end, f"{logger} = logging.getLogger(__name__){end}"]
    return "".join(lines)


def _free_name(tree: ast.Module) -> str:
    """Return a name for a logger that nothing in the module has."""
    return "_PREMORTEM_LOGGER" if "_LOGGER" in set(bindings(tree)) else "_LOGGER"


def _after_imports(tree: ast.Module) -> int:
    """Return the index of the line behind the module's docstring and first imports."""
    last = 0
    for number, node in enumerate(tree.body):
        is_docstring = number == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not (is_docstring or isinstance(node, ast.Import | ast.ImportFrom)):
            break
        last = node.end_lineno or node.lineno
    return last
