"""Spending kept in PostgreSQL: a row for an incident and day."""

from premortem.adapters.postgres import Pool, connected, statement
from premortem.adapters.spending.budgets import Budgets, day_of
from premortem.domain.ids import IncidentId, TenantId
from premortem.ports import Allowance


class PostgresSpending:
    """Books what models cost, for every worker alike."""

    def __init__(self, pool: Pool, budgets: Budgets | None = None) -> None:
        self._pool, self._budgets = pool, budgets or Budgets()

    def left(self, tenant: TenantId, incident: IncidentId, at: int) -> Allowance:
        """Return what is left of the tighter budget."""
        asked = {"tenant": tenant, "incident": incident, "day": day_of(at)}
        with connected(self._pool) as connection:
            row = connection.execute(statement(__file__, "left"), asked).fetchone()
        of_incident_tokens, of_incident_cost, of_day_tokens, of_day_cost = row or (0, 0, 0, 0)
        return self._budgets.left((of_incident_tokens, of_incident_cost), (of_day_tokens, of_day_cost))

    def spend(self, tenant: TenantId, incident: IncidentId, at: int, tokens: int, cost_microdollars: int) -> None:
        """Book what an answer took."""
        spent = {"tenant": tenant, "incident": incident, "day": day_of(at), "tokens": tokens,
                 "microdollars": cost_microdollars}  # fmt: skip
        with connected(self._pool) as connection:
            connection.execute(statement(__file__, "spend"), spent)
