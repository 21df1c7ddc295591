"""Spending kept in memory: for tests, and for one run."""

from collections import Counter
from threading import Lock

from premortem.adapters.spending.budgets import Budgets, day_of
from premortem.domain.ids import IncidentId, TenantId
from premortem.ports import Allowance


class MemorySpending:
    """Counts what is spent."""

    def __init__(self, budgets: Budgets | None = None) -> None:
        self._budgets, self._lock = budgets or Budgets(), Lock()
        self._tokens: Counter[tuple[str, str | int]] = Counter()
        self._cost: Counter[tuple[str, str | int]] = Counter()

    def left(self, tenant: TenantId, incident: IncidentId, at: int) -> Allowance:
        """Return what is left of the tighter budget."""
        with self._lock:
            of_incident, of_day = (tenant, incident), (tenant, day_of(at))
            return self._budgets.left(
                (self._tokens[of_incident], self._cost[of_incident]), (self._tokens[of_day], self._cost[of_day])
            )

    def spend(self, tenant: TenantId, incident: IncidentId, at: int, tokens: int, cost_microdollars: int) -> None:
        """Book what an answer took."""
        with self._lock:
            for place in ((tenant, incident), (tenant, day_of(at))):
                self._tokens[place] += tokens
                self._cost[place] += cost_microdollars
