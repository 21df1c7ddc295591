"""Cases about values of the wrong kind: None, encodings, time zones, JSON, keys, patterns."""

from benchmarks.agents.case import DOCS, STYLE, Case, Change, change

_USERS = '''"""Users."""

USERS = {1: {"name": "Ada", "mail": "ada@x.example"}, 2: {"name": "Bob", "mail": None}}


def find(number):
    return USERS.get(number, {"name": "guest", "mail": None})


def greeting(number):
    user = find(number)
    return "Hello " + user["name"]
'''
_MAIL = '''"""Mail addresses."""


def domain(user):
    mail = user.get("mail") or ""
    return mail.partition("@")[2].lower()


def domains(users):
    return sorted({domain(user) for user in users})
'''
_IMPORTER = '''"""Imports price lists."""


def decode(body):
    return body.decode("utf-8", "replace")


def prices(body):
    return dict(line.split(";") for line in decode(body).splitlines() if line)
'''
_CLOCK = '''"""When shops are open."""

from datetime import datetime, timezone


def now():
    return datetime(2026, 11, 25, 12, tzinfo=timezone.utc)


def opened(since):
    return now() - datetime.fromisoformat(since)


def hours(since):
    return opened(since).total_seconds() / 3600
'''
_EXPORT = '''"""Exports orders."""

import json
from decimal import Decimal


def row(order):
    return {"id": order["id"], "total": str(order["total"])}


def export(orders):
    return json.dumps([row(order) for order in orders])


def sample():
    return export([{"id": 1, "total": Decimal("9.90")}])
'''
_EVENTS = '''"""Events of a partner."""


def names(event):
    return {"kind": event["type"], "total": event["amount"]}


def handle(event):
    found = names(event)
    return f"{found['kind']}: {found['total']:.2f}"
'''
_CODES = '''"""Product codes."""

import re

CODE = re.compile(r"([A-Z]+)-?(\\d+)")


def parts(text):
    match = CODE.fullmatch(text)
    return match.group(1), int(match.group(2))
'''
_ROLES = '''"""Roles."""

RIGHTS = {"admin": ("read", "write"), "viewer": ("read",)}


def rights(role):
    return RIGHTS[role.lower()]


def may(role, right):
    return right in rights(role)
'''

CASES = (
    Case(
        name="nobody",
        kind="None",
        files={"shop/__init__.py": "", "shop/users.py": _USERS},
        bad=change(
            "no guests", "shop/users.py", 'USERS.get(number, {"name": "guest", "mail": None})', "USERS.get(number)"
        ),
        earlier=(DOCS,),
        later=(STYLE,),
        call="from shop.users import greeting; greeting(7)",
        right_file="shop/users.py",
    ),
    Case(
        name="no mail",
        kind="None",
        files={"shop/__init__.py": "", "shop/mail.py": _MAIL},
        bad=change("mail is always there", "shop/mail.py", 'user.get("mail") or ""', 'user["mail"]'),
        earlier=(Change("another page", files=(("shop/about.py", "ABOUT = 'We sell pens.'\n"),)),),
        call="from shop.mail import domains; domains([{'mail': 'a@b.example'}, {'mail': None}])",
        right_file="shop/mail.py",
    ),
    Case(
        name="latin",
        kind="encoding",
        files={"shop/__init__.py": "", "shop/importer.py": _IMPORTER},
        bad=change("be strict", "shop/importer.py", '"utf-8", "replace"', '"utf-8"'),
        earlier=(DOCS,),
        call="from shop.importer import prices; prices(b'caf\\xe9;2')",
        right_file="shop/importer.py",
    ),
    Case(
        name="naive",
        kind="time zone",
        files={"shop/__init__.py": "", "shop/clock.py": _CLOCK},
        bad=change("the shop's own time", "shop/clock.py", "12, tzinfo=timezone.utc", "12"),
        later=(DOCS,),
        call="from shop.clock import hours; hours('2026-11-25T08:00:00+00:00')",
        right_file="shop/clock.py",
    ),
    Case(
        name="decimal",
        kind="serialisation",
        files={"shop/__init__.py": "", "shop/export.py": _EXPORT},
        bad=change("numbers are numbers", "shop/export.py", 'str(order["total"])', 'order["total"]'),
        earlier=(STYLE,),
        call="from shop.export import sample; sample()",
        right_file="shop/export.py",
    ),
    Case(
        name="renamed key",
        kind="contract",
        files={"shop/__init__.py": "", "shop/events.py": _EVENTS},
        bad=change("the partner's new form", "shop/events.py", 'event["amount"]', 'event["payload"]["amount"]'),
        earlier=(DOCS, STYLE),
        call="from shop.events import handle; handle({'type': 'paid', 'amount': 3})",
        right_file="shop/events.py",
    ),
    Case(
        name="stricter pattern",
        kind="pattern",
        files={"shop/__init__.py": "", "shop/codes.py": _CODES},
        bad=change("codes have a dash", "shop/codes.py", ")-?(", ")-("),
        later=(DOCS,),
        call="from shop.codes import parts; parts('PEN7')",
        right_file="shop/codes.py",
    ),
    Case(
        name="case matters",
        kind="case",
        files={"shop/__init__.py": "", "shop/roles.py": _ROLES},
        bad=change("roles are lower case", "shop/roles.py", "role.lower()", "role"),
        earlier=(STYLE,),
        later=(DOCS,),
        call="from shop.roles import may; may('Admin', 'write')",
        right_file="shop/roles.py",
    ),
)
