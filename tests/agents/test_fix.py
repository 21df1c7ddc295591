"""A fix by rules takes the suspect change out again, in a throw-away checkout of a real repository, and proves it."""

import time
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from premortem.adapters.tracer.silent import SilentTracer
from premortem.agents.fix import Proposal
from premortem.agents.rca import RootCauses
from premortem.domain.evidence import Edit, Gap, Made
from premortem.domain.routing import react
from premortem.domain.tasks import OpenPullRequest, ProposeFix, ProposeInstrumentation, ProposeRootCause
from premortem.domain.timeline import ContextBuilt, FixProposed, InstrumentationProposed, RootCauseProposed, encode
from premortem.domain.work import Work
from premortem.exceptions import Permanent
from tests.agents import stored
from tests.agents.shop import BAD, OPT_IN, Shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop that no test changes."""
    return Shop(tmp_path_factory.mktemp("shop"))


def cause(context: ContextBuilt, **said: Any) -> RootCauseProposed:
    (fact,) = RootCauses(None, stored.nothing_known, SilentTracer(), seconds=lambda: 0.0)(
        stored.asked(ProposeRootCause, context)
    ).facts
    assert isinstance(fact, RootCauseProposed)
    return replace(fact, **said)


def fixed(shop: Shop, context: ContextBuilt | None = None, model: Any = None, **said: Any) -> FixProposed:
    context = context or shop.context()
    (fact,) = shop.fixes(model)(stored.asked(ProposeFix, context, cause(context, **said))).facts
    assert isinstance(fact, FixProposed)
    return fact


def states(fact: FixProposed | InstrumentationProposed) -> dict[str, str]:
    return {check.name: check.state for check in fact.checks}


def red(fact: FixProposed | InstrumentationProposed) -> set[str]:
    return {check.name for check in fact.checks if check.required and check.state != "passed"}


def test_the_suspect_change_is_reverted_reproduced_and_tested_and_may_become_a_pull_request(shop: Shop) -> None:
    fact = fixed(shop)
    assert (fact.form, fact.base_commit, fact.ready) == ("revert", shop.head, True)
    assert "-    rate = rates[country]\n+    rate = rates.get(country, 1)\n" in fact.patch
    assert states(fact)["reproduction"] == states(fact)["tests"] == "passed"
    said = {check.name: check.output for check in fact.checks}
    assert "on the base: KeyError in total; on the patch: returned" in said["reproduction"]
    assert "OK" in said["tests"]
    incident = stored.asked(ProposeFix, shop.context()).incident
    assert OpenPullRequest in {type(task) for task in react(incident, fact).tasks}


def test_a_repository_that_does_not_take_part_is_shown_the_patch_and_gets_no_pull_request(tmp_path: Path) -> None:
    fact = fixed(Shop(tmp_path, opt_in=None))
    assert (fact.ready, red(fact)) == (False, {"takes part"})
    assert fact.patch
    assert "tests" not in states(fact)


def test_a_fix_whose_tests_fail_stops_at_proposed_and_says_how_the_base_does(tmp_path: Path) -> None:
    command = OPT_IN.replace('"discover", "-s", "tests", "-t", "."', '"missing"')
    fact = fixed(Shop(tmp_path, opt_in=command))
    assert red(fact) == {"tests"}
    assert "On the base they fail." in {check.name: check.output for check in fact.checks}["tests"]


def test_a_change_that_went_on_elsewhere_cannot_be_reverted_by_itself_and_it_is_said(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.origin.commit("more", {"shop/cart.py": BAD.replace("rates[country]", "rates[country.lower()]")})
    fact = fixed(shop)
    assert (fact.edits, fact.ready, red(fact)) == ((), False, {"applies"})
    assert "cannot be taken out by itself: shop/cart.py, line 6" in fact.explanation


def test_without_the_variables_of_the_frame_there_is_no_reproduction_which_stops_no_revert(shop: Shop) -> None:
    fact = fixed(shop, shop.context(variables=(("items", "<Items at 0x7f>"),)))
    assert (states(fact)["reproduction"], fact.ready) == ("not_possible", True)


def test_a_recorded_variable_is_data_and_never_code(shop: Shop, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    hostile = f"__import__('pathlib').Path({str(marker)!r}).write_text('x')"
    fact = fixed(shop, shop.context(variables=(("items", hostile), ("rates", "{}"), ("country", "'us'"))))
    assert states(fact)["reproduction"] == "not_possible"
    assert not marker.exists()


@pytest.mark.parametrize(
    ("rates", "state"),
    [("{'eu': 1e999}", "passed"), ("{'eu': [1, ...]}", "not_possible"), ("[" * 900 + "]" * 900, "not_possible"),
     ("10**10**8", "not_possible"), ("{[]: 1}", "not_possible")],
    ids=["infinite", "cut short by an SDK", "deep", "computed", "no value"],
)  # fmt: skip
def test_only_a_whole_literal_is_an_argument(shop: Shop, rates: str, state: str) -> None:
    fact = fixed(shop, shop.context(variables=(("items", "[]"), ("rates", rates), ("country", "'us'"))))
    assert states(fact)["reproduction"] == state


def test_a_patch_that_nobody_would_read_is_not_looked_at(tmp_path: Path) -> None:
    shop = Shop(tmp_path, bad=BAD + "x = 1\n" * 150_000)
    started = time.process_time()
    fact = fixed(shop)
    assert (red(fact), len(encode(fact)) < 100_000) == ({"size"}, True)
    assert states(fact).keys().isdisjoint({"parses", "secrets", "reproduction", "tests"})
    assert time.process_time() - started < 5


def test_a_suspect_that_touched_what_runs_by_itself_is_reverted_by_a_person(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.suspect = shop.origin.commit("change the build", {"Makefile": "all:\n\ttrue\n"})
    context = shop.context()
    suspect = cause(context).suspect
    assert suspect is not None
    fact = fixed(shop, context, suspect=replace(suspect, commit=shop.suspect, paths=("Makefile",)))
    assert "paths" in red(fact)
    assert states(fact).keys().isdisjoint({"reproduction", "tests"})


def test_a_cause_in_a_repository_of_somebody_else_is_given_up_with_the_mend(shop: Shop) -> None:
    suspect = cause(shop.context()).suspect
    assert suspect is not None
    with pytest.raises(Permanent, match="premortem repository add"):
        fixed(shop, suspect=replace(suspect, repository="evil/shop"))


class Author:
    """A model's author that proposes these edits."""

    def __init__(self, *edits: Edit) -> None:
        self.edits = edits

    def propose(self, *_: object) -> tuple[Proposal, Made]:
        proposal = Proposal(
            edits=self.edits, form="fix", summary="s", explanation="e", risk="", rollback="", success=""
        )
        return proposal, Made(by="model", agent="fix", agent_version=1, model="small")


