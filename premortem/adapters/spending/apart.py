"""Spending apart: a budget of its own for questions that are asked again, booked at the tenant's day all the same."""

from premortem.adapters.spending.budgets import Budgets
from premortem.adapters.spending.memory import MemorySpending
from premortem.domain.ids import IncidentId, TenantId
from premortem.ports import Allowance, Spending


class ApartSpending:
    """What an incident took when it was first worked on takes nothing from its budget here. Times are not those of the
    old questions: everything is booked at `at`, the log's time now.
    """

    def __init__(self, book: Spending, budgets: Budgets, at: int) -> None:
        self._book, self._apart, self._at = book, MemorySpending(budgets), at

    def left(self, tenant: TenantId, incident: IncidentId, at: int) -> Allowance:
        """Return what is left of the tighter of its own budget and the tenant's day."""
        del at
        ours, all_ = self._apart.left(tenant, incident, self._at), self._book.left(tenant, incident, self._at)
        return Allowance(
            tokens=min(ours.tokens, all_.tokens),
            cost_microdollars=min(ours.cost_microdollars, all_.cost_microdollars),
        )

    def spend(self, tenant: TenantId, incident: IncidentId, at: int, tokens: int, cost_microdollars: int) -> None:
        """Book what an answer took, in both."""
        del at
        for book in (self._apart, self._book):
            book.spend(tenant, incident, self._at, tokens, cost_microdollars)
