"""Attributes: what two signals can share that speaks for one cause, and which of it is too common to say anything."""

from typing import Any, Literal, NamedTuple

from premortem.domain.detection.arrivals import Arrival, Mark
from premortem.domain.detection.config import MINUTE_MS, DetectorConfig
from premortem.domain.detection.signals import Signal

Kind = Literal["module", "release", "trace", "type"]
_SLOT_MS = 10 * MINUTE_MS
_SETTLED_SLOTS = 6
"""New errors count after so many slots, an hour: an outage must not make its own mark common while it lasts."""
_LEAST_COMMON = 3
"""Fewer than this many are no share, whatever they are out of."""
_UNSEEN = 0.5
"""What a value counts that no error had before."""
_MOST_IN_SLOT = 256
_MOST_VALUES = 512
_KEPT_VALUES = 256


_NO_MODULE = ("", "__main__", "<unknown>")
"""What a script, or a frame without a name, is called: no two of them need be one place."""
_EVERYBODYS_TYPES = (
    "ArithmeticError", "AssertionError", "AttributeError", "Error", "Exception", "IndexError", "KeyError",
    "LookupError", "NameError", "NotImplementedError", "OSError", "RangeError", "ReferenceError", "RuntimeError",
    "SyntaxError", "TypeError", "ValueError", "ZeroDivisionError", "IllegalArgumentException",
    "IllegalStateException", "NullPointerException", "java.lang.IllegalArgumentException",
    "java.lang.IllegalStateException", "java.lang.NullPointerException", "java.lang.RuntimeException",
    "RuntimeException", "NoMethodError", "StandardError", "System.NullReferenceException",
    "System.InvalidOperationException", "System.ArgumentException",
)  # fmt: skip
"""Types that any two faults may have: they say nothing where too little is known to count how common they are."""


class Attribute(NamedTuple):
    """One thing that signals can have in common."""

    kind: Kind
    value: str


class Traits(NamedTuple):
    """What joins a signal to others."""

    onset: int
    """When it is thought to have begun, in ms since 1970 UTC."""
    telling: dict[Attribute, float]
    """What it has that is not common, each with the chance that an unrelated fault has it too."""
    arrival: Arrival | None
    """How it came with its release; None = its release is not new, or it is an older error's news."""


def began(signal: Signal, config: DetectorConfig) -> int:
    """Return when what the signal shows is thought to have begun, in ms since 1970 UTC.

    The onset of a count is where its window begins: up to four hours before the burst that made it fire. Bursts fire
    within minutes, so one is put no further than half of `join_minutes` before that.
    """
    if signal.decision.detector in ("spike", "ramp"):
        return max(signal.onset, signal.decision.at - _slack(config))
    return signal.onset


def _slack(config: DetectorConfig) -> int:
    return int(config.join_minutes * MINUTE_MS / 2)


def module_of(culprit: str) -> str:
    """Return the module in a culprit ("module in function", "function(module)"); a transaction stands for itself."""
    module, found, _ = culprit.partition(" in ")
    if found:
        return module
    if culprit.endswith(")"):
        return culprit[:-1].rpartition("(")[2]
    return culprit


def attributes_of(signal: Signal, config: DetectorConfig) -> tuple[Attribute, ...]:
    """Return what the signal could share with others, whether common or not, strongest first."""
    event = signal.event
    found: list[Attribute] = []
    if event.release is not None and _is_of_release(signal, config):
        found.append(Attribute("release", event.release))
    if event.trace_id:
        found.append(Attribute("trace", event.trace_id))
    if event.root_type:
        found.append(Attribute("type", event.root_type))
    if (module := module_of(event.culprit)) not in _NO_MODULE:
        found.append(Attribute("module", module))
    return tuple(found)


def _is_of_release(signal: Signal, config: DetectorConfig) -> bool:
    """Return whether a release may have brought it: it began soon after the release did, and is no older error's news.

    A bad deploy breaks what was there before, too: a burst of an old error counts.
    """
    if signal.released_at is None:
        return False
    if signal.decision.detector == "novelty" and signal.first_release != signal.event.release:
        return False
    after = began(signal, config) - signal.released_at
    return -_slack(config) <= after <= config.release_minutes * MINUTE_MS


