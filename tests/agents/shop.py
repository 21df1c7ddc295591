"""A shop in a real git repository: a change to its cart brings an error, and the evidence that a context would hold."""

from pathlib import Path

from premortem.adapters.administration.memory import MemoryAdministration
from premortem.adapters.source_code.git import GitSourceCode
from premortem.adapters.tracer.silent import SilentTracer
from premortem.agents.fix import Fixes, FixModel
from premortem.agents.instrumentation import Instrumentations
from premortem.domain.evidence import Evidence
from premortem.domain.ids import TenantId
from premortem.domain.observations import (
    Blame,
    BlameLine,
    Code,
    Commits,
    CommitSeen,
    EventSeen,
    ExceptionSeen,
    FrameSeen,
)
from premortem.domain.timeline import ContextBuilt
from premortem.ports import Repository
from tests.agents import stored
from tests.builders import NOW
from tests.repositories import Origin

GOOD = '''"""The cart."""


def total(items, rates, country):
    subtotal = sum(item["price"] for item in items)
    rate = rates.get(country, 1)
    return round(subtotal * rate, 2)
'''
BAD = GOOD.replace("rates.get(country, 1)", "rates[country]")
TESTS = """import unittest
from shop.cart import total


class Totals(unittest.TestCase):
    def test_total(self):
        self.assertEqual(total([{"price": 2}], {"eu": 2}, "eu"), 4)
"""
OPT_IN = """version = 1
[tests]
command = ["python3", "-m", "unittest", "discover", "-s", "tests", "-t", "."]
seconds = 60
"""
VARIABLES = (("items", "[{'price': 10}]"), ("rates", "{'eu': 1.2}"), ("country", "'us'"))


class Shop:
    """The repository, its history, and the handlers over it."""

    def __init__(self, directory: Path, *, opt_in: str | None = OPT_IN, bad: str = BAD, good: str = GOOD) -> None:
        self.origin = Origin(directory / "origin")
        files = {"shop/__init__.py": "", "shop/cart.py": good, "tests/__init__.py": "", "tests/test_cart.py": TESTS}
        self.first = self.origin.commit("begin", files | ({".premortem.toml": opt_in} if opt_in else {}))
        self.suspect = self.origin.commit("simplify the rate", {"shop/cart.py": bad})
        self.head = self.origin.commit("say more", {"README.md": "The shop.\n"})
        self.repository: Repository = self.origin.repository()
        self.source = GitSourceCode(directory / "code")
        self.administration = MemoryAdministration()
        project = self.administration.create_project(TenantId("acme"), "shop", "Shop", "ab" * 16)
        assert (self.repository.tenant_id, self.repository.project_id) == ("acme", project.id)
        self.administration.add_repository(self.repository)

    def context(
        self, *more: Evidence, line: int = 6, variables: tuple[tuple[str, str], ...] = VARIABLES
    ) -> ContextBuilt:
        lines = tuple(BAD.splitlines())
        code = Code(repository=self.repository.name, commit=self.head, path="shop/cart.py", function="total",
                    first_line=1, failing_line=line, lines=lines, depth=0)  # fmt: skip
        blamed = tuple(
            BlameLine(line=n, text=text, commit=self.suspect if n == 6 else self.first, committed_at=NOW)
            for n, text in enumerate(lines, 1)
        )
        blame = Blame(repository=self.repository.name, commit=self.head, path="shop/cart.py", failing_line=line,
                      lines=blamed)  # fmt: skip
        commits = Commits(
            repository=self.repository.name,
            bad_commit=self.head,
            good_commit=self.first,
            rule="between_releases",
            commits=(
                CommitSeen(id=self.head, committed_at=NOW, subject="say more", paths=("README.md",)),
                CommitSeen(id=self.suspect, committed_at=NOW - 1, subject="simplify", paths=("shop/cart.py",)),
            ),
        )
        frame = FrameSeen(filename="shop/cart.py", function="total", line=line, in_app=True, variables=variables)
        event = EventSeen(rule="first", event_id="1" * 32, occurred_at=NOW, title="KeyError: 'us'",
                          exceptions=(ExceptionSeen(type="KeyError", value="'us'", frames=(frame,)),))  # fmt: skip
        found = (
            stored.ONSET,
            stored.evidence("event", event),
            stored.evidence("code", code),
            stored.evidence("blame", blame),
            stored.evidence("commits", commits),
        )
        return stored.context(*found, *more)

    def fixes(self, model: FixModel | None = None) -> Fixes:
        return Fixes(self.source, self.administration, model, SilentTracer(), seconds=lambda: 0.0)

    def instrumentations(self) -> Instrumentations:
        return Instrumentations(self.source, self.administration, SilentTracer(), seconds=lambda: 0.0)
