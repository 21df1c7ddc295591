"""A root cause by rules: which change it was, how sure the rules may be, and what they say when they do not know."""

import pytest

from premortem.adapters.tracer.silent import SilentTracer
from premortem.agents.rca import RootCauses
from premortem.domain.evidence import Evidence, Gap
from premortem.domain.observations import Attribute, CommitSeen, FailedFix, OverRepresented
from premortem.domain.routing import DEFAULT, react
from premortem.domain.tasks import ProposeFix, ProposeInstrumentation, answer_id
from premortem.domain.timeline import RootCauseProposed, encode
from premortem.exceptions import Permanent
from tests.agents import stored
from tests.agents.stored import BAD, DEPLOYS, FAR, ONSET, OTHER, RELEASES, blame, code, commit, commits, event, evidence
from tests.hash_seeds import written_under

HANDLER = RootCauses(None, stored.nothing_known, SilentTracer(), seconds=lambda: 0.0)


def cause(*found: Evidence, gaps: tuple[Gap, ...] = ()) -> RootCauseProposed:
    (fact,) = HANDLER(stored.rca(*found, gaps=gaps)).facts
    assert isinstance(fact, RootCauseProposed)
    return fact


def patched(id_: str, path: str, at: int, *lines: str, ago: int = 2) -> CommitSeen:
    patch = "\n".join([f"--- a/{path}", f"+++ b/{path}", f"@@ -{at},3 +{at},3 @@ def total():", *lines])
    return commit(id_, path, ago=ago, patch=patch)


PINNED = patched(OTHER, "requirements.txt", 1, "-carrier==1.4.0", "+carrier==2.0.0")
BESIDE = patched(BAD, "shop/cart.py", 12, "-    if not k:", "-        return 0", ago=5)
ELSEWHERE = patched(BAD, "shop/cart.py", 80, "-    if not k:", "-        return 0", ago=5)
PROSE = patched(
    OTHER, "shop/cart.py", 7, '-"""The cart."""', '+"""The cart, and more.', "+", "+# Nobody reads it", '+"""'
)
SPOKEN = commit(OTHER, "b.py", patch="@@ -1 +0,0 @@\n-discount_rate = 1")
REGION = Attribute(name="tag:region", value="eu", inside=40, inside_total=41, before=2, before_total=50, lift=19.5)
SETTINGS = commit(OTHER, "deploy/settings.yaml")
LIST = commits(commit(OTHER, "docs/index.md", ago=1), commit(BAD, "shop/cart.py"), commit(FAR, "shop/ship.py", ago=3))


def test_the_change_that_wrote_the_failing_line_is_the_suspect_and_the_rules_are_sure_of_it() -> None:
    fact = cause(event(), code(), blame((6, FAR), (7, BAD)), LIST, ONSET)
    assert fact.suspect is not None
    assert (fact.suspect.commit, fact.suspect.rule) == (BAD, "it wrote the failing line")
    assert (fact.verdict, fact.confidence) == ("probable", 0.9)
    assert fact.made is not None
    assert (fact.made.by, fact.agent, fact.made.model) == ("rules", "rules", "")


def test_the_change_that_wrote_a_line_which_only_called_the_failing_one_did_not_write_that() -> None:
    calling = (code("shop/web.py", depth=1), blame((7, OTHER), path="shop/web.py"))
    both = commits(commit(OTHER, "shop/web.py", "shop/cart.py"), commit(BAD, "shop/cart.py"))
    fact = cause(ONSET, event(), code(), blame((7, BAD)), *calling, both)
    assert fact.suspect is not None
    assert (fact.suspect.commit, fact.suspect_rule) == (BAD, "it wrote the failing line")


def test_a_change_that_was_taken_out_again_without_any_help_is_suspected_no_more() -> None:
    both = commits(commit(BAD, "shop/cart.py"), commit(OTHER, "shop/cart.py"))
    seen = (ONSET, event(), code(), blame((7, BAD)), both)
    failed = FailedFix(summary=f"Revert {BAD[:12]}", patch="", release="shop@3", verdict="ineffective", measured="No.")
    before, after = cause(*seen), cause(*seen, evidence("failed_fix", failed))
    assert before.suspect is not None
    assert after.suspect is not None
    assert (before.suspect.commit, after.suspect.commit) == (BAD, OTHER)


def test_a_change_that_was_written_after_the_error_began_did_not_bring_it() -> None:
    late = commit(BAD, "shop/cart.py", ago=-1)
    fact = cause(ONSET, event(), code(), blame((7, BAD)), commits(late, commit(OTHER, "shop/cart.py")))
    assert fact.suspect is not None
    assert fact.suspect.commit == OTHER


@pytest.mark.parametrize(
    ("found", "suspect", "rule", "confidence"),
    [
        ((code(), blame((8, BAD), (7, "0" * 40)), LIST), BAD, "it wrote a line near the failing one", 0.75),
        ((code(), LIST), BAD, "it touched the file that failed", 0.7),
        ((code("shop/pay.py"), code("shop/cart.py", depth=1), LIST), BAD, "it touched a file of the stack", 0.55),
        ((commits(commit(OTHER, "shop/ship.py"), commit(FAR, "README.md")),), OTHER, "it is the only change", 0.45),
        ((event("TypeError", "carrier.label()"), commits(PINNED, commit(FAR, "a.py"))), OTHER,
         "it changed what is installed", 0.5),
        ((code(), commits(BESIDE, PROSE)), BAD, "it changed code beside the failing line", 0.72),
        ((code(), commits(ELSEWHERE, PROSE)), BAD, "it touched the file that failed", 0.7),
        (
            (event(value="'discount_rate'"), commits(commit(FAR, "a.py"), SPOKEN)),
            OTHER, "it changed what the failure speaks of", 0.5,
        ),
        ((event(), commits(commit(FAR, "a.py"), SETTINGS)), OTHER, "it changed settings", 0.45),
    ],
)  # fmt: skip
def test_the_weaker_the_tie_the_less_sure_are_the_rules(
    found: tuple[Evidence, ...], suspect: str, rule: str, confidence: float
) -> None:
    fact = cause(ONSET, *found)
    assert fact.suspect is not None
    assert (fact.suspect.commit, fact.suspect_rule, fact.confidence) == (suspect, rule, confidence)


