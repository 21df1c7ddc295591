"""Decisions for a person: the sentence, and every gate with both numbers and what came of it."""

from collections.abc import Iterator

from premortem.domain.decision import Decision, Gate, alternatives, explain, needed


def decision_lines(decision: Decision) -> Iterator[str]:
    """Yield the lines: alternatives together, of which one that passed is enough; then the gates that each must pass.

    Only a gate without which the decision could not fire is said to have held it back.
    """
    yield f"  {decision.detector}: {explain(decision)}"
    either = alternatives(decision)
    if either:
        passed = any(gate.passed for gate in either)
        yield f"    one of these is enough{'' if passed else ', and none passed: HELD IT BACK'}"
        for gate in either:
            yield _line("      ", gate, "passed" if gate.passed else "not passed")
    for gate in needed(decision):
        unmet = "not passed" if decision.fired else "HELD IT BACK"
        yield _line("    ", gate, "passed" if gate.passed else unmet)


def _line(indent: str, gate: Gate, mark: str) -> str:
    return f"{indent}{gate.name:{44 - len(indent)}} {gate.observed:.15g} against {gate.limit:.15g}: {mark}"
