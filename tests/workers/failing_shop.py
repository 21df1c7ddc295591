"""A shop whose cart fails since a release: its archive, its repository, and what builds the context of the incident."""

from pathlib import Path
from typing import Any

import msgspec

from premortem.adapters.administration.memory import MemoryAdministration
from premortem.adapters.incident_store.memory import MemoryIncidentStore
from premortem.adapters.similar_incidents.memory import MemorySimilarIncidents
from premortem.adapters.source_code.git import GitSourceCode
from premortem.domain.archive import ArchivedEvent, ArchivedRow
from premortem.domain.decision import Decision
from premortem.domain.ids import EventId, Fingerprint, TenantId
from premortem.domain.incident import fold
from premortem.domain.tasks import BuildContext, task_id
from premortem.domain.timeline import ContextBuilt, IncidentDetected, IncidentFact
from premortem.domain.work import Work
from premortem.ports import EvidenceStore
from premortem.workers.context.building import Contexts
from tests.builders import NOW, detected
from tests.repositories import Origin
from tests.workers.shop_archive import HOUR, MINUTE, event, notice

ONSET = NOW - NOW % MINUTE
BOOM, OTHER = Fingerprint("a" * 32), Fingerprint("d" * 32)
CART = '''"""The cart."""


def total(items, rates, country):
    subtotal = sum(item["price"] for item in items)
    rate = rates.get(country, 1)
    return round(subtotal * rate, 2)
'''
WEB = """from shop.cart import total


def serve(request):
    return total(request.items, request.rates, request.country)
"""
BROKEN = CART.replace("rates.get(country, 1)", "rates[country]")


def body(
    country: str = "'us'", *, flag: bool = True, crumb: str = "GET /rates", line: int = 6, library: bool = True
) -> bytes:
    """Return the payload of an event that failed in the cart, called from the web."""
    frames: list[dict[str, Any]] = [
        {"filename": "shop/web.py", "function": "serve", "lineno": 5, "in_app": True,
         "context_line": "    return total(request.items, request.rates, request.country)"},
        {"filename": "shop/cart.py", "abs_path": "/srv/shop/cart.py", "function": "total", "lineno": line,
         "in_app": True, "context_line": BROKEN.splitlines()[line - 1],
         "vars": {"country": country, "items": [{"price": "10"}], "rates": {"eu": "1.2"}}},
    ]  # fmt: skip
    if library:
        frames.insert(0, {"filename": "flask/app.py", "function": "wsgi", "lineno": 9, "in_app": False})
    return msgspec.json.encode(
        {
            "exception": {"values": [{"type": "KeyError", "value": country, "stacktrace": {"frames": frames}}]},
            "breadcrumbs": {"values": [{"timestamp": NOW / 1000, "category": "http", "message": crumb}]},
            "contexts": {"flags": {"values": [{"flag": "new_rates", "result": flag}]}},
            "transaction": "/pay",
        }
    )


def failing(number: int, release: str, **said: Any) -> ArchivedEvent:
    """Return the `number`-th failing event."""
    values: dict[str, Any] = {
        "event_id": EventId(f"{number:032x}"),
        "title": "KeyError: 'us'",
        "user_hash": f"u{number % 5}",
        "tags": (("browser", "Safari"), ("country", "us")),
        "payload": body(),
    }
    return event(ONSET + 7_000 + number * 20_000, release, BOOM, **(values | said))


def usual(number: int, release: str, **said: Any) -> ArchivedEvent:
    """Return the `number`-th event of another error, in the hours before."""
    values: dict[str, Any] = {
        "event_id": EventId(f"{0xF000 + number:032x}"),
        "title": "ValueError: no stock",
        "tags": (("browser", "Safari" if number % 4 == 0 else "Firefox"),),
        "payload": body("'eu'", flag=False, crumb="GET /stock", line=7),
    }
    return event(ONSET - 5 * HOUR + number * 5 * MINUTE, release, OTHER, **(values | said))


class FailingShop:
    """`good` and `bad` are the releases; `rows` is what the archive holds."""

    def __init__(self, directory: Path, store: EvidenceStore, *, mapped: bool = True) -> None:
        self.origin = Origin(directory / "origin")
        files = {"src/shop/cart.py": CART, "src/shop/web.py": WEB, "README.md": "x\n", "docs/cart.py": "x = 1\n",
                 ".premortem.toml": "version = 1\n", "src/shop/__init__.py": ""}  # fmt: skip
        self.first = self.origin.commit("begin", files, at=ONSET - 90 * HOUR)
        self.origin.git("tag", "v1.0")
        self.readme = self.origin.commit("say more", {"README.md": "y\n"}, at=ONSET - 3 * HOUR)
        self.suspect = self.origin.commit("simplify the rate", {"src/shop/cart.py": BROKEN}, at=ONSET - 2 * HOUR)
        self.later = self.origin.commit("after", {"src/shop/cart.py": BROKEN + "\n"}, at=ONSET + HOUR)
        self.good, self.bad = "shop@1.0", f"shop@2.0+{self.suspect[:10]}"
        self.store = store
        self.source = GitSourceCode(directory / "code", fetch_seconds=10)
        self.similar, self.incidents = MemorySimilarIncidents(), MemoryIncidentStore()
        self.administration = MemoryAdministration()
        self.administration.create_project(TenantId("acme"), "shop", "Shop", "ab" * 16)
        if mapped:
            self.administration.add_repository(self.origin.repository(prefix="src"))
        self.opened = detected(
            fingerprint=BOOM,
            occurred_at=ONSET + 12 * MINUTE,
            decision=Decision("novelty", 1, fired=True, at=ONSET + 12 * MINUTE, onset=ONSET),
            event_id=f"{3:032x}",
            release=self.bad,
        )

    def rows(self) -> list[ArchivedRow]:
        """Return thirty failing events on the bad release, sixty of another error, mostly before, and the deploys."""
        return [
            *(failing(n, self.bad) for n in range(29)),
            failing(29, self.bad, title="KeyError: 'fr'", payload=body("'fr'")),
            *(usual(n, self.good) for n in range(59)),
            usual(60, self.bad),
            notice(ONSET - 2 * MINUTE, self.bad),
            notice(ONSET - 90 * HOUR, self.good),
        ]

    def archive(self, *rows: ArchivedRow) -> "FailingShop":
        """Archive rows, or else all of them."""
        self.store.insert(list(rows) or self.rows())
        return self

    def contexts(self) -> Contexts:
        return Contexts(self.store, self.source, self.administration, self.similar, self.incidents, seconds=lambda: 0.0)

    def work(self, *facts: IncidentFact, receive_count: int = 1, opened: IncidentDetected | None = None) -> Work[Any]:
        """Return the work that the last of the facts asks for."""
        told = (opened or self.opened, *facts)
        incident = fold(told)
        assert incident is not None
        last = told[-1]
        task = BuildContext(
            id=task_id(BuildContext, last.id),
            incident_id=last.incident_id,
            tenant_id=last.tenant_id,
            project_id=last.project_id,
            caused_by=last.id,
            at=last.occurred_at,
        )
        return Work(task, incident, told, receive_count)

    def build(self, *facts: IncidentFact, **said: Any) -> ContextBuilt:
        (fact,) = self.contexts()(self.work(*facts, **said)).facts
        assert isinstance(fact, ContextBuilt)
        return fact