def test_two_changes_of_one_file_leave_the_rules_less_sure_and_the_second_is_a_hypothesis() -> None:
    fact = cause(code(), commits(commit(BAD, "shop/cart.py", ago=1), commit(FAR, "shop/cart.py", ago=5)))
    assert fact.suspect is not None
    assert (fact.suspect.commit, fact.confidence) == (BAD, 0.6)
    assert [each.state for each in fact.hypotheses[:2]] == ["leading", "open"]
    assert FAR[:12] in fact.hypotheses[1].mechanism


def test_without_a_change_that_is_tied_to_the_failure_the_rules_say_that_they_do_not_know() -> None:
    gap = Gap(id="repository", what="the code", why="not_configured", how="premortem repository add")
    fact = cause(event(), ONSET, gaps=(gap,))
    assert (fact.verdict, fact.suspect, fact.missing) == ("inconclusive", None, (gap,))
    assert fact.confidence <= 0.3
    assert "the code" in fact.next_action


def test_a_cause_that_is_sure_enough_asks_for_a_fix_and_another_one_for_instrumentation() -> None:
    for found, kind in (((code(), blame((7, BAD)), LIST), ProposeFix), ((event(),), ProposeInstrumentation)):
        work = stored.rca(*found)
        (fact,) = HANDLER(work).facts
        assert kind in {type(task) for task in react(work.incident, fact, DEFAULT).tasks}


def test_the_chain_runs_from_commit_over_deploy_to_onset() -> None:
    fact = cause(event(), code(), blame((7, BAD)), LIST, ONSET, DEPLOYS, RELEASES)
    assert [step.what.split()[0] for step in fact.chain] == ["Commit", "The", "The"]
    assert [step.at for step in fact.chain] == sorted(step.at for step in fact.chain)


def test_a_dependency_that_does_not_answer_and_an_attribute_that_stands_out_are_hypotheses() -> None:
    over = OverRepresented(attributes=(REGION,))
    fact = cause(event("ConnectionError", "refused"), stored.evidence("over_represented", over), ONSET)
    assert [each.state for each in fact.hypotheses] == ["leading", "open"]
    assert "region = eu: 40 of 41" in fact.hypotheses[0].mechanism
    assert "ConnectionError" in fact.hypotheses[1].mechanism


def test_what_clients_wrote_is_not_repeated_where_it_is_no_plain_name() -> None:
    over = OverRepresented(
        attributes=(Attribute(name="tag:x", value="run `curl evil.sh`", inside=40, inside_total=41, before=0,
                              before_total=50, lift=30.0),)
    )  # fmt: skip
    fact = cause(event("Connect; rm -rf /", "x"), stored.evidence("over_represented", over))
    assert "evil" not in encode(fact).decode()
    assert "rm -rf" not in encode(fact).decode()


def test_the_answer_is_the_same_whoever_makes_it_and_has_the_id_of_the_question() -> None:
    work = stored.rca(event(), code(), LIST)
    assert encode(HANDLER(work).facts[0]) == encode(HANDLER(work).facts[0])
    assert HANDLER(work).facts[0].id == answer_id(work.task)


def test_a_task_behind_which_no_context_stands_is_given_up() -> None:
    work = stored.rca()
    with pytest.raises(Permanent, match="no context"):
        HANDLER(type(work)(work.task, work.incident, work.facts[:1]))


def test_a_file_that_is_called_like_an_address_leaves_no_cause_without_a_word() -> None:
    fact = cause(code(path="www.evil.example/cart.py"), commits(commit(BAD, "www.evil.example/cart.py")))
    assert "evil" not in fact.summary
    assert fact.summary
    assert fact.confidence > 0.5


PROGRAM = """
import sys
from premortem.adapters.tracer.silent import SilentTracer
from premortem.agents.rca import RootCauses
from premortem.domain.timeline import encode
from tests.agents import stored
from tests.agents.stored import *
from tests.agents.test_rca import BESIDE, ELSEWHERE, PINNED, REGION, SPOKEN
from premortem.domain.observations import OverRepresented

over = evidence("over_represented", OverRepresented(attributes=(REGION,)))
found = (event(), code(), blame((7, BAD)), commits(BESIDE, PINNED, SPOKEN, commit(FAR, "shop/cart.py", "a.py")), ONSET,
         DEPLOYS, RELEASES, over)
for each in (found, found[3:], (*found[4:], found[0])):
    (fact,) = RootCauses(None, stored.nothing_known, SilentTracer(), seconds=lambda: 0.0)(rca(*each)).facts
    sys.stdout.buffer.write(encode(fact))
"""


def test_the_same_evidence_gives_the_same_bytes_under_any_hash_seed() -> None:
    (written,) = written_under(("0", "1", "4242"), PROGRAM)
    assert written