class Population:
    """How common root types and modules are among a project's errors; O(1) state.

    What an outage brings counts once in ten minutes however many errors it has: the question is how often two
    unrelated faults share a value, and forty errors of one dead database are one fault.
    """

    def __init__(self) -> None:
        self._counts: dict[str, dict[str, int]] = {"module": {}, "type": {}}
        self._totals: dict[str, int] = {"module": 0, "type": 0}
        self._young: dict[int, dict[str, dict[str, None]]] = {}
        """Slot of ten minutes -> kind -> the values seen in it."""

    def learn(self, root_type: str, culprit: str, clock: int) -> None:
        """Count a new error of the project; it has a say after an hour."""
        slot = clock // _SLOT_MS
        self.settle(clock)
        seen = self._young.setdefault(slot, {"module": {}, "type": {}})
        for kind, value in (("module", module_of(culprit)), ("type", root_type)):
            if value and len(seen[kind]) < _MOST_IN_SLOT:
                seen[kind][value] = None

    def settle(self, clock: int) -> None:
        """Let what is an hour old be counted; the rarest values are forgotten when there are too many."""
        oldest = clock // _SLOT_MS - _SETTLED_SLOTS
        while self._young and (slot := next(iter(self._young))) < oldest:
            for kind, values in self._young.pop(slot).items():
                counts = self._counts[kind]
                for value in values:
                    counts[value] = counts.get(value, 0) + 1
                self._totals[kind] += len(values)
                if len(counts) > _MOST_VALUES:
                    kept = sorted(counts, key=lambda value: (-counts[value], value))[:_KEPT_VALUES]
                    self._counts[kind] = {value: counts[value] for value in kept}

    def traits(self, signal: Signal, config: DetectorConfig) -> Traits:
        """Return what joins the signal to others."""
        onset, telling = began(signal, config), self.telling(signal, config)
        if signal.released_at is None or not any(attribute.kind == "release" for attribute in telling):
            return Traits(onset, telling, None)
        is_new = signal.decision.detector == "novelty"
        return Traits(onset, telling, Arrival(onset - signal.released_at, is_new, self._marks(signal, config)))

    def _marks(self, signal: Signal, config: DetectorConfig) -> tuple[Mark, ...]:
        found = (
            self._mark("module", module_of(signal.event.culprit), config),
            self._mark("type", signal.event.root_type, config),
        )
        return tuple(mark for mark in found if mark is not None)

    def _mark(self, kind: Literal["module", "type"], value: str, config: DetectorConfig) -> Mark | None:
        """Return the value with its share of the project's errors; None where too little is known."""
        total = self._totals[kind]
        if value in _NO_MODULE or total < config.common_known:
            return None
        return Mark(kind, value, max(self._counts[kind].get(value, 0), _UNSEEN) / total)

    def telling(self, signal: Signal, config: DetectorConfig) -> dict[Attribute, float]:
        """Return what the signal has that is not common, each with the chance that an unrelated fault has it too.

        While few errors are known, a module says nothing, for a small program has one or two; nor does a type of all
        and sundry.
        """
        found = {}
        for attribute in attributes_of(signal, config):
            counts = self._counts.get(attribute.kind)
            if counts is None:
                found[attribute] = 0.0
                continue
            total, count = self._totals[attribute.kind], counts.get(attribute.value, 0)
            share = max(count, _UNSEEN) / max(total, config.common_known)
            if total < config.common_known:
                tells = attribute.kind == "type" and attribute.value not in _EVERYBODYS_TYPES
            else:
                tells = share <= config.common_share or count < _LEAST_COMMON
            if tells:
                found[attribute] = share
        return found

    def pack(self) -> list[Any]:
        """Return the state as values of msgpack."""
        young = [[slot, list(seen["module"]), list(seen["type"])] for slot, seen in self._young.items()]
        return [[[kind, self._totals[kind], self._counts[kind]] for kind in ("module", "type")], young]

    @classmethod
    def unpack(cls, value: list[Any]) -> "Population":
        """Return the population that `pack` gave."""
        population = cls()
        for kind, total, counts in value[0]:
            population._totals[kind] = total
            population._counts[kind] = counts
        population._young = {
            slot: {"module": dict.fromkeys(modules), "type": dict.fromkeys(types)} for slot, modules, types in value[1]
        }
        return population
