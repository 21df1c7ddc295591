"""One release of the sample shop in a process of its own, with its visitors: `python -m demo.serving`, until SIGTERM.

The code of the checkout runs as it is, behind the real sentry-sdk; visitors come by the scaled clock, the same ones in
every run.
"""

import argparse
import importlib
import logging
import os
import random
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from types import FrameType
from typing import Any
from urllib.parse import urlencode

import sentry_sdk
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.integrations.wsgi import SentryWsgiMiddleware

from premortem.adapters.clock.scaled import ScaledClock, parse

MINUTE = 60_000
_FLUSH_SECONDS = 0.5
_GOODS = ("mug", "shirt", "poster")
SERVING = "serving"
"""What is printed once visitors are let in."""
Visit = tuple[str, dict[str, str]]


def visits(minute: int) -> Iterator[Visit]:
    """Return what the visitors of a minute (counted from 1970) ask for."""
    chance = random.Random(minute)  # noqa: S311 -- traffic, not a secret
    for _ in range(chance.randrange(3, 6)):
        asked = {"user": str(chance.randrange(500))}
        yield "/browse", asked | ({"slow": "yes"} if chance.random() < 0.04 else {})
    for _ in range(chance.randrange(7, 12)):
        asked = {"user": str(chance.randrange(500)), "voucher": chance.choice(("SPRING", "LOYAL", "WINTER"))}
        asked["goods"] = ",".join(sorted(chance.sample(_GOODS, chance.randrange(1, 4))))
        yield "/checkout", asked | ({"country": chance.choice(("de", "fr", "us"))} if chance.random() < 0.7 else {})


class Visited:
    """The application as the middleware calls it: sessions and events carry the visit's time, not the machine's."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self.at = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request whose session began at the visit's time."""
        session = sentry_sdk.get_isolation_scope()._session
        if session is not None:
            session.started = self.moment()
        answered: Iterable[bytes] = self._application(environ, start_response)
        return answered

    def stamp_event(self, event: Any, _: Any) -> Any:
        """Give an event the visit's time; it is text by now."""
        event["timestamp"] = self.moment().isoformat()
        return event

    def stamp_breadcrumb(self, breadcrumb: Any, _: Any) -> Any:
        """Give a breadcrumb the visit's time."""
        breadcrumb["timestamp"] = self.moment()
        return breadcrumb

    def moment(self) -> datetime:
        """Return the visit's time."""
        return datetime.fromtimestamp(self.at / 1000, UTC)


def main() -> None:
    """Serve until the process is told to stop, then send what is left."""
    parser = argparse.ArgumentParser(prog="demo.serving")
    for name in ("--dsn", "--clock", "--release", "--checkout", "--start"):
        parser.add_argument(name, required=True)
    options = parser.parse_args()
    sys.path.insert(0, options.checkout)
    os.chdir(options.checkout)
    logging.getLogger("shop").setLevel(logging.INFO)
    visited = Visited(importlib.import_module("shop.web").application)
    sentry_sdk.init(
        options.dsn,
        release=options.release,
        environment="production",
        before_send=visited.stamp_event,
        before_breadcrumb=visited.stamp_breadcrumb,
        integrations=[LoggingIntegration(event_level=None)],
        default_integrations=False,
        in_app_include=["shop"],
        in_app_exclude=["demo"],
        project_root=options.checkout,
        transport_queue_size=2000,
    )
    until = Until(parse(options.clock))
    signal.signal(signal.SIGTERM, until.stop)
    print(SERVING, flush=True)
    _serve(SentryWsgiMiddleware(visited), visited, until, int(options.start))
    sentry_sdk.flush(10)


class Until:
    """The clock, and when to stop by it: a machine that is behind serves those first who have come until then."""

    def __init__(self, clock: ScaledClock) -> None:
        self.clock = clock
        self._end: int | None = None

    def stop(self, _number: int, _frame: FrameType | None) -> None:
        """Take the signal: nobody comes from now on."""
        self._end = self._end or self.clock.now()

    def reached(self, at: int) -> bool:
        """Wait for the time `at` and return True, or False when it comes after the end."""
        while self._end is None and (left := at - self.clock.now()) > 0:
            time.sleep(min(0.02, left / 1000 / self.clock.final_rate))
        return self._end is None or at <= self._end


def _serve(shop: SentryWsgiMiddleware, visited: Visited, until: Until, start: int) -> None:
    """Let the visitors of each minute come once the clock has reached it; send what the SDK gathers twice a second."""
    minute, flushed = start // MINUTE + 1, time.monotonic()
    while until.reached(minute * MINUTE):
        for number, visit in enumerate(visits(minute)):
            visited.at = minute * MINUTE + number * 1000
            _visit(shop, *visit)
        minute += 1
        if time.monotonic() >= flushed + _FLUSH_SECONDS:
            sentry_sdk.flush(5)
            flushed = time.monotonic()


def _visit(shop: SentryWsgiMiddleware, path: str, asked: dict[str, str]) -> None:
    environ = {
        "PATH_INFO": path,
        "QUERY_STRING": urlencode(asked),
        "REQUEST_METHOD": "GET",
        "SERVER_NAME": "shop.example",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
    }
    try:
        list(shop(environ, lambda *_: None))
    except (KeyError, AttributeError):  # a WSGI server would answer 500 here
        return


if __name__ == "__main__":
    main()
