"""A model's server that is slow, broken or away is Unavailable in time; one that refuses says what to mend."""

import time
from collections.abc import Iterator
from decimal import Decimal

import pytest

from premortem.adapters.language_model.openai import OpenAiLanguageModel, Prices
from premortem.exceptions import Malformed, Unavailable
from premortem.ports import Prompt
from tests.kafka_fixture import free_port
from tests.model_server import ModelServer, Reply, model_server

PROMPT = Prompt(
    instructions="i", observed="o", schema_name="s", schema={"type": "object"}, max_output_tokens=10, seconds=0.5
)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with model_server() as served:
        yield served


def test_an_answer_comes_with_what_it_took(server: ModelServer) -> None:
    server.script(Reply("{}"))
    answer = OpenAiLanguageModel(server.url, "", "m", Prices(Decimal("0.25"), Decimal(2))).answer(PROMPT)
    assert (answer.text, answer.input_tokens, answer.output_tokens, answer.cost_microdollars) == ("{}", 100, 50, 125)


def test_the_same_question_has_the_same_hash_and_another_one_another(server: ModelServer) -> None:
    server.script(Reply("{}"))
    model = OpenAiLanguageModel(server.url, "", "m")
    other = Prompt(instructions="i", observed="p", schema_name="s", schema={}, max_output_tokens=10, seconds=5)
    hashes = [model.answer(prompt).prompt_hash for prompt in (PROMPT, PROMPT, other)]
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize("reply", [Reply("{}", wait_seconds=3), Reply("{}", drip_seconds=0.1)], ids=["silent", "drips"])
def test_a_server_that_takes_too_long_is_given_up_in_time(server: ModelServer, reply: Reply) -> None:
    server.script(reply)
    started = time.monotonic()
    with pytest.raises(Unavailable):
        OpenAiLanguageModel(server.url, "", "m").answer(PROMPT)
    assert time.monotonic() - started < 2


def test_a_server_that_is_away_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        OpenAiLanguageModel(f"http://127.0.0.1:{free_port()}/v1", "", "m").answer(PROMPT)


@pytest.mark.parametrize(("status", "said"), [(401, "PREMORTEM_MODEL_KEY"), (400, "does not take the question")])
def test_a_server_that_refuses_us_says_what_to_mend(server: ModelServer, status: int, said: str) -> None:
    server.script(Reply(status=status, body=b'{"error": {"message": "no"}}'))
    with pytest.raises(Malformed, match=said):
        OpenAiLanguageModel(server.url, "", "m").answer(PROMPT)
