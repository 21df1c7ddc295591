"""Every check of a patch, in order: first what its texts tell, then what running it tells. A red one stops the rest."""

from collections.abc import Callable, Collection, Sequence

from msgspec import Struct
from msgspec.structs import replace

from premortem.agents.checks import reproducing
from premortem.agents.checks.additions import no_secrets, nothing_foreign, nothing_from_texts
from premortem.agents.checks.paths import MOST_CHARACTERS, allowed_paths, size
from premortem.agents.checks.python_code import compiled
from premortem.agents.checks.silencing import only_silences
from premortem.agents.checks.texts import Changed, applied, unified
from premortem.domain.evidence import Check, Edit, all_green
from premortem.domain.participation import OPT_IN, Participation, Tests, parse, protecting
from premortem.domain.timeline import ContextBuilt
from premortem.exceptions import Malformed
from premortem.ports import Ran, Repository, SourceCode

_TESTS = "tests"
TextCheck = Callable[[Sequence[Changed]], Check]


class Tried(Struct, frozen=True, kw_only=True):
    """What became of a patch."""

    patch: str
    checks: tuple[Check, ...]
    silences: bool = False

    @property
    def ready(self) -> bool:
        """Tell whether it may become a pull request."""
        return all_green(self.checks)


def try_patch(
    source: SourceCode,
    repository: Repository,
    base: str,
    edits: Sequence[Edit],
    resolved: Collection[str],
    context: ContextBuilt,
    without: str,
    more: Sequence[TextCheck] = (),
    *,
    reproduce: bool = True,
    by_rules: bool = False,
) -> Tried:
    """Return the patch and its checks. `without` = what is said where there are no edits, `more` = further checks of
    texts, `by_rules` = its lines are the repository's own, or templates of ours; a model's have to prove themselves:
    without a reproduction they are not ready.

    Nothing is run of a patch whose texts are refused. Raises Unavailable when the repository cannot be read.
    """
    checks: list[Check] = [_pinned(source, repository, base)]
    if not edits:
        return Tried(patch="", checks=(*checks, Check(name="applies", state="failed", output=without)))
    files = {edit.path: source.file(repository, base, edit.path) for edit in edits}
    try:
        changes = applied(edits, files)
    except Malformed as problem:
        return Tried(patch="", checks=(*checks, Check(name="applies", state="failed", output=str(problem))))
    participation, takes_part = _participation(source.file(repository, base, OPT_IN))
    checks += [
        Check(name="applies", state="passed"),
        takes_part,
        allowed_paths(changes, resolved),
        _protected(changes, participation),
        size(changes, participation.patch.most_files, participation.patch.most_lines),
    ]
    if checks[-1].state != "passed":  # what nobody would read is not looked at either: it may be of any length
        return Tried(patch=unified(changes)[:MOST_CHARACTERS], checks=tuple(checks))
    checks += [
        _parses(changes),
        no_secrets(changes),
        *(() if by_rules else (nothing_foreign(changes), nothing_from_texts(changes, context.evidence))),
        *(check(changes) for check in more),
    ]
    patch = unified(changes)
    silences = all(only_silences(each.before or "", each.after or "") for each in changes)
    if all_green(tuple(checks)):
        if reproduce:
            reproduction = _reproduction(source, repository, base, edits, context)
            checks.append(reproduction if by_rules else replace(reproduction, required=True))
        checks.append(_tests(source, repository, base, edits, participation.tests))
    return Tried(patch=patch, checks=tuple(checks), silences=silences)


def _reproduction(
    source: SourceCode, repository: Repository, base: str, edits: Sequence[Edit], context: ContextBuilt
) -> Check:
    plan = reproducing.plan(context, lambda path: source.file(repository, base, path))
    if isinstance(plan, str):
        return Check(name=reproducing.NAME, state="not_possible", output=plan, required=False)
    with source.worktree(repository, base) as tree:
        before = reproducing.call(tree, plan)
        if not reproducing.is_the_failure(before, plan):
            return reproducing.judged(plan, before, None)
        tree.apply(edits)
        return reproducing.judged(plan, before, reproducing.call(tree, plan))


def _pinned(source: SourceCode, repository: Repository, base: str) -> Check:
    held = len(base) in (40, 64) and source.contains(repository, base, base)
    return Check(name="base commit", state="passed" if held else "failed", output=base)


def _participation(text: str | None) -> tuple[Participation, Check]:
    if text is None:
        said = f"the repository does not take part: {OPT_IN} is missing at its branch's head"
        return Participation(version=1), Check(name="takes part", state="failed", output=said)
    try:
        return parse(text), Check(name="takes part", state="passed")
    except ValueError as problem:
        return Participation(version=1), Check(name="takes part", state="failed", output=str(problem))


def _protected(changes: Sequence[Changed], participation: Participation) -> Check:
    hit = [f"{each.path} ({pattern})" for each in changes if (pattern := protecting(participation, each.path))]
    return Check(name="protected files", state="failed" if hit else "passed", output=", ".join(hit))


def _parses(changes: Sequence[Changed]) -> Check:
    broken = [each.path for each in changes
              if each.path.endswith(".py") and each.after is not None and not compiled(each.after)]  # fmt: skip
    return Check(name="parses", state="failed" if broken else "passed", output=", ".join(broken))


def _tests(source: SourceCode, repository: Repository, base: str, edits: Sequence[Edit], tests: Tests) -> Check:
    """Run the repository's own tests on the patch; where they fail, also on the base, where they may fail as well."""
    if not tests.command:
        return Check(name=_TESTS, state="not_possible", output=f"{OPT_IN} names no test command", required=False)
    patched = _run(source, repository, base, edits, tests)
    if patched.code == 0:
        return Check(name=_TESTS, state="passed", output=_said(patched))
    unpatched = _run(source, repository, base, (), tests)
    also = "they pass" if unpatched.code == 0 else "they fail"
    return Check(name=_TESTS, state="failed", output=f"{_said(patched)}\nOn the base {also}.")


def _run(source: SourceCode, repository: Repository, base: str, edits: Sequence[Edit], tests: Tests) -> Ran:
    with source.worktree(repository, base) as tree:
        tree.apply(edits)
        return tree.run(tests.command, seconds=tests.seconds, memory_mb=tests.memory_mb)


def _said(ran: Ran) -> str:
    if not ran.isolated:
        return "this machine cannot take the network from a command, so it was not run"
    ended = "ended for its time or memory" if ran.code is None else f"exit code {ran.code}"
    return f"{ended} after {ran.duration_ms} ms\n{ran.output}"
