"""Every book of what models cost keeps the promise of `ports.Spending`."""

import secrets
from collections.abc import Iterator

import pytest

from premortem.adapters.postgres import open_pool
from premortem.adapters.spending.apart import ApartSpending
from premortem.adapters.spending.budgets import Budgets
from premortem.adapters.spending.memory import MemorySpending
from premortem.adapters.spending.postgres import PostgresSpending
from premortem.domain.ids import IncidentId, TenantId
from premortem.ports import Allowance, Spending
from tests.builders import NOW

BUDGETS = Budgets(incident_tokens=100, incident_microdollars=1000, day_tokens=150, day_microdollars=1500)
ONE, TWO = IncidentId("one"), IncidentId("two")
DAY = 86_400_000


@pytest.fixture(params=["memory", "postgres"])
def spending(request: pytest.FixtureRequest) -> Iterator[Spending]:
    if request.param == "memory":
        yield MemorySpending(BUDGETS)
        return
    pool = open_pool(request.getfixturevalue("postgres_dsn"), size=2)
    yield PostgresSpending(pool, BUDGETS)
    pool.close()


@pytest.fixture
def tenant() -> TenantId:
    return TenantId(secrets.token_hex(4))


def test_what_is_spent_is_no_longer_left(spending: Spending, tenant: TenantId) -> None:
    assert spending.left(tenant, ONE, NOW) == Allowance(tokens=100, cost_microdollars=1000)
    spending.spend(tenant, ONE, NOW, 30, 200)
    spending.spend(tenant, ONE, NOW, 30, 200)
    assert spending.left(tenant, ONE, NOW) == Allowance(tokens=40, cost_microdollars=600)


def test_the_tighter_of_both_budgets_counts(spending: Spending, tenant: TenantId) -> None:
    spending.spend(tenant, ONE, NOW, 90, 100)
    assert spending.left(tenant, TWO, NOW) == Allowance(tokens=60, cost_microdollars=1000)


def test_a_new_day_has_its_own_budget_and_an_incident_keeps_its_one(spending: Spending, tenant: TenantId) -> None:
    spending.spend(tenant, ONE, NOW, 90, 100)
    assert spending.left(tenant, ONE, NOW + DAY).tokens == 10
    assert spending.left(tenant, TWO, NOW + DAY).tokens == 100


def test_a_budget_that_was_passed_leaves_nothing_and_never_less(spending: Spending, tenant: TenantId) -> None:
    spending.spend(tenant, ONE, NOW, 1_000, 10_000)
    assert spending.left(tenant, ONE, NOW) == Allowance(tokens=0, cost_microdollars=0)


def test_what_is_asked_again_has_a_budget_of_its_own_and_is_booked_at_the_day_on_which_it_is_asked(
    spending: Spending, tenant: TenantId
) -> None:
    spending.spend(tenant, ONE, NOW - DAY, 100, 1000)
    apart = ApartSpending(spending, BUDGETS, NOW)
    assert apart.left(tenant, TWO, NOW - DAY).tokens == 100
    apart.spend(tenant, TWO, NOW - DAY, 60, 0)
    assert apart.left(tenant, TWO, NOW - DAY).tokens == 40
    assert spending.left(tenant, IncidentId("three"), NOW) == Allowance(tokens=90, cost_microdollars=1000)
    assert apart.left(tenant, IncidentId("three"), NOW).tokens == 90


def test_tenants_do_not_spend_from_each_other(spending: Spending, tenant: TenantId) -> None:
    spending.spend(tenant, ONE, NOW, 100, 1000)
    assert spending.left(TenantId(f"{tenant}-other"), ONE, NOW).tokens == 100
