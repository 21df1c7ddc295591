"""Reconsidering: the analyst that a question is asked again of. It is lent what it was shown, a model, and a budget: no
evidence store, no repository, no code host.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from premortem.adapters.language_model.openai import OpenAiLanguageModel, Prices
from premortem.adapters.spending.apart import ApartSpending
from premortem.adapters.spending.budgets import Budgets
from premortem.adapters.spending.postgres import PostgresSpending
from premortem.adapters.tracer.apart import ApartTracer
from premortem.agents.asking import Limits, Questions, our_instructions
from premortem.agents.model_rca import ModelAnalyst
from premortem.agents.rca import Analyst, RootCauses
from premortem.bootstrap.agents import budgets, tracer_of
from premortem.bootstrap.connecting import lend_pool
from premortem.domain.ids import IncidentId, TenantId
from premortem.domain.reconsidering import known_then, work_again
from premortem.domain.routing import DEFAULT
from premortem.domain.timeline import Changed, IncidentFact, RootCauseProposed
from premortem.exceptions import Malformed
from premortem.ports import Spending, Tracer
from premortem.settings import Settings

_NO_LIMIT = 1 << 62


class Setup(Struct, frozen=True, kw_only=True):
    """Of whom a question is asked again. Prices are dollars for a million tokens."""

    rules: bool = False
    """The rules alone: no model."""
    model: str = ""
    url: str = ""
    instructions: str = ""
    """In place of ours; empty = ours."""
    budget_tokens: int = 0
    """For an answer; 0 = as the settings say."""
    input_price: Decimal | None = None
    output_price: Decimal | None = None


class Reconsidering:
    """Asks one analyst about old work. `changed` says what is another than then."""

    def __init__(self, changed: Changed, analyst: Analyst | None, tracer: Tracer, spending: Spending | None) -> None:
        self.changed, self._analyst, self._tracer, self._spending = changed, analyst, tracer, spending

    def __call__(self, facts: tuple[IncidentFact, ...], old: RootCauseProposed) -> RootCauseProposed:
        """Return the new answer to what `old` answered. Raises Malformed when nothing stored says what was asked,
        Unavailable when the model does not answer.
        """
        work = work_again(facts, old)
        if work is None:
            raise Malformed(
                f"the context that {old.id} answered is not on the timeline, so nobody can be asked about it."
            )
        known = known_then(old)
        least = old.least_cases or DEFAULT.least_cases
        handler = RootCauses(self._analyst, lambda _: known, self._tracer, least_cases=least)
        (answer,) = handler(work).facts
        assert isinstance(answer, RootCauseProposed)
        return answer

    def has_room(self, tenant: TenantId, incident: IncidentId) -> bool:
        """Tell whether the tenant's day leaves a whole budget for another answer."""
        if self._spending is None:
            return True
        left = self._spending.left(tenant, incident, 0)
        return left.tokens >= self.changed.budget_tokens and left.cost_microdollars > 0


@contextmanager
def reconsidering(settings: Settings, setup: Setup, at: int) -> Iterator[Reconsidering]:
    """Lend the analyst that `setup` and, for what it leaves out, the settings name. What it takes is booked at `at`,
    the log's time (ms). Raises Malformed when no model is named and the rules are not meant either.
    """
    if setup.rules:
        yield Reconsidering(Changed(), None, ApartTracer(tracer_of(settings), "again by rules"), None)
        return
    url, name = setup.url or settings.model_url, setup.model or settings.model_name
    if not url or not name:
        raise Malformed("no model is named. Give --model and --url, or set PREMORTEM_MODEL_NAME and _URL; or --rules.")
    prompt_hash = hashlib.sha256(setup.instructions.encode()).hexdigest() if setup.instructions else ""
    tokens = setup.budget_tokens or settings.model_incident_tokens
    changed = Changed(model=name, prompt_hash=prompt_hash, budget_tokens=tokens)
    tracer = ApartTracer(tracer_of(settings), f"again by {name} {prompt_hash[:8]} {tokens}")
    import openai  # what importing it takes is nobody's answer

    del openai
    with lend_pool(settings) as pool:
        days = replace(budgets(settings), incident_tokens=_NO_LIMIT, incident_microdollars=_NO_LIMIT)
        ours = Budgets(
            incident_tokens=tokens,
            incident_microdollars=budgets(settings).incident_microdollars,
            day_tokens=_NO_LIMIT,
            day_microdollars=_NO_LIMIT,
        )
        spending = ApartSpending(PostgresSpending(pool, days), ours, at)
        prices = Prices(
            settings.model_input_price if setup.input_price is None else setup.input_price,
            settings.model_output_price if setup.output_price is None else setup.output_price,
        )
        # A key is for the server that it was set for, and for no other.
        key = settings.model_key if url == settings.model_url else ""
        questions = Questions(
            OpenAiLanguageModel(url, key, name, prices),
            spending,
            tracer,
            Limits(seconds=settings.model_seconds),
            (lambda _: setup.instructions) if setup.instructions else our_instructions,
        )
        yield Reconsidering(changed, ModelAnalyst(questions), tracer, spending)
        tracer.flush()
