"""A model behind an OpenAI-compatible URL, by OpenAI's own client. One request a question, with a deadline of its own.

The answer is asked for by JSON Schema, at temperature 0 with a fixed seed; what comes is text that nobody believes.
"""

import hashlib
import time
from collections.abc import Callable
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from premortem.exceptions import Malformed, Unavailable
from premortem.ports import ModelAnswer, Prompt

if TYPE_CHECKING:
    from openai import OpenAI

_LONGEST_ANSWER = 200_000
_CONNECT_SECONDS = 5.0


class Prices(Struct, frozen=True):
    """Dollars for a million tokens (as many microdollars for one)."""

    input: Decimal = Decimal(0)
    output: Decimal = Decimal(0)

    def cost(self, input_tokens: int, output_tokens: int) -> int:
        """Return microdollars, rounded up."""
        return int((self.input * input_tokens + self.output * output_tokens).to_integral_value(ROUND_CEILING))


class OpenAiLanguageModel:
    """The model `name` at `url` (its `/v1`). Thread-safe; connects when first asked."""

    def __init__(
        self,
        url: str,
        key: str,
        name: str,
        prices: Prices | None = None,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._url, self._key, self._prices, self._seconds = url, key, prices or Prices(), seconds
        self._client: OpenAI | None = None

    def answer(self, prompt: Prompt) -> ModelAnswer:
        """Ask once. Raises Unavailable for an overloaded or silent server, Malformed for a refusal or a cut answer."""
        import httpx2
        import openai

        request = _request(self.name, prompt)
        started = self._seconds()
        try:
            # The whole answer has a deadline: a read that gets a byte now and then would never run out.
            timeout = httpx2.Timeout(prompt.seconds, connect=min(_CONNECT_SECONDS, prompt.seconds))
            with (
                self._connected()
                .with_options(timeout=timeout)
                .chat.completions.with_streaming_response.create(**request) as response
            ):
                body = _read(response, started + prompt.seconds, self._seconds)
        except (openai.APITimeoutError, openai.APIConnectionError) as problem:
            raise Unavailable(f"the model at {self._url} does not answer: {_said(problem)}") from problem
        except openai.APIStatusError as problem:
            raise _refused(problem.status_code, self._url, _said(problem)) from problem
        except (openai.OpenAIError, httpx2.HTTPError) as problem:
            raise Unavailable(f"the model at {self._url}: {_said(problem)}") from problem
        text, used = _content(body)
        return ModelAnswer(
            text=text,
            model=self.name,
            prompt_hash=hashlib.sha256(msgspec.json.encode(request, order="sorted")).hexdigest(),
            input_tokens=used[0],
            output_tokens=used[1],
            cost_microdollars=self._prices.cost(*used),
            duration_ms=round((self._seconds() - started) * 1000),
        )

    def _connected(self) -> "OpenAI":
        if self._client is None:
            from openai import OpenAI

            self._client = OpenAI(api_key=self._key or "none", base_url=self._url, max_retries=0)
        return self._client


class _Message(Struct, frozen=True):
    content: str | None = None
    refusal: str | None = None


class _Choice(Struct, frozen=True):
    message: _Message
    finish_reason: str | None = None


class _Usage(Struct, frozen=True):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Completion(Struct, frozen=True):
    choices: list[_Choice]
    usage: _Usage | None = None


def _request(name: str, prompt: Prompt) -> dict[str, Any]:
    schema = {"name": prompt.schema_name, "strict": True, "schema": prompt.schema}
    return {
        "model": name,
        "messages": [
            {"role": "system", "content": prompt.instructions},
            {"role": "user", "content": prompt.observed},
        ],
        "response_format": {"type": "json_schema", "json_schema": schema},
        "max_tokens": prompt.max_output_tokens,
        "temperature": 0,
        "seed": 1,
    }


def _read(response: Any, deadline: float, seconds: Callable[[], float]) -> bytes:
    """Return the body; Unavailable when it drips in beyond the deadline or has no end."""
    parts: list[bytes] = []
    size = 0
    for part in response.iter_bytes():
        parts.append(part)
        size += len(part)
        if seconds() > deadline:
            raise Unavailable("the model's answer did not come in time")
        if size > _LONGEST_ANSWER:
            raise Malformed("the model's answer has no end")
    return b"".join(parts)


def _content(body: bytes) -> tuple[str, tuple[int, int]]:
    try:
        found = msgspec.json.decode(body, type=_Completion)
    except ValueError as problem:
        raise Unavailable(f"the model's server answered what is no completion: {problem}") from problem
    used = found.usage or _Usage()
    choice = found.choices[0] if found.choices else _Choice(_Message())
    if choice.message.refusal:
        raise Malformed("the model refused to answer")
    if choice.finish_reason not in (None, "stop"):
        raise Malformed(f"the model's answer is not whole ({choice.finish_reason}). Allow it more tokens.")
    return choice.message.content or "", (max(used.prompt_tokens, 0), max(used.completion_tokens, 0))


def _refused(status: int, url: str, said: str) -> Unavailable | Malformed:
    if status in (401, 403, 404):
        return Malformed(f"the model at {url} refuses us ({status}: {said}). Mend PREMORTEM_MODEL_KEY, _NAME or _URL.")
    if status in (408, 409, 429) or status >= 500:
        return Unavailable(f"the model at {url} is overloaded or broken ({status})")
    return Malformed(f"the model at {url} does not take the question ({status}: {said})")


def _said(problem: BaseException) -> str:
    return " ".join(str(problem).split())[:200]
