"""The agents over 23 repositories with a known bug and five with too little context: `python -m benchmarks.agents`.

Each case is played with the real SDK, detector, context builder and checks; an unrelated error that is louder, a deploy
elsewhere and a healthy surge are around it. The rules were tuned on the first half alone; both halves are printed, and
beside them what suspecting the newest commit would have come to. With
`--model URL --name NAME` (and PREMORTEM_MODEL_KEY) the same cases are told by a model beside them.
"""

import argparse
import os
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.progress import track

from benchmarks.agents import arithmetic, outside, running, sparse, texts
from benchmarks.agents.case import Case
from benchmarks.agents.judging import Judged, judge
from premortem.adapters.language_model.openai import OpenAiLanguageModel
from premortem.adapters.spending.memory import MemorySpending
from premortem.adapters.tracer.silent import SilentTracer
from premortem.agents.asking import Questions
from premortem.domain.calibration import BENCHMARK, NONE, Tally

BUGS: tuple[Case, ...] = (*arithmetic.CASES, *texts.CASES, *running.CASES, *outside.CASES)
SPARSE: tuple[Case, ...] = sparse.CASES
_MEASURES: tuple[tuple[str, Callable[[Judged], bool]], ...] = (
    ("newest commit", lambda each: each.newest),
    ("suspect commit", lambda each: each.suspect),
    ("right file", lambda each: each.right_file),
    ("right hypothesis", lambda each: each.right_hypothesis),
    ("false confidence", lambda each: each.false_confidence),
    ("fix verified", lambda each: each.fix_verified),
)


def halves(cases: Sequence[Case]) -> tuple[Sequence[Case], Sequence[Case]]:
    """Return those that rules may be tuned on, and those that they may not."""
    return cases[::2], cases[1::2]


def main() -> None:
    """Print the table, a line for each half and analyst, and what became of each case."""
    parser = argparse.ArgumentParser(prog="benchmarks.agents")
    parser.add_argument("--model", help="base URL of a model that speaks OpenAI's interface")
    parser.add_argument("--name", help="the model's name")
    parser.add_argument("--quiet", action="store_true", help="only the tables")
    options = parser.parse_args()
    out = Console(width=170)
    analysts: list[tuple[str, Questions | None]] = [("rules", None)]
    if options.model:
        model = OpenAiLanguageModel(options.model, os.environ.get("PREMORTEM_MODEL_KEY", ""), options.name)
        analysts.append((options.name, Questions(model, MemorySpending(), SilentTracer())))
    for name, questions in analysts:
        found = {each.name: judge(each, questions) for each in track((*BUGS, *SPARSE), name, console=out)}
        for title, cases in (("tuned on", halves(BUGS)[0]), ("held out", halves(BUGS)[1]), ("sparse", SPARSE)):
            _print(out, f"{name}, {title}", [found[case.name] for case in cases])
        _print_kinds(out, [each for each in found.values() if each.claims])
        if not options.quiet:
            for each in found.values():
                mark = "ok   " if (each.right_hypothesis if each.case.gap else each.suspect) else "WRONG"
                out.print(f"  {mark} {each.case.name:18} {each.case.kind:16} {each.confidence:.2f}  {each.said[:90]}",
                          markup=False, highlight=False)  # fmt: skip


def _print(out: Console, title: str, found: Sequence[Judged]) -> None:
    shares = "  ".join(f"{name} {sum(map(measure, found)):2}/{len(found)}" for name, measure in _MEASURES)
    cost = sum(each.cost_microdollars for each in found) / 1_000_000
    out.print(f"{title:20} {shares}  cost ${cost:.4f}", highlight=False)


def _print_kinds(out: Console, found: Sequence[Judged]) -> None:
    """Print what `domain.calibration.BENCHMARK` holds, and what it should hold where that is not the same."""
    for kind in sorted({each.kind for each in found}):
        known = [each.suspect for each in found if each.kind == kind]
        now, kept = Tally(sum(known), len(known)), BENCHMARK.get(kind, NONE)
        differs = "" if now == kept else f"  BENCHMARK says {kept.right}/{kept.cases}"
        out.print(f"  outcomes {now.right:2}/{now.cases:2}  {kind[0]}: {kind[1]}{differs}", highlight=False)


if __name__ == "__main__":
    main()
