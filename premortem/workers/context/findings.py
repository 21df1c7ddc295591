"""What was found and what is missing, as it is gathered; and the evidence that it becomes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from msgspec import Struct

from premortem.domain.evidence import EvidenceKind, Gap
from premortem.domain.ids import Fingerprint
from premortem.domain.incident import Incident
from premortem.domain.tasks import BuildContext
from premortem.exceptions import Permanent, Retryable
from premortem.ports import Errors

T = TypeVar("T")
PATIENT_RECEIVES = 3
"""A task that is handed out so often (with the waits of `workers.retries` some minutes) does without what is away."""


class Draft(Struct, frozen=True, kw_only=True):
    """An observation before it is cut to fit: what was asked, and the answer."""

    kind: EvidenceKind
    title: str
    query: str
    parameters: tuple[tuple[str, str], ...]
    observation: Struct
    untrusted: bool = True
    truncated: bool = False


class Subject(Struct, frozen=True, kw_only=True):
    """What is asked about: the incident's errors where and when they fail."""

    incident: Incident
    task: BuildContext
    fingerprints: tuple[Fingerprint, ...]
    environment: str
    earliest: int
    latest: int
    end: int

    def failing(self) -> Errors:
        """Return the incident's errors from the onset's interval on."""
        return Errors(fingerprints=self.fingerprints, start=self.earliest, end=self.end)

    def before(self, length_ms: int, *, all_errors: bool = False) -> Errors:
        """Return the same errors, or all of the project, for so long before."""
        fingerprints = () if all_errors else self.fingerprints
        return Errors(fingerprints=fingerprints, start=self.earliest - length_ms, end=self.earliest)


@dataclass
class Findings:
    """Grows while the stores are asked. `receive_count`: how often the task was handed out."""

    receive_count: int
    drafts: list[Draft] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)

    def add(
        self,
        kind: EvidenceKind,
        title: str,
        query: str,
        parameters: dict[str, object],
        observation: Struct,
        *,
        untrusted: bool = True,
        truncated: bool = False,
    ) -> None:
        """Keep an observation."""
        asked = tuple((name, _written(value)) for name, value in parameters.items())
        draft = Draft(
            kind=kind,
            title=title,
            query=query,
            parameters=asked,
            observation=observation,
            untrusted=untrusted,
            truncated=truncated,
        )
        self.drafts.append(draft)

    def miss(
        self,
        id_: str,
        what: str,
        how: str,
        why: Literal["empty", "unavailable", "not_configured"] = "empty",
        *,
        instrumentable: bool = False,
    ) -> None:
        """Keep a gap; the first one of an id counts."""
        if all(gap.id != id_ for gap in self.gaps):
            self.gaps.append(Gap(id=id_, what=what, why=why, how=how, instrumentable=instrumentable))

    def tried(self, call: Callable[[], T], id_: str, what: str) -> T | None:
        """Return what `call` returns. What refuses is a gap, and so is what stays away, once the task has been handed
        out often enough; before that the exception goes on, and the task is tried again.
        """
        try:
            return call()
        except Retryable as problem:
            if self.receive_count < PATIENT_RECEIVES:
                raise
            why = str(problem)
        except Permanent as problem:
            why = str(problem)
        self.miss(id_, what, why, "unavailable")
        return None


def _written(value: object) -> str:
    if isinstance(value, tuple | list):
        return ",".join(map(str, value))
    return str(value)
