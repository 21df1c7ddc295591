"""Whether a patch of Python only records more: log statements and attributes that read, and nothing else.

Both syntax trees are walked side by side. Whatever the new one has more has to be a harmless log statement, or the
logger that it needs; nothing may be missing, and nothing else may differ.
"""

import ast
import builtins
import logging
from collections import Counter
from collections.abc import Iterator, Sequence

from premortem.agents.checks.python_code import compiled, parsed

_RECORDS = frozenset(
    {"debug", "info", "warning", "error", "critical", "exception"}
    | {"set_tag", "set_context", "set_extra", "set_attribute", "set_attributes", "add_breadcrumb", "set_data"}
)
_HARMLESS_CALLS = frozenset({"len", "type", "repr", "str", "bool", "isinstance", "id"})
"""What neither uses up an iterator nor fails for a value that it cannot read as another type."""
_HARMLESS_NODES = (
    *(ast.Constant, ast.Name, ast.Load, ast.Attribute, ast.Dict, ast.List, ast.Tuple),
    *(ast.JoinedStr, ast.FormattedValue, ast.Call, ast.Subscript, ast.Slice, ast.keyword),
)
_NO_VALUES = frozenset(dir(builtins)) | {"os", "sys", "subprocess", "socket"}
_GET_LOGGER = "logging.getLogger(__name__)"
_OF_RECORDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
"""Names that `extra` may not hold: logging raises for them."""


def only_records(before: str, after: str) -> str:
    """Return why the patch does more than record, or nothing."""
    one, other = parsed(before), parsed(after)
    if one is None or other is None or not compiled(after):
        return "it is no Python that can be read"
    try:
        added = list(_added(one, other))
    except _Differs:
        return "it changes more than log statements and attributes"
    known, bound = loggers(other), Counter(bindings(other))
    for statement in added:
        if not _supplies_logger(statement, other, bound) and not _is_harmless(statement, known, bound):
            return f"a statement does more than record: {ast.unparse(statement)[:80]}"
    return ""


def loggers(tree: ast.Module) -> tuple[str, ...]:
    """Return the names that are a logger wherever they are read: made at the module's level and bound nowhere else."""
    bound = Counter(bindings(tree))
    made = [node.targets[0].id for node in tree.body
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
            and ast.unparse(node.value).startswith(("logging.getLogger(", "getLogger("))]  # fmt: skip
    imported = [alias.name for node in tree.body if isinstance(node, ast.Import)
                for alias in node.names if alias.name == "sentry_sdk" and not alias.asname]  # fmt: skip
    return tuple(name for name in dict.fromkeys([*made, *imported]) if bound[name] == 1)


def bindings(tree: ast.AST) -> Iterator[str]:
    """Yield the names that anything binds or takes away anywhere, each as often as that is done."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name) | ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                yield name
            case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                yield name
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from ((alias.asname or alias.name).partition(".")[0] for alias in names)


class _Differs(Exception):
    """The trees differ in more than statements that were added."""


def _added(one: ast.AST, other: ast.AST) -> Iterator[ast.stmt]:
    """Yield the statements that `other` has more. Raises _Differs."""
    if type(one) is not type(other):
        raise _Differs
    for name in one._fields:
        before, after = getattr(one, name, None), getattr(other, name, None)
        if isinstance(before, list) and isinstance(after, list):
            yield from _added_to(before, after)
        elif isinstance(before, ast.AST) and isinstance(after, ast.AST):
            yield from _added(before, after)
        elif type(before) is not type(after) or before != after:
            raise _Differs


def _added_to(before: list[ast.AST], after: list[ast.AST]) -> Iterator[ast.stmt]:
    at = 0
    for node in after:
        inside = _same(before[at], node) if at < len(before) else None
        if inside is not None:
            yield from inside
            at += 1
        elif isinstance(node, ast.stmt) and not (at == 0 and _is_docstring(before)):
            yield node
        else:
            raise _Differs
    if at < len(before):
        raise _Differs


def _same(one: object, other: ast.AST) -> Sequence[ast.stmt] | None:
    """Return what `other` has more inside, None when it is another node."""
    if not isinstance(one, ast.AST):
        return () if one == other and type(one) is type(other) else None
    try:
        return list(_added(one, other))
    except _Differs:
        return None


def _is_docstring(body: Sequence[ast.AST]) -> bool:
    first = body[0] if body else None
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)


def _supplies_logger(statement: ast.stmt, tree: ast.Module, bound: Counter[str]) -> bool:
    """Tell whether it is the module's `import logging`, or a logger under a name that nothing else has."""
    if statement not in tree.body:
        return False
    match statement:
        case ast.Import(names=[ast.alias(name="logging", asname=None)]):
            return bound["logging"] == 1
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return bound[name] == 1 and ast.unparse(value) == _GET_LOGGER
    return False


def _is_harmless(statement: ast.stmt, known: Sequence[str], bound: Counter[str]) -> bool:
    """Tell whether it calls a known logger with what only reads: names, attributes, constants and a few pure calls."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=logger), attr=attr)) as call):
            parts = [*call.args, *call.keywords]
            return (
                logger in known
                and attr in _RECORDS
                and all(_reads(node, bound) for part in parts for node in _values(part))
            )
    return False


def _values(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes below, without the names of the functions that are called."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(node, ast.Call) and child is node.func):
            yield from _values(child)


def _reads(node: ast.AST, bound: Counter[str]) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
            pure = name in _HARMLESS_CALLS and not bound[name] and not keywords
            return pure and len(args) == (2 if name == "isinstance" else 1)
        case ast.Call() | ast.keyword(arg=None):
            return False
        case ast.keyword(arg="extra", value=value):
            return isinstance(value, ast.Dict) and all(
                isinstance(key, ast.Constant) and key.value not in _OF_RECORDS for key in value.keys
            )
        case ast.Name(id=name):
            return name not in _NO_VALUES and not name.startswith("__")
        case ast.Attribute(attr=attr):
            return not attr.startswith("__")
        case ast.Subscript(value=value, slice=piece):
            return isinstance(value, ast.Call) and isinstance(piece, ast.Slice)
        case ast.FormattedValue(format_spec=spec):
            return spec is None
    return isinstance(node, _HARMLESS_NODES)
