"""A model's server that is slow, broken or away is Unavailable in time; one that refuses says what to mend."""

import json
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from premortem.adapters.language_model.openai import OpenAiLanguageModel, Prices
from premortem.exceptions import Malformed, Unavailable
from premortem.ports import Prompt
from tests.model_server import ModelServer, Reply, model_server
from tests.ports import free_port

PROMPT = Prompt(
    instructions="i", observed="o", schema_name="s", schema={"type": "object"}, max_output_tokens=10, seconds=60
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
    other = Prompt(instructions="i", observed="p", schema_name="s", schema={}, max_output_tokens=10, seconds=60)
    hashes = [model.answer(prompt).prompt_hash for prompt in (PROMPT, PROMPT, other)]
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize(
    "reply", [Reply("{}", wait_seconds=20), Reply("{}", drip_seconds=0.1)], ids=["silent", "drips"]
)
def test_a_server_that_takes_too_long_is_given_up_in_time(server: ModelServer, reply: Reply) -> None:
    server.script(reply)
    started = time.monotonic()
    with pytest.raises(Unavailable):
        OpenAiLanguageModel(server.url, "", "m").answer(replace(PROMPT, seconds=0.5))
    assert time.monotonic() - started < 15


def test_a_server_that_is_away_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        OpenAiLanguageModel(f"http://127.0.0.1:{free_port()}/v1", "", "m").answer(PROMPT)


@pytest.mark.parametrize(("status", "said"), [(401, "PREMORTEM_MODEL_KEY"), (400, "does not take the question")])
def test_a_server_that_refuses_us_says_what_to_mend(server: ModelServer, status: int, said: str) -> None:
    server.script(Reply(status=status, body=b'{"error": {"message": "no"}}'))
    with pytest.raises(Malformed, match=said):
        OpenAiLanguageModel(server.url, "", "m").answer(PROMPT)


@pytest.mark.parametrize("reply", [Reply("half", finish_reason="length"), Reply("", refusal="no")], ids=["cut", "no"])
def test_an_answer_that_is_none_is_said_to_be_none_and_costs_what_it_took(server: ModelServer, reply: Reply) -> None:
    server.script(reply)
    answer = OpenAiLanguageModel(server.url, "", "m", Prices(Decimal("0.25"), Decimal(2))).answer(PROMPT)
    assert answer.refused
    assert (answer.input_tokens, answer.output_tokens, answer.cost_microdollars) == (100, 50, 125)


def test_an_answer_of_a_server_that_counts_no_tokens_costs_what_its_length_says(server: ModelServer) -> None:
    body = {"choices": [{"message": {"content": "x" * 30}}]}
    server.script(Reply(body=json.dumps(body).encode()))
    answer = OpenAiLanguageModel(server.url, "", "m").answer(replace(PROMPT, observed="o" * 300))
    assert (answer.input_tokens, answer.output_tokens) == (100, 10)


def test_a_setting_that_a_server_does_not_take_is_left_out_from_then_on(server: ModelServer) -> None:
    def picky(request: dict[str, Any]) -> Reply:
        wrong = next((name for name in ("max_tokens", "temperature", "seed") if name in request), None)
        said = json.dumps({"error": {"message": f"Unsupported parameter: {wrong!r}", "param": wrong}}).encode()
        return Reply(status=400, body=said) if wrong else Reply("{}")

    server.script(picky)
    model = OpenAiLanguageModel(server.url, "", "m")
    assert model.answer(PROMPT).text == "{}"
    assert server.asked[-1]["max_completion_tokens"] == 10
    asked = len(server.asked)
    model.answer(PROMPT)
    assert len(server.asked) == asked + 1
