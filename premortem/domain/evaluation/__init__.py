"""Evaluation of a deployed fix: rates before and after, and what they prove."""

from premortem.domain.evaluation.observed import FEWEST_EVENTS, FEWEST_SESSIONS, MINUTE_MS, WEEK_MS, Observed, Slot
from premortem.domain.evaluation.siblings import Place, is_sibling, places
from premortem.domain.evaluation.summary import summary_of
from premortem.domain.evaluation.verdict import SEARCH_MS, Verdict, decide, judged

__all__ = [
    "FEWEST_EVENTS",
    "FEWEST_SESSIONS",
    "MINUTE_MS",
    "SEARCH_MS",
    "WEEK_MS",
    "Observed",
    "Place",
    "Slot",
    "Verdict",
    "decide",
    "is_sibling",
    "judged",
    "places",
    "summary_of",
]
