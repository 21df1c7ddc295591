"""Agents: what proposes causes, fixes and instrumentation, with a model where the settings name one."""

from decimal import Decimal
from typing import NamedTuple

from premortem.adapters.spending.budgets import Budgets
from premortem.adapters.spending.postgres import PostgresSpending
from premortem.adapters.tracer.silent import SilentTracer
from premortem.agents.asking import Limits, Questions
from premortem.agents.fix import Fixes
from premortem.agents.instrumentation import Instrumentations
from premortem.agents.model_fix import ModelFixes
from premortem.agents.model_rca import ModelAnalyst
from premortem.agents.rca import RootCauses
from premortem.bootstrap.connecting import Adapters
from premortem.exceptions import Malformed
from premortem.ports import SourceCode, Tracer
from premortem.settings import Settings

_MICRO = 1_000_000


class Agents(NamedTuple):
    """The handlers of three queues."""

    root_causes: RootCauses
    fixes: Fixes
    instrumentations: Instrumentations


def agents(settings: Settings, adapters: Adapters, source: SourceCode, tracer: Tracer) -> Agents:
    """Return the agents that the settings describe. Raises Malformed for a model that is half described."""
    questions = _questions(settings, adapters, tracer)
    analyst, author = (ModelAnalyst(questions), ModelFixes(questions)) if questions else (None, None)
    return Agents(
        RootCauses(analyst, adapters.incident_store.outcomes, tracer, least_cases=settings.least_cases),
        Fixes(source, adapters.administration, author, tracer),
        Instrumentations(source, adapters.administration, tracer),
    )


def tracer_of(settings: Settings) -> Tracer:
    """Return where the agents' steps are shown."""
    if not settings.langfuse_url:
        return SilentTracer()
    if not settings.langfuse_public_key or not settings.langfuse_secret_key:
        raise Malformed(
            "PREMORTEM_LANGFUSE_URL is set. Set PREMORTEM_LANGFUSE_PUBLIC_KEY and PREMORTEM_LANGFUSE_SECRET_KEY too."
        )
    from premortem.adapters.tracer.langfuse import LangfuseTracer

    keys = settings.langfuse_public_key, settings.langfuse_secret_key
    return LangfuseTracer(settings.langfuse_url, *keys, settings.langfuse_project)


def _questions(settings: Settings, adapters: Adapters, tracer: Tracer) -> Questions | None:
    if not settings.model_url:
        return None
    if not settings.model_name:
        raise Malformed("PREMORTEM_MODEL_URL is set. Set PREMORTEM_MODEL_NAME too.")
    from premortem.adapters.language_model.openai import OpenAiLanguageModel, Prices

    prices = Prices(settings.model_input_price, settings.model_output_price)
    model = OpenAiLanguageModel(settings.model_url, settings.model_key, settings.model_name, prices)
    spending = PostgresSpending(adapters.pool, budgets(settings))
    return Questions(model, spending, tracer, Limits(seconds=settings.model_seconds))


def budgets(settings: Settings) -> Budgets:
    """Return what models may take for an incident, and for a tenant in a day."""
    return Budgets(
        incident_tokens=settings.model_incident_tokens,
        incident_microdollars=_microdollars(settings.model_incident_dollars),
        day_tokens=settings.model_day_tokens,
        day_microdollars=_microdollars(settings.model_day_dollars),
    )


def _microdollars(dollars: Decimal) -> int:
    return int(dollars * _MICRO)
