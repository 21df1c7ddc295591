"""Whether a patch of Python only silences: it catches, leaves early, defaults or logs less, and removes no cause."""

import ast
from collections.abc import Sequence

from premortem.agents.checks.python_code import parsed

_LOGGERS = frozenset({"logger", "log", "logging", "_logger", "sentry_sdk", "scope"})
_RECORDS = frozenset(
    {"debug", "info", "warning", "error", "critical", "exception", "log", "warn"}
    | {"set_tag", "set_context", "set_extra", "set_attribute", "set_attributes", "add_breadcrumb", "set_data"}
)


def only_silences(before: str, after: str) -> bool:
    """Tell whether the patch removes no cause: it only catches, returns early, defaults, or changes a log level.

    Both sides are brought to a form without such guards; when nothing else differs, the patch is one of them.
    """
    one, other = parsed(before), parsed(after)
    if one is None or other is None or ast.dump(one) == ast.dump(other):
        return False
    first, then = _Unguarded(), _Unguarded()
    return ast.dump(first.visit(one)) == ast.dump(then.visit(other)) and then.guards >= first.guards


def _is_record(node: ast.stmt) -> bool:
    """Tell whether a statement is a call that logs, or sets an attribute of a trace or an event."""
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
        return False
    function = node.value.func
    if not isinstance(function, ast.Attribute) or function.attr not in _RECORDS:
        return False
    return isinstance(function.value, ast.Name) and function.value.id.lower() in _LOGGERS


class _Unguarded(ast.NodeTransformer):
    """Takes out log statements, and what only guards: catching, early returns for what is missing, and defaults."""

    def __init__(self) -> None:
        self.guards = 0

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if _is_record(node) else self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> ast.AST | None:
        return None if [alias.name for alias in node.names] == ["logging"] else node

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        made = isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "logging.getLogger"
        return None if made else self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        if node.body and _returns_nothing(node.body[-1]):
            node.body = node.body[:-1] or [ast.Pass()]
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        body = getattr(node, "body", None)
        if isinstance(body, list) and not isinstance(node, ast.Module):
            node.body = [s for s in body if not isinstance(s, ast.Pass)] or [ast.Pass()]  # type: ignore[attr-defined]
        return node

    def visit_Try(self, node: ast.Try | ast.TryStar) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        self.guards += 1
        return [*node.body, *node.orelse, *node.finalbody]

    def visit_TryStar(self, node: ast.TryStar) -> ast.AST | list[ast.stmt]:
        return self.visit_Try(node)

    def visit_With(self, node: ast.With) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        suppressing = [ast.unparse(item.context_expr).split("(")[0].endswith("suppress") for item in node.items]
        return self._without_guard(node.body) if all(suppressing) else node

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        if _leaves(node.body) and not node.orelse:
            return self._without_guard([])
        if _tests_presence(node.test) and (not node.orelse or _leaves(node.orelse)):
            return self._without_guard(node.body)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        function = node.func
        if (
            isinstance(function, ast.Attribute)
            and function.attr == "get"
            and 1 <= len(node.args) <= 2
            and not node.keywords
        ):
            self.guards += 1
            return ast.Subscript(value=function.value, slice=node.args[0], ctx=ast.Load())
        if isinstance(function, ast.Name) and function.id == "getattr" and len(node.args) in (2, 3):
            name = node.args[1]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                self.guards += 1
                return ast.Attribute(value=node.args[0], attr=name.value, ctx=ast.Load())
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Or):
            return node
        self.guards += 1
        return node.values[0]

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        if not _tests_presence(node.test):
            return node
        self.guards += 1
        return node.body

    def _without_guard(self, body: list[ast.stmt]) -> list[ast.stmt]:
        self.guards += 1
        return body


def _leaves(body: Sequence[ast.stmt]) -> bool:
    """Tell whether statements only leave, with nothing of worth: no value, a constant, an empty container."""
    values = [s.value for s in body if isinstance(s, ast.Return) and s.value is not None]
    values = [value.operand if isinstance(value, ast.UnaryOp) else value for value in values]
    return all(isinstance(s, ast.Return | ast.Continue | ast.Break | ast.Pass) for s in body) and all(
        isinstance(value, ast.Constant | ast.Dict | ast.List | ast.Tuple) for value in values
    )


def _returns_nothing(statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Return) else statement
    return value is None or (isinstance(value, ast.Constant) and value.value is None)


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
