"""Asking a model: within budgets, in a fence, and once more when its answer keeps not to the schema.

A model has no tools. It gets our instructions and what was observed, apart from each other, and gives back JSON that is
validated here; whatever it claims is then judged by code.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct
from pydantic import BaseModel, ConfigDict, ValidationError

from premortem.domain.evidence import Evidence, Made
from premortem.domain.tasks import Task
from premortem.exceptions import Malformed
from premortem.ports import LanguageModel, ModelAnswer, Prompt, Spending, Tracer

_PROMPTS = Path(__file__).with_name("prompts")
_CHARACTERS_PER_TOKEN = 3
"""Fewer than any tokeniser needs for English and code, so that a budget is never passed by an estimate."""
_MOST_CHARACTERS = 120_000
"""Of what is shown. What does not fit is left out by whole items, and counted."""
_MOST_SHOWN = 12_000
_MOST_PROBLEMS = 1_500
_PIECE = 60
"""So many letters of the instructions in an answer are no accident."""


class Answering(BaseModel):
    """What a model's answer is validated as: no further names, no conversions."""

    model_config = ConfigDict(extra="forbid", strict=True)


A = TypeVar("A", bound=Answering)
Observed = Mapping[str, Mapping[str, object] | Sequence[object]]
"""What a model is shown, by name, the most important first."""


class Limits(Struct, frozen=True, kw_only=True):
    """What one question may take."""

    output_tokens: int = 4_000
    seconds: float = 120.0


class Asked(Struct, Generic[A], frozen=True, kw_only=True):
    """An answer, or None and why there is none; and what it took in all."""

    answer: A | None
    why: str
    made: Made


def our_instructions(name: str) -> str:
    """Return what agents tell a model to do: `prompts/<name>.md`."""
    return (_PROMPTS / f"{name}.md").read_text()


class Questions:
    """Asks one model on behalf of agents."""

    def __init__(
        self,
        model: LanguageModel,
        spending: Spending,
        tracer: Tracer,
        limits: Limits | None = None,
        instructions: Callable[[str], str] = our_instructions,
    ) -> None:
        self._model, self._spending, self._tracer, self._limits = model, spending, tracer, limits or Limits()
        self._instructions = instructions

    def ask(self, task: Task, name: str, version: int, observed: Observed, schema: type[A]) -> Asked[A]:
        """Return the model's answer to the instructions `name` about `observed`, asked twice at most.

        No answer: the budget is spent, or it kept not to the schema, or the model refused. Raises Unavailable.
        """
        said: list[ModelAnswer] = []
        problem = ""
        for _ in range(2):
            prompt = self._prompt(task, name, observed, schema, problem)
            if not self._affordable(task, prompt):
                return self._asked(None, "the budget for models is spent", name, version, said)
            try:
                answer = self._model.answer(prompt)
            except Malformed as refusal:
                return self._asked(None, str(refusal), name, version, said)
            said.append(answer)
            trace = self._tracer.trace_id(task.incident_id, name, task.attempt)
            used = (answer.input_tokens, answer.output_tokens)
            self._tracer.record(trace, f"{name} model", prompt.observed, answer.text, model=answer.model, tokens=used)
            tokens = answer.input_tokens + answer.output_tokens
            self._spending.spend(task.tenant_id, task.incident_id, task.at, tokens, answer.cost_microdollars)
            if answer.refused:
                return self._asked(None, answer.refused, name, version, said)
            if _repeats(answer.text, prompt.instructions):
                problem = "It repeats its instructions."
                continue
            try:
                return self._asked(schema.model_validate_json(answer.text), "", name, version, said)
            except ValidationError as invalid:
                problem = str(invalid.errors(include_url=False, include_input=False))[:_MOST_PROBLEMS]
        return self._asked(None, "the model's answers kept not to the schema", name, version, said)

    def _prompt(self, task: Task, name: str, observed: Observed, schema: type[A], problem: str) -> Prompt:
        shown = msgspec.json.encode(_fitting(observed)).decode()
        # Over what it encloses, so that no text in it, whoever wrote it and whatever he foresaw, can hold it.
        fence = hashlib.sha256(f"fence/{task.id}/{shown}".encode()).hexdigest()[:24]
        again = f"\n\nYour last answer was not valid: {problem}" if problem else ""
        return Prompt(
            instructions=self._instructions(name) + f"\nThe fence is {fence}.{again}\n",
            observed=f"{fence}\n{shown}\n{fence}",
            schema_name=name,
            schema=schema.model_json_schema(),
            max_output_tokens=self._limits.output_tokens,
            seconds=self._limits.seconds,
        )

    def _affordable(self, task: Task, prompt: Prompt) -> bool:
        characters = len(prompt.instructions) + len(prompt.observed)
        left = self._spending.left(task.tenant_id, task.incident_id, task.at)
        needed = characters // _CHARACTERS_PER_TOKEN + prompt.max_output_tokens
        return left.tokens >= needed and left.cost_microdollars > 0

    def _asked(self, answer: A | None, why: str, name: str, version: int, said: list[ModelAnswer]) -> Asked[A]:
        made = Made(
            by="model",
            agent=name,
            agent_version=version,
            model=self._model.name,
            prompt_hash=said[-1].prompt_hash if said else "",
            input_tokens=sum(each.input_tokens for each in said),
            output_tokens=sum(each.output_tokens for each in said),
            cost_microdollars=sum(each.cost_microdollars for each in said),
        )
        return Asked(answer=answer, why=why, made=made)


def _repeats(text: str, instructions: str) -> bool:
    """Tell whether an answer holds a piece of the instructions or the fence: it was talked into telling them."""
    starts = range(0, max(len(instructions) - _PIECE, 0) + 1, _PIECE // 3)
    return any(instructions[start : start + _PIECE] in text for start in starts)


def _fitting(observed: Observed) -> dict[str, object]:
    """Return as many whole items as fit, in order, and how many of which name were left out."""
    room = _MOST_CHARACTERS
    kept: dict[str, object] = {}
    left_out: dict[str, int] = {}
    for name, items in observed.items():
        fits: list[tuple[str, object]] = []
        pairs = items.items() if isinstance(items, Mapping) else (("", item) for item in items)
        for key, item in pairs:
            size = len(msgspec.json.encode([key, item]).decode())
            if size <= room:
                room -= size
                fits.append((key, item))
            else:
                left_out[name] = left_out.get(name, 0) + 1
        kept[name] = dict(fits) if isinstance(items, Mapping) else [item for _, item in fits]
    return {**kept, "left_out": left_out} if left_out else kept


def shown(evidence: tuple[Evidence, ...]) -> list[Mapping[str, object]]:
    """Return the observations as a model is shown them: the result as the text that citations quote."""
    return [
        {
            "id": each.id,
            "kind": each.kind,
            "title": each.title,
            "written_by_anybody": each.untrusted,
            "result": each.result[:_MOST_SHOWN],
        }
        for each in evidence
    ]
