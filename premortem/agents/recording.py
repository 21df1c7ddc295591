"""Where a log statement goes that records the variables of a failing statement, and the edits that put it there."""

import ast
import builtins
from collections.abc import Callable, Sequence

from msgspec import Struct

from premortem.agents.checks.python_code import names_in, parsed
from premortem.agents.editing import NotRevertible, edits_to
from premortem.agents.suspects import found
from premortem.domain.evidence import Edit
from premortem.domain.observations import Code
from premortem.domain.timeline import ContextBuilt

_MOST_NAMES = 6
_BUILTINS = frozenset(dir(builtins))


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
    failing, lines = code.lines[index].strip(), text.splitlines()
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
    """Return the variables that the statement's own expressions read, without what is only called, at most six."""
    parts = [part for part in ast.iter_child_nodes(statement) if not isinstance(part, ast.stmt)]
    called = {node.func.id for part in parts for node in ast.walk(part)
              if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}  # fmt: skip
    bound = {node.id for part in parts for node in ast.walk(part)
             if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}  # fmt: skip
    names = [name for part in parts for name in names_in(part)]
    return [name for name in dict.fromkeys(names) if name not in called | bound | _BUILTINS and name != "self"][
        :_MOST_NAMES
    ]


def _with_log(text: str, tree: ast.Module, statement: ast.stmt, names: Sequence[str]) -> str:
    """Return the text with a log statement before `statement`, and a logger where the module has none."""
    lines = text.splitlines(keepends=True)
    indent = lines[statement.lineno - 1][: statement.col_offset]
    logger = _logger(tree)
    extra = ", ".join(f'"premortem_{name}": repr({name})[:200]' for name in names)
    log = f'{indent}{logger or "_LOGGER"}.warning("premortem: before the statement that failed", extra={{{extra}}})\n'
    lines.insert(statement.lineno - 1, log)
    if logger is None:
        lines[_after_imports(tree) : _after_imports(tree)] = [
            "import logging\n",
            "\n",
            "_LOGGER = logging.getLogger(__name__)\n",
        ]
    return "".join(lines)


def _logger(tree: ast.Module) -> str | None:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            target = node.targets[0]
            if ast.unparse(node.value.func) in ("logging.getLogger", "getLogger") and isinstance(target, ast.Name):
                return target.id if target.id.lower() in ("logger", "log", "_logger") else None
    return None


def _after_imports(tree: ast.Module) -> int:
    """Return the index of the line behind the module's docstring and first imports."""
    last = 0
    for number, node in enumerate(tree.body):
        is_docstring = number == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not (is_docstring or isinstance(node, ast.Import | ast.ImportFrom)):
            break
        last = node.end_lineno or node.lineno
    return last
