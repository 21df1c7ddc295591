"""Python read as a syntax tree: whether it can be run, and which modules it imports."""

import ast

_LONGEST = 300_000
"""Letters of a file: its tree takes some hundred times as much memory."""
_DEEPEST = 150
"""Levels of a tree that can be walked, written and compared within Python's own limit of calls."""


def parsed(text: str) -> ast.Module | None:
    """Return the tree; None when the text is no Python that this interpreter reads, too long or nested too deeply."""
    if len(text) > _LONGEST:
        return None
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    level: list[ast.AST] = [tree]
    for _ in range(_DEEPEST):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return None if level else tree


def compiled(text: str) -> bool:
    """Tell whether it is a module that can be run, which a tree alone does not tell: `return` outside of a function."""
    try:
        compile(text, "<patch>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def imported(tree: ast.Module) -> set[str]:
    """Return the full names of the modules that a file imports anywhere."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add("." * node.level + (node.module or ""))
    return names
