"""A model behind an OpenAI-compatible URL, by OpenAI's own client. One request a question, with a deadline of its own.

The answer is asked for by JSON Schema, at temperature 0 with a fixed seed; what comes is text that nobody believes.
Servers that know a setting by another name, or not at all, are asked without it from then on.
"""

import hashlib
import time
from collections.abc import Callable, Collection
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
_CHARACTERS_PER_TOKEN = 3
"""What a server's answer is taken to have cost that does not say it: more than it will have been."""
_SETTINGS = ("max_tokens", "temperature", "seed")
"""What a server may not take; `max_tokens` is then asked for as `max_completion_tokens`, its newer name."""


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
        self._not_taken: frozenset[str] = frozenset()

    def answer(self, prompt: Prompt) -> ModelAnswer:
        """Ask, once more for each setting that the server does not take. Raises Unavailable for an overloaded or silent
        server, Malformed for one that refuses us.
        """
        self._connected()  # which imports the client, and that takes a second the first time
        started = self._seconds()
        while True:
            request = _request(self.name, prompt, self._not_taken)
            try:
                body = self._posted(request, started + prompt.seconds, prompt.seconds)
                break
            except _NotTaken as problem:
                self._not_taken |= {problem.setting}
        text, used, refused = _content(body)
        if used is None:
            asked = len(prompt.instructions) + len(prompt.observed)
            used = (asked // _CHARACTERS_PER_TOKEN, len(text) // _CHARACTERS_PER_TOKEN)
        return ModelAnswer(
            text=text,
            model=self.name,
            prompt_hash=hashlib.sha256(msgspec.json.encode(request, order="sorted")).hexdigest(),
            input_tokens=used[0],
            output_tokens=used[1],
            cost_microdollars=self._prices.cost(*used),
            duration_ms=round((self._seconds() - started) * 1000),
            refused=refused,
        )

    def _posted(self, request: dict[str, Any], deadline: float, seconds: float) -> bytes:
        import httpx2
        import openai

        try:
            # The whole answer has a deadline: a read that gets a byte now and then would never run out.
            timeout = httpx2.Timeout(seconds, connect=min(_CONNECT_SECONDS, seconds))
            with (
                self._connected()
                .with_options(timeout=timeout)
                .chat.completions.with_streaming_response.create(**request) as response
            ):
                return _read(response, deadline, self._seconds)
        except (openai.APITimeoutError, openai.APIConnectionError) as problem:
            raise Unavailable(f"the model at {self._url} does not answer: {_said(problem)}") from problem
        except openai.APIStatusError as problem:
            setting = next((name for name in _SETTINGS if name in request and name in str(problem)), None)
            if problem.status_code in (400, 422) and setting:
                raise _NotTaken(setting) from problem
            raise _refused(problem.status_code, self._url, _said(problem)) from problem
        except (openai.OpenAIError, httpx2.HTTPError) as problem:
            raise Unavailable(f"the model at {self._url}: {_said(problem)}") from problem

    def _connected(self) -> "OpenAI":
        if self._client is None:
            from openai import OpenAI

            self._client = OpenAI(api_key=self._key or "none", base_url=self._url, max_retries=0)
        return self._client


class _NotTaken(Exception):
    """The server does not take one of our settings."""

    def __init__(self, setting: str) -> None:
        super().__init__(setting)
        self.setting = setting


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


def _request(name: str, prompt: Prompt, not_taken: Collection[str]) -> dict[str, Any]:
    schema = {"name": prompt.schema_name, "strict": True, "schema": prompt.schema}
    settings = {"max_tokens": prompt.max_output_tokens, "temperature": 0, "seed": 1}
    if "max_tokens" in not_taken:
        settings["max_completion_tokens"] = prompt.max_output_tokens
    return {
        "model": name,
        "messages": [
            {"role": "system", "content": prompt.instructions},
            {"role": "user", "content": prompt.observed},
        ],
        "response_format": {"type": "json_schema", "json_schema": schema},
        **{setting: value for setting, value in settings.items() if setting not in not_taken},
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


def _content(body: bytes) -> tuple[str, tuple[int, int] | None, str]:
    """Return the text, the tokens in and out as far as they are said, and why the text is no whole answer."""
    try:
        found = msgspec.json.decode(body, type=_Completion)
    except ValueError as problem:
        raise Unavailable(f"the model's server answered what is no completion: {problem}") from problem
    used = (max(found.usage.prompt_tokens, 0), max(found.usage.completion_tokens, 0)) if found.usage else None
    choice = found.choices[0] if found.choices else _Choice(_Message())
    refused = ""
    if choice.message.refusal:
        refused = "the model refused to answer"
    elif choice.finish_reason not in (None, "stop"):
        refused = f"the model's answer is not whole ({choice.finish_reason}). Allow it more tokens."
    return choice.message.content or "", used, refused


def _refused(status: int, url: str, said: str) -> Unavailable | Malformed:
    if status in (401, 403, 404):
        return Malformed(f"the model at {url} refuses us ({status}: {said}). Mend PREMORTEM_MODEL_KEY, _NAME or _URL.")
    if status in (408, 409, 429) or status >= 500:
        return Unavailable(f"the model at {url} is overloaded or broken ({status})")
    return Malformed(f"the model at {url} does not take the question ({status}: {said})")


def _said(problem: BaseException) -> str:
    return " ".join(str(problem).split())[:200]
