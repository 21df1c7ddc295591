"""Cases whose cause is not where it fails: settings, dependencies, migrations, environment, another module."""

from benchmarks.agents.case import DOCS, STYLE, Case, Change, change

_SETTINGS = '{"currency": "EUR", "warehouse": "berlin", "retry_limit": 3}\n'
_CONFIG = '''"""Settings."""

import json
from pathlib import Path


def load():
    return json.loads((Path(__file__).parent / "settings.json").read_text())
'''
_SHIPPING = '''"""Shipping."""

from shop.config import load

ROUTES = {"berlin": 2, "hamburg": 3}


def days():
    return ROUTES[load()["warehouse"]]
'''
_MIGRATE = '''"""The database."""

import sqlite3
from pathlib import Path


def connect():
    connection = sqlite3.connect(":memory:")
    for file in sorted((Path(__file__).parent / "schema").glob("*.sql")):
        connection.executescript(file.read_text())
    return connection
'''
_ORDERS = '''"""Orders."""

from shop.database import connect


def open_orders():
    return connect().execute("SELECT id, customer_name FROM orders WHERE closed = 0").fetchall()
'''
_CLIENT = '''"""The carrier's interface."""

import carrier


def label(weight):
    return carrier.label(weight=weight).upper()
'''
_MODELS = '''"""Models."""


class Customer:
    def __init__(self, name):
        self.name = name
        self.full_name = name
'''
_LETTER = '''"""Letters."""

from shop.models import Customer


def letter(name):
    customer = Customer(name)
    return f"Dear {customer.full_name}"
'''
_ENV = '''"""Where the queue is."""

import os


def queue():
    return os.environ["QUEUE_NAME"].lower()
'''

CASES = (
    Case(
        name="wrong setting",
        kind="configuration",
        files={
            "shop/__init__.py": "",
            "shop/settings.json": _SETTINGS,
            "shop/config.py": _CONFIG,
            "shop/shipping.py": _SHIPPING,
        },
        bad=change("move to cologne", "shop/settings.json", '"berlin"', '"cologne"'),
        earlier=(DOCS,),
        later=(STYLE,),
        call="from shop.shipping import days; days()",
        right_file="shop/settings.json",
    ),
    Case(
        name="bad migration",
        kind="migration",
        files={
            "shop/__init__.py": "",
            "shop/database.py": _MIGRATE,
            "shop/orders.py": _ORDERS,
            "shop/schema/0001.sql": "CREATE TABLE orders (id integer, customer_name text, closed integer);\n",
        },
        bad=Change(
            "names apart",
            files=(
                ("shop/schema/0002.sql", "ALTER TABLE orders RENAME COLUMN customer_name TO customer_first_name;\n"),
            ),
        ),
        earlier=(DOCS,),
        call="from shop.orders import open_orders; open_orders()",
        right_file="shop/schema/0002.sql",
    ),
    Case(
        name="new version",
        kind="dependency",
        files={"shop/__init__.py": "", "shop/client.py": _CLIENT, "requirements.txt": "carrier==1.4.0\n"},
        bad=change("newest carrier", "requirements.txt", "carrier==1.4.0", "carrier==2.0.0"),
        earlier=(STYLE,),
        later=(DOCS,),
        call="from shop.client import label; label(3)",
        right_file="requirements.txt",
        modules=(
            {"carrier.py": "def label(weight):\n    return f'label {weight}'\n"},
            {"carrier.py": "def label(grams):\n    return f'label {grams}'\n"},
        ),
    ),
    Case(
        name="other module",
        kind="refactoring",
        files={"shop/__init__.py": "", "shop/models.py": _MODELS, "shop/letter.py": _LETTER},
        bad=change("one name is enough", "shop/models.py", "        self.full_name = name\n", ""),
        earlier=(DOCS,),
        later=(STYLE,),
        call="from shop.letter import letter; letter('Ada')",
        right_file="shop/models.py",
    ),
    Case(
        name="renamed variable",
        kind="environment",
        files={"shop/__init__.py": "", "shop/queue.py": _ENV, "deploy/values.yaml": "env:\n  QUEUE_NAME: orders\n"},
        bad=change("one prefix for all", "deploy/values.yaml", "QUEUE_NAME", "SHOP_QUEUE_NAME"),
        earlier=(DOCS,),
        call="from shop.queue import queue; queue()",
        right_file="deploy/values.yaml",
        environment=({"QUEUE_NAME": "Orders"}, {"SHOP_QUEUE_NAME": "Orders"}),
    ),
)
