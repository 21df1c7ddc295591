"""Cases with too little context: the right answer is the missing piece, and what would supply it."""

from benchmarks.agents.case import DOCS, STYLE, Case, change

_QUOTE = '''"""Quotes."""


def rate(answer):
    return answer["rates"][0]["value"]


def quote(answer, amount):
    return round(amount * rate(answer), 2)
'''
_PARSE = '''"""Sizes."""


def size(text):
    width, height = text.split("x")
    return int(width) * int(height)
'''

_FILES = {"shop/__init__.py": "", "shop/quote.py": _QUOTE}
_PARSED = {"shop/__init__.py": "", "shop/parse.py": _PARSE}

CASES = (
    Case(
        name="a partner's answer",
        kind="outside data",
        files=_FILES,
        bad=DOCS,
        later=(STYLE,),
        withheld=("variables",),
        call="from shop.quote import quote; quote({'rates': []}, 5)",
        right_file="shop/quote.py",
        gap="local_variables",
    ),
    Case(
        name="a user's input",
        kind="outside data",
        files=_PARSED,
        bad=DOCS,
        withheld=("variables",),
        call="from shop.parse import size; size('10 by 20')",
        right_file="shop/parse.py",
        gap="local_variables",
    ),
    Case(
        name="no repository",
        kind="unmapped",
        files=_PARSED,
        bad=DOCS,
        withheld=("repository",),
        call="from shop.parse import size; size('10')",
        right_file="shop/parse.py",
        gap="repository",
    ),
    Case(
        name="no stack",
        kind="no stack",
        files=_FILES,
        bad=change("first rate", "shop/quote.py", '["rates"][0]', '["rates"][1]'),
        withheld=("frames",),
        call="from shop.quote import quote; quote({'rates': [{'value': 2}]}, 5)",
        right_file="shop/quote.py",
        gap="frames",
    ),
    Case(
        name="no frame of ours",
        kind="foreign stack",
        files=_PARSED,
        bad=DOCS,
        call="import json; json.loads('{')",
        right_file="",
        gap="code",
    ),
)
