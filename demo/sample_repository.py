"""The sample shop as a git repository: a good release, and a deploy that brings a bad commit among harmless ones."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.github.double import Double

NAME = "sample/shop"

_PRICING = '''"""What a cart costs, in cents."""

VOUCHERS = {"SPRING": 10, "LOYAL": 20}
POSTAGE = {"DE": 490, "FR": 690}


def discount(voucher):
    """Return the percentage that a voucher takes off."""
    return VOUCHERS.get(voucher, 0)


def postage(cart):
    """Return what it costs to send a cart; abroad is dearer, and large carts travel free."""
    if len(cart.goods) >= 5:
        return 0
    return POSTAGE.get(cart.country.upper(), 990)


def total(cart):
    """Return what a cart costs with its voucher taken off, sent to where it goes."""
    goods = sum(cart.goods.values())
    return goods * (100 - discount(cart.voucher)) // 100 + postage(cart)
'''
_CART = '''"""The cart: what somebody wants to buy."""


class Cart:
    """Goods with their prices in cents, a voucher, and where they are sent."""

    def __init__(self, goods, voucher, country):
        self.goods, self.voucher, self.country = goods, voucher, country
'''
_WEB = '''"""The shop on the web: /browse and /checkout."""

import json
import logging
from urllib.parse import parse_qs

import sentry_sdk

from shop.cart import Cart
from shop.pricing import total

PRICES = {"mug": 1200, "shirt": 2500, "poster": 900}
_LOGGER = logging.getLogger(__name__)


def application(environ, start_response):
    """Answer a request; what nobody catches here reaches the SDK's middleware."""
    asked = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
    sentry_sdk.set_user({"id": asked.get("user", "0")})
    sentry_sdk.get_current_scope().set_transaction_name(environ["PATH_INFO"])
    body = {"/browse": browse, "/checkout": checkout}[environ["PATH_INFO"]](asked)
    start_response("200 OK", [("content-type", "application/json")])
    return [json.dumps(body).encode()]


def browse(asked):
    """List the goods; slow stock is worth a warning."""
    if asked.get("slow"):
        sentry_sdk.capture_message("stock answered slowly", level="warning")
    return {"goods": sorted(PRICES)}


def checkout(asked):
    """Tell what the cart costs."""
    goods = {name: PRICES[name] for name in asked["goods"].split(",")}
    _LOGGER.info("checkout of %s goods", len(goods))
    cart = Cart(goods, asked.get("voucher", ""), asked.get("country", ""))
    return {"cents": total(cart)}
'''
_TESTS = '''"""Pricing keeps its promises."""

import unittest

from shop.cart import Cart
from shop.pricing import total


class Totals(unittest.TestCase):
    def test_a_voucher_takes_its_part_off(self):
        self.assertEqual(total(Cart({"mug": 1200}, "SPRING", "de")), 1080 + 490)

    def test_abroad_is_dearer(self):
        self.assertEqual(total(Cart({"mug": 1200}, "LOYAL", "us")), 960 + 990)
'''
_TAKES_PART = """version = 1
[tests]
command = ["python3", "-m", "unittest", "discover", "-s", "tests", "-t", "."]
seconds = 60
"""
_FILES = {
    ".premortem.toml": _TAKES_PART,
    "README.md": "# Shop\n",
    "shop/__init__.py": '"""A small shop."""\n',
    "shop/cart.py": _CART,
    "shop/pricing.py": _PRICING,
    "shop/web.py": _WEB,
    "tests/__init__.py": "",
    "tests/test_pricing.py": _TESTS,
}


class Change(NamedTuple):
    """A commit of the sample: what it says, and each file with a text of it and what takes its place."""

    subject: str
    path: str
    old: str
    new: str


_HARMLESS = (
    Change("Say how to run the tests", "README.md", "# Shop\n", "# Shop\nTests: python3 -m unittest\n"),
    Change("Sell calendars", "shop/web.py", '"poster": 900}', '"poster": 900, "calendar": 1100}'),
)
BAD = Change("Look vouchers up directly", "shop/pricing.py", "VOUCHERS.get(voucher, 0)", "VOUCHERS[voucher]")
"""Brings the error, and taking it out again ends it."""
NEAR = Change("Send carts of four goods for nothing", "shop/pricing.py", "cart.goods) >= 5", "cart.goods) >= 4")
"""Stands beside the line that fails and is not why: taking it out again changes nothing."""
FAR = Change(
    "Keep no empty countries", "shop/cart.py", "= goods, voucher, country", "= goods, voucher, country or None"
)
"""Why that line fails."""


class SampleRepository:
    """The repository, hosted by the double of GitHub. Times are milliseconds since 1970 UTC."""

    def __init__(self, github: Double, *, ineffective: bool, at: int) -> None:
        """Make it at the time `at`: the good release is a day old then, the bad commits an hour."""
        self._at = at // 1000
        self.bare = github.host(NAME, _FILES, at=self._at - 86_400)
        self.good = self.bare.head("main") or ""
        self.bad_change = NEAR if ineffective else BAD
        changes = (_HARMLESS[0], self.bad_change, _HARMLESS[1], *((FAR,) if ineffective else ()))
        self.commits = {change.subject: self._commit(change, number) for number, change in enumerate(changes)}
        self.bad = self.bare.head("main") or ""

    @property
    def clone_url(self) -> str:
        """Return where it is cloned from."""
        return self.bare.path.absolute().as_uri()

    def check_out(self, commit: str, directory: Path) -> Path:
        """Write the files of a commit into a new directory, as a deploy does."""
        for _, kind, _, path in self.bare.entries(self.bare.tree_of(commit), recursive=True):
            if kind == "blob":
                (directory / path).parent.mkdir(parents=True, exist_ok=True)
                (directory / path).write_text(self.bare.text(commit, path))
        return directory

    def _commit(self, change: Change, number: int) -> str:
        before = self.bare.text("main", change.path)
        if before.count(change.old) != 1:
            raise ValueError(f"{change.subject}: {change.path} holds its text {before.count(change.old)} times")
        files: Mapping[str, str | None] = {change.path: before.replace(change.old, change.new)}
        return self.bare.commit("main", files, change.subject, self._at - 3_600 + number * 600)
