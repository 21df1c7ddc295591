"""Events as the real Python SDK sends them: about 4 KB, each with an id of its own."""

import secrets
from collections.abc import Iterator

import orjson

from benchmarks.load import post

_SOURCE = [
    "def charge(order_id, user):",
    "    try:",
    "        return price(order_id)",
    "    except KeyError as e:",
    "        raise CheckoutError('could not price order %s' % order_id) from e",
]


def event(kind: int, event_id: str) -> dict[str, object]:
    """Return an event of the `kind`-th error."""
    frames = [
        {
            "filename": f"{module}.py",
            "abs_path": f"/srv/app/{folder}/{module}.py",
            "function": function,
            "module": f"{module}",
            "lineno": 10 + n,
            "pre_context": _SOURCE[:3],
            "context_line": f"        return {function}(order_id, {n})",
            "post_context": _SOURCE[3:],
            "vars": {"order_id": "77", "self": "<shop.Cart object at 0x7f>", "n": str(n)},
            "in_app": folder == "shop",
        }
        for n, (folder, module, function) in enumerate(
            [
                ("lib/site-packages/flask", "flask.app", "full_dispatch_request"),
                ("lib/site-packages/flask", "flask.app", "dispatch_request"),
                ("shop", "shop.views", "checkout"),
                ("shop", "shop.cart", f"total_{kind}"),
                ("shop", "shop.db", "fetch_row"),
            ]
        )
    ]
    value = {
        "type": "KeyError",
        "value": f"'total of order {kind}'",
        "module": None,
        "mechanism": {"type": "flask", "handled": False},
        "stacktrace": {"frames": frames},
    }
    crumbs = [{"type": "log", "category": "shop", "message": f"cart loaded {n}", "level": "info"} for n in range(5)]
    return {
        "event_id": event_id,
        "platform": "python",
        "level": "error",
        "exception": {"values": [value]},
        "transaction": "shop.views.checkout",
        "release": "shop@1.0.0",
        "environment": "production",
        "server_name": "web-1",
        "user": {"id": str(kind * 7)},
        "tags": {"region": "eu", "plan": "pro"},
        "breadcrumbs": {"values": crumbs},
        "request": {
            "url": "https://shop.example/checkout",
            "method": "POST",
            "headers": {"User-Agent": "Mozilla/5.0", "Accept": "*/*", "Content-Type": "application/json"},
        },
        "sdk": {"name": "sentry.python.flask", "version": "2.75.0", "packages": [{"name": "pypi:sentry-sdk"}]},
        "contexts": {"runtime": {"name": "CPython", "version": "3.11.7"}, "trace": {"trace_id": "a" * 32}},
    }


def requests(project: int, key: str, kinds: int = 200, count: int | None = None) -> Iterator[bytes]:
    """Yield envelope requests, each event with a fresh id; the JSON is prepared, so that a request costs little."""
    auth = f"Sentry sentry_key={key}, sentry_version=7, sentry_client=sentry.python/2.75.0"
    headers = {"x-sentry-auth": auth, "content-type": "application/x-sentry-envelope"}
    hole = "0" * 32
    prepared = []
    for kind in range(kinds):
        payload = orjson.dumps(event(kind, hole))
        header = (
            b'{"event_id":"' + hole.encode() + b'"}\n{"type":"event","length":' + str(len(payload)).encode() + b"}\n"
        )
        pieces = post(f"/api/{project}/envelope/", header + payload, headers).split(hole.encode())
        prepared.append(pieces)
    n = 0
    while count is None or n < count:
        fresh = secrets.token_hex(16).encode()
        yield fresh.join(prepared[n % kinds])
        n += 1
