"""Cases about numbers: off by one, units, rounding, division, comparison."""

from benchmarks.agents.case import DOCS, STYLE, Case, change

_PAGES = '''"""Pages of a list."""


def page(items, number, size):
    start = (number - 1) * size
    return [items[index] for index in range(start, min(start + size, len(items)))]


def last(items, size):
    return page(items, (len(items) + size - 1) // size, size)
'''
_CART = '''"""The cart."""


def average(prices):
    if not prices:
        return 0
    return sum(prices) / len(prices)


def total(prices, discount):
    return round(sum(prices) * (1 - discount / 100), 2)
'''
_TIMES = '''"""Deadlines, in seconds."""

import datetime


def deadline(started, seconds):
    return datetime.datetime.fromtimestamp(started + seconds, datetime.timezone.utc)


def ends(started):
    return deadline(started, 30).isoformat()
'''
_STOCK = '''"""Stock."""


def take(stock, name, wanted):
    if stock[name] < wanted:
        raise ValueError(f"only {stock[name]} of {name}")
    stock[name] -= wanted
    return stock[name]


def order(stock, lines):
    return [take(stock, line["name"], line["count"]) for line in lines]
'''
_SPLIT = '''"""Shares of a bill."""


def shares(cents, people):
    each, rest = divmod(cents, people)
    found = [each + (1 if n < rest else 0) for n in range(people)]
    if sum(found) != cents:
        raise ArithmeticError(f"{sum(found)} of {cents} cents are shared")
    return found
'''

CASES = (
    Case(
        name="off by one",
        kind="off-by-one",
        files={"shop/__init__.py": "", "shop/pages.py": _PAGES},
        bad=change(
            "simplify pages",
            "shop/pages.py",
            "range(start, min(start + size, len(items)))",
            "range(start, start + size)",
        ),
        earlier=(DOCS,),
        later=(STYLE,),
        call="from shop.pages import last; last(list(range(23)), 5)",
        right_file="shop/pages.py",
    ),
    Case(
        name="empty average",
        kind="division by zero",
        files={"shop/__init__.py": "", "shop/cart.py": _CART},
        bad=change("less code", "shop/cart.py", "    if not prices:\n        return 0\n", ""),
        earlier=(
            change("percent", "shop/cart.py", '"""The cart."""', '"""The cart: discounts are in percent."""'),
            DOCS,
        ),
        call="from shop.cart import average; average([])",
        right_file="shop/cart.py",
    ),
    Case(
        name="milliseconds",
        kind="wrong unit",
        files={"shop/__init__.py": "", "shop/times.py": _TIMES},
        bad=change("take the browser's time", "shop/times.py", "started + seconds", "started * 1000000 + seconds"),
        later=(DOCS, STYLE),
        call="from shop.times import ends; ends(1790000000)",
        right_file="shop/times.py",
    ),
    Case(
        name="comparison turned",
        kind="wrong operator",
        files={"shop/__init__.py": "", "shop/stock.py": _STOCK},
        bad=change("allow the last one", "shop/stock.py", "stock[name] < wanted", "stock[name] <= wanted"),
        earlier=(DOCS,),
        call="from shop.stock import order; order({'pen': 3}, [{'name': 'pen', 'count': 3}])",
        right_file="shop/stock.py",
    ),
    Case(
        name="cents lost",
        kind="rounding",
        files={"shop/__init__.py": "", "shop/split.py": _SPLIT},
        bad=change("fair shares", "shop/split.py", "each + (1 if n < rest else 0)", "each"),
        earlier=(STYLE,),
        later=(DOCS,),
        call="from shop.split import shares; shares(1000, 3)",
        right_file="shop/split.py",
    ),
)
