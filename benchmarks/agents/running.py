"""Cases about how code runs: races, recursion, caches, iterators, shared state."""

from benchmarks.agents.case import DOCS, STYLE, Case, change

_COUNTERS = '''"""Counters that threads share."""

from concurrent.futures import ThreadPoolExecutor
from threading import Lock

LOCK = Lock()


def drain(queue, taken):
    while True:
        with LOCK:
            if not queue:
                return
            taken.append(queue.pop())


def all_of(count):
    queue, taken = list(range(count)), []
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: drain(queue, taken), range(4)))
    return len(taken)
'''
_LOCKED = """\
        with LOCK:
            if not queue:
                return
            taken.append(queue.pop())
"""
_UNLOCKED = """\
        if not queue:
            return
        import time
        time.sleep(0.0005)
        taken.append(queue.pop())
"""
_TREE = '''"""Categories."""


def depth(tree, name, seen=()):
    if name in seen:
        return 0
    parent = tree.get(name)
    return 1 + depth(tree, parent, (*seen, name)) if parent else 0


def deepest(tree):
    return max(depth(tree, name) for name in tree)
'''
_CACHE = '''"""Prices, kept for a while."""

CACHE = {}


def price(country, product, prices):
    key = (country, product)
    if key not in CACHE:
        CACHE[key] = prices[product]
    return CACHE[key]


def label(country, product, prices):
    found = price(country, product, prices)
    return found["text"][country]


def two(prices):
    return [label(country, "pen", prices[country]) for country in ("de", "fr")]
'''
_REPORT = '''"""Reports."""


def rows(lines):
    return [line.split(",") for line in lines]


def report(lines):
    found = rows(lines)
    width = max(len(row) for row in found)
    return width, sum(float(row[1]) for row in found) / len(list(found))
'''
_BASKET = '''"""Baskets."""


def add(item, basket=None):
    basket = [] if basket is None else basket
    if item in basket:
        raise ValueError(f"{item} is in the basket already")
    basket.append(item)
    return basket


def checkout(items):
    basket = add(items[0])
    for item in items[1:]:
        basket = add(item, basket)
    return len(basket)
'''

CASES = (
    Case(
        name="race",
        kind="race",
        files={"shop/__init__.py": "", "shop/counters.py": _COUNTERS},
        bad=change(
            "no lock for a look",
            "shop/counters.py",
            _LOCKED,
            _UNLOCKED,
        ),
        earlier=(DOCS,),
        call="from shop.counters import all_of; [all_of(50) for _ in range(20)]",
        right_file="shop/counters.py",
    ),
    Case(
        name="circle",
        kind="recursion",
        files={"shop/__init__.py": "", "shop/tree.py": _TREE},
        bad=change("trees have no circles", "shop/tree.py", "    if name in seen:\n        return 0\n", ""),
        later=(STYLE,),
        call="from shop.tree import deepest; deepest({'a': 'b', 'b': 'a'})",
        right_file="shop/tree.py",
    ),
    Case(
        name="cache key",
        kind="cache",
        files={"shop/__init__.py": "", "shop/cache.py": _CACHE},
        bad=change("a smaller cache", "shop/cache.py", "key = (country, product)", "key = product"),
        earlier=(DOCS, STYLE),
        call="from shop.cache import two; two({'de': {'pen': {'text': {'de': 'Stift'}}}, "
        "'fr': {'pen': {'text': {'fr': 'stylo'}}}})",
        right_file="shop/cache.py",
    ),
    Case(
        name="used up",
        kind="iterator",
        files={"shop/__init__.py": "", "shop/report.py": _REPORT},
        bad=change(
            "less memory",
            "shop/report.py",
            '[line.split(",") for line in lines]',
            '(line.split(",") for line in lines)',
        ),
        later=(DOCS,),
        call="from shop.report import report; report(['a,1', 'b,2'])",
        right_file="shop/report.py",
    ),
    Case(
        name="shared default",
        kind="shared state",
        files={"shop/__init__.py": "", "shop/basket.py": _BASKET},
        bad=change(
            "shorter",
            "shop/basket.py",
            "basket=None):\n    basket = [] if basket is None else basket\n",
            "basket=[]):\n",
        ),
        earlier=(STYLE,),
        call="from shop.basket import checkout; checkout(['pen']); checkout(['pen'])",
        right_file="shop/basket.py",
    ),
)
