"""Evidence and what is claimed from it: the values that analysts, fixes and their checks are written in.

An `Evidence` is frozen into the fact that first cites it, so a citation opens after every source is gone. Results
are written by `observations.result`, for analysts read them again.
Confidences are rounded to 0.01; times are milliseconds since 1970 UTC.
"""

import hashlib
from typing import Literal

import msgspec
from msgspec import Struct

EvidenceKind = Literal[
    "onset",
    "releases",
    "deploys",
    "over_represented",
    "event",
    "differences",
    "blast_radius",
    "exposure",
    "code",
    "blame",
    "commits",
    "similar",
    "correction",
    "failed_fix",
]


class Evidence(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An observation: what was asked of whom, and the answer as it was. Made by `observed`, never by hand."""

    id: str
    """`ev-` and 12 hexadecimal digits of the hash: the same observation has the same id."""
    kind: EvidenceKind
    title: str
    """One line for a person: what this shows."""
    query: str
    """What was asked: a statement of the evidence store by name, or a command."""
    parameters: tuple[tuple[str, str], ...]
    result: str
    """The answer: the JSON of the kind's shape in `domain.observations.SHAPES`, keys sorted."""
    hash: str
    """SHA-256 (hex) over kind, query, parameters and result."""
    untrusted: bool = True
    """True = whoever knows a public DSN, or wrote a commit message, may have written parts of it."""
    truncated: bool = False


def observed(
    kind: EvidenceKind,
    title: str,
    query: str,
    parameters: tuple[tuple[str, str], ...],
    result: str,
    *,
    untrusted: bool = True,
    truncated: bool = False,
) -> Evidence:
    """Return the observation with its hash and id."""
    digest = evidence_hash(kind, query, parameters, result)
    return Evidence(
        id=f"ev-{digest[:12]}",
        kind=kind,
        title=title,
        query=query,
        parameters=parameters,
        result=result,
        hash=digest,
        untrusted=untrusted,
        truncated=truncated,
    )


def evidence_hash(kind: str, query: str, parameters: tuple[tuple[str, str], ...], result: str) -> str:
    """Return the SHA-256 (hex) that an observation's `hash` must be."""
    return hashlib.sha256(msgspec.json.encode([kind, query, parameters, result])).hexdigest()


class Gap(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Something that was asked for and came back empty or not at all; `how` says how to have it next time."""

    id: str
    """A short name: `release`, `local_variables`, `repository`, `sessions`."""
    what: str
    why: Literal["empty", "unavailable", "not_configured"]
    how: str
    instrumentable: bool = False
    """True = code that records more would supply it."""


class Citation(Struct, frozen=True):
    """A span of a stored observation; `quote` must occur in its result, letter for letter."""

    evidence_id: str
    quote: str


class Hypothesis(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A way in which it may have come about."""

    id: str
    mechanism: str
    state: Literal["leading", "open", "refuted"]
    supports: tuple[Citation, ...] = ()
    contradicts: tuple[Citation, ...] = ()


class CausalStep(Struct, frozen=True, kw_only=True):
    """A link of the causal chain, each with what shows it; a chain runs forward in time."""

    at: int
    what: str
    citation: Citation


class CodeLocation(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A place in a repository at a commit. `line` counts from 1."""

    repository: str
    commit: str
    path: str
    line: int
    function: str = ""


class SuspectChange(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A commit that is thought to have brought the error, and the rule that selected it."""

    repository: str
    commit: str
    committed_at: int
    subject: str
    paths: tuple[str, ...]
    rule: str
    """Name of the rule, or of the model's answer that the rules let pass."""


class Edit(Struct, frozen=True):
    """A change of one file: `old` occurs exactly once in it. `old` empty = the file is new, `new` empty = taken out."""

    path: str
    old: str
    new: str


class Check(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What was tried on a patch before anybody is shown it."""

    name: str
    state: Literal["passed", "failed", "not_possible"]
    """not_possible = it could not be tried, which `output` explains; it stops nothing unless `required`."""
    output: str = ""
    required: bool = True


def all_green(checks: tuple[Check, ...]) -> bool:
    """Tell whether a patch may become a pull request: there are checks, and every required one has passed."""
    return bool(checks) and all(check.state == "passed" for check in checks if check.required)


class Made(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Who made an answer, with what, and what it took."""

    by: Literal["rules", "model", "person"]
    agent: str
    agent_version: int
    task_id: str = ""
    attempt: int = 1
    model: str = ""
    prompt_hash: str = ""
    """SHA-256 (hex) of the prompt as sent."""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_microdollars: int = 0
    duration_ms: int = 0
    trace_id: str = ""
    trace_url: str = ""
    upon: str = ""
    """The head of the incident's chain (`domain.chain`) that the answer was made upon, from version 3 of its fact on: a
    fact before it that was edited later is contradicted by it. Empty = the store kept no chain.
    """
