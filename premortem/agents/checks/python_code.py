"""Python read as a syntax tree: what it imports, whether a patch only silences, whether it only records more."""

import ast
from collections.abc import Sequence

_LOGGERS = frozenset({"logger", "log", "logging", "_logger", "sentry_sdk", "scope"})
_RECORDS = frozenset(
    {"debug", "info", "warning", "error", "critical", "exception", "log", "warn"}
    | {"set_tag", "set_context", "set_extra", "set_attribute", "set_attributes", "add_breadcrumb", "set_data"}
)
_HARMLESS_CALLS = frozenset(
    {"len", "type", "repr", "str", "int", "float", "bool", "isinstance", "id", "sorted", "list"}
)
_REACHES = ("os", "sys", "subprocess", "socket")


def parsed(text: str) -> ast.Module | None:
    """Return the tree, or None when the text is no Python that this interpreter reads."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def imported(text: str) -> set[str]:
    """Return the full names of the modules that a file imports anywhere; none when it cannot be read."""
    tree = parsed(text)
    names: set[str] = set()
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add("." * node.level + (node.module or ""))
    return names


def only_silences(before: str, after: str) -> bool:
    """Tell whether the patch removes no cause: it only catches, returns early, defaults, or changes a log level.

    Both sides are brought to a form without such guards; when nothing else differs, the patch is one of them.
    """
    one, other = parsed(before), parsed(after)
    if one is None or other is None or ast.dump(one) == ast.dump(other):
        return False
    return ast.dump(_Unguarded().visit(one)) == ast.dump(_Unguarded().visit(other))


def only_records(before: str, after: str) -> str:
    """Return why the patch does more than record, or nothing: what is left without log statements must be the same."""
    one, other = parsed(before), parsed(after)
    if one is None or other is None:
        return "it is no Python that can be read"
    harmful = [ast.unparse(call)[:80] for call in _new_records(one, other) if not _is_harmless(call)]
    if harmful:
        return f"a log statement does more than read: {harmful[0]}"
    if ast.dump(_Unrecorded().visit(one)) != ast.dump(_Unrecorded().visit(other)):
        return "it changes more than log statements and attributes"
    return ""


def names_in(node: ast.AST) -> list[str]:
    """Return the plain names that are read in a statement, each once, in the order of the text."""
    reads = [n for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]
    ordered = sorted(reads, key=lambda name: (name.lineno, name.col_offset))
    return list(dict.fromkeys(name.id for name in ordered))


def is_record(node: ast.stmt) -> bool:
    """Tell whether a statement is a call that logs, or sets an attribute of a trace or an event."""
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
        return False
    function = node.value.func
    if not isinstance(function, ast.Attribute) or function.attr not in _RECORDS:
        return False
    return isinstance(function.value, ast.Name) and function.value.id.lower() in _LOGGERS


def _new_records(before: ast.Module, after: ast.Module) -> list[ast.expr]:
    known = [ast.dump(node) for node in ast.walk(before) if isinstance(node, ast.stmt) and is_record(node)]
    new: list[ast.expr] = []
    for node in ast.walk(after):
        if isinstance(node, ast.Expr) and is_record(node):
            if ast.dump(node) in known:
                known.remove(ast.dump(node))
            else:
                new.append(node.value)
    return new


def _is_harmless(call: ast.expr) -> bool:
    """Tell whether the arguments of a log statement only read: names, attributes, constants, and a few pure calls."""
    for node in ast.walk(call):
        if node is call or (isinstance(call, ast.Call) and node is call.func):
            continue
        if isinstance(node, ast.Call) and not (isinstance(node.func, ast.Name) and node.func.id in _HARMLESS_CALLS):
            return False
        if isinstance(node, ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr | ast.Lambda | ast.Starred):
            return False
        if isinstance(node, ast.Name) and node.id in _REACHES:
            return False
    return True


def _body(statements: Sequence[ast.stmt]) -> list[ast.stmt]:
    return list(statements) or [ast.Pass()]


class _Unrecorded(ast.NodeTransformer):
    """Takes out log statements, and the logger that a file makes for itself."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if is_record(node) else node

    def visit_Import(self, node: ast.Import) -> ast.AST | None:
        return None if [alias.name for alias in node.names] == ["logging"] else node

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        made = isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "logging.getLogger"
        return None if made else self.generic_visit(node)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for field in ("body", "orelse", "finalbody"):
            statements = getattr(node, field, None)
            if isinstance(statements, list) and field == "body" and not isinstance(node, ast.Module):
                node.body = [s for s in _body(statements) if not isinstance(s, ast.Pass)] or [ast.Pass()]  # type: ignore[attr-defined]
        return node


class _Unguarded(_Unrecorded):
    """Takes out besides: catching, early returns for what is missing, and defaults."""

    def visit_Try(self, node: ast.Try) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        return [*node.body, *node.orelse, *node.finalbody]

    def visit_With(self, node: ast.With) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        suppressing = [ast.unparse(item.context_expr).split("(")[0].endswith("suppress") for item in node.items]
        return node.body if all(suppressing) else node

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        leaves = all(isinstance(s, ast.Return | ast.Continue | ast.Break | ast.Pass) for s in node.body)
        if leaves and not node.orelse and _is_plain(node):
            return []
        return node.body if not node.orelse and _tests_presence(node.test) else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        function = node.func
        if (
            isinstance(function, ast.Attribute)
            and function.attr == "get"
            and 1 <= len(node.args) <= 2
            and not node.keywords
        ):
            return ast.Subscript(value=function.value, slice=node.args[0], ctx=ast.Load())
        if isinstance(function, ast.Name) and function.id == "getattr" and len(node.args) in (2, 3):
            name = node.args[1]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                return ast.Attribute(value=node.args[0], attr=name.value, ctx=ast.Load())
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        return node.values[0] if isinstance(node.op, ast.Or) else node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        return node.body if _tests_presence(node.test) else node


def _is_plain(node: ast.If) -> bool:
    """Tell whether a guard leaves with nothing of worth: no value, a constant, an empty container."""
    values = [s.value for s in node.body if isinstance(s, ast.Return) and s.value is not None]
    return all(isinstance(value, ast.Constant | ast.Dict | ast.List | ast.Tuple) for value in values)


def _tests_presence(test: ast.expr) -> bool:
    """Tell whether a condition only asks whether something is there."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return _tests_presence(test.operand)
    if isinstance(test, ast.Name | ast.Attribute | ast.Subscript):
        return True
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        if isinstance(test.ops[0], ast.In | ast.NotIn):
            return True
        compared = test.comparators[0]
        return isinstance(compared, ast.Constant) and compared.value is None
    return False
