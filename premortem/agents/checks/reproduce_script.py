"""Runs in a throw-away checkout, without anything of ours: calls a function with recorded arguments, says how it ends.

`python -I reproduce_script.py <root> <module> <function> <arguments>`, the arguments a JSON object of Python literals.
The last line of its output is JSON: `{"ends": "returned"}` or `{"ends": "raised", "type", "path", "function"}`.
"""

import ast
import importlib
import json
import os
import sys


def main(root: str, module: str, function: str, arguments: str) -> int:
    """Return 0; what happened is in what it prints."""
    sys.path[:0] = [os.path.join(root, "src"), root]
    given = {name: ast.literal_eval(text) for name, text in json.loads(arguments).items()}
    try:
        getattr(importlib.import_module(module), function)(**given)
    except BaseException as exception:  # noqa: BLE001 -- whatever it raises is the answer
        print("\n" + json.dumps(_raised(exception, os.path.realpath(root))))
    else:
        print('\n{"ends": "returned"}')
    return 0


def _raised(exception: BaseException, root: str) -> "dict[str, str]":
    """Return the type, and the innermost frame that is in the checkout."""
    found = {"ends": "raised", "type": type(exception).__name__, "path": "", "function": ""}
    trace = exception.__traceback__
    while trace is not None:
        path = os.path.realpath(trace.tb_frame.f_code.co_filename)
        if path.startswith(root + os.sep):
            found["path"] = os.path.relpath(path, root)
            found["function"] = trace.tb_frame.f_code.co_name
        trace = trace.tb_next
    return found


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:5]))