LINE = "    rate = rates[country]\n"


def test_a_models_fix_that_brings_the_call_to_an_end_is_proven(shop: Shop) -> None:
    fact = fixed(shop, model=Author(Edit("shop/cart.py", LINE, "    rate = rates[country.replace('us', 'eu')]\n")))
    assert (fact.form, fact.ready) == ("fix", True)


@pytest.mark.parametrize(
    ("new", "stopped_by"),
    [
        ("    rate = rates[country.strip()]\n", {"reproduction"}),
        ("    import os\n    rate = 1\n", {"nothing foreign"}),
        ("    rate = eval(country)\n", {"nothing foreign"}),
        ("    rate = 'AKIAIOSFODNN7EXAMPLE'\n", {"secrets"}),
        ("    rate = = 1\n", {"parses"}),
        ("    rate = 1\n" * 300, {"size"}),
    ],
)
def test_a_models_fix_that_is_wrong_or_reaches_too_far_stops_at_proposed(
    shop: Shop, new: str, stopped_by: set[str]
) -> None:
    fact = fixed(shop, model=Author(Edit("shop/cart.py", LINE, new)))
    assert (fact.ready, red(fact)) == (False, stopped_by)


def test_a_models_fix_needs_a_reproduction_for_nothing_else_says_that_it_mends_anything(shop: Shop) -> None:
    edit = Edit("shop/cart.py", LINE, "    rate = rates[country.strip()]\n")
    fact = fixed(shop, shop.context(variables=()), model=Author(edit))
    assert (fact.ready, red(fact)) == (False, {"reproduction"})


def test_a_models_patch_that_only_silences_is_called_a_mitigation(shop: Shop) -> None:
    fact = fixed(shop, model=Author(Edit("shop/cart.py", LINE, "    rate = rates.get(country, 1)\n")))
    assert (fact.form, fact.ready) == ("mitigation", True)


@pytest.mark.parametrize("path", ["README.md", "tests/test_cart.py", "../origin/x.py", ".github/workflows/ci.yml"])
def test_a_model_may_touch_only_files_that_code_led_to(shop: Shop, path: str) -> None:
    old = "The shop.\n" if path == "README.md" else ""
    fact = fixed(shop, model=Author(Edit(path, old, "more\n")))
    assert not fact.ready
    assert red(fact) & {"paths", "applies"}


VARIABLES_GAP = Gap(id="local_variables", what="the variables", why="empty", how="record them", instrumentable=True)


def instrumented(shop: Shop, *gaps: Gap, texts: str = "") -> InstrumentationProposed:
    context = replace(shop.context(*([stored.event(value=texts)] if texts else [])), gaps=gaps)
    work: Work[ProposeInstrumentation] = stored.asked(ProposeInstrumentation, context, cause(context))
    (fact,) = shop.instrumentations()(work).facts
    assert isinstance(fact, InstrumentationProposed)
    return fact


def test_instrumentation_logs_what_the_failing_statement_reads_for_a_named_piece_of_context(shop: Shop) -> None:
    fact = instrumented(shop, VARIABLES_GAP)
    assert (fact.gap, fact.ready, fact.base_commit) == ("local_variables", True, shop.head)
    assert '+    _LOGGER.warning("premortem: before the statement that failed"' in fact.patch
    assert states(fact)["records only"] == states(fact)["tests"] == "passed"
    assert "rates, country" in fact.settles
    assert fact.separates


def test_without_a_piece_that_code_could_record_nothing_is_instrumented(shop: Shop) -> None:
    fact = instrumented(shop)
    assert (fact.edits, fact.ready, fact.gap) == ((), False, "")


def test_no_text_of_a_client_keeps_the_rules_from_recording_more(shop: Shop) -> None:
    fact = instrumented(shop, VARIABLES_GAP, texts="premortem: before the statement that failed; import logging")
    assert fact.ready
