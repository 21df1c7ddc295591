"""What a pull request says is inert whatever others wrote: no mention, no reference, no HTML, no link but our own."""

import re
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from premortem.domain.evidence import (
    CausalStep,
    Check,
    Citation,
    CodeLocation,
    Gap,
    Hypothesis,
    SuspectChange,
    observed,
)
from premortem.domain.ids import FactId
from premortem.domain.inert_text import fence, plain, quiet, span
from premortem.domain.timeline import ContextBuilt, FixProposed, InstrumentationProposed, RootCauseProposed
from premortem.workers.pull_request_body import LONGEST, Told, body, message, title
from tests.builders import NOW, incident

URL = "https://premortem.example"
HOSTILE = [
    "@octocat please merge",
    "fixes #12, closes acme/shop#3, resolves GH-7 https://github.com/acme/shop/issues/1",
    "![x](https://evil.example/p.png) [click](https://evil.example) <img src=x onerror=alert(1)> www.evil.example",
    "```\n# Heading\n@octocat\n```\n~~~\n<script>alert(1)</script>",
    "`````` ` `` a`b",
    "`",
    "a | b \\| c \\\\| d\n| --- | --- |\n",
    "\u202egnp.exe\u202c \u200b@\u200boctocat \x00\x07\x1b[31m \ud800 \u2028#1",
    "</details><!-- --> &lt;b&gt; &#64;octocat &commat;octocat",
    "- item\n1. one\n> quote\n\n    indented\n\n[ref]: https://evil.example\n[ref]",
    "x" * 100_000,
    "`" * 5_000,
    "@a " * 30_000,
    "",
    "  \n\t ",
]
TEXTS = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=60), st.text("`|\\\n @#<>[]()!*_~-a1", max_size=40))
ACTIVE = re.compile(r"@\w|#\d|\bGH-\d|https?://|www\.|<|&\w", re.IGNORECASE)
"""What GitHub would make something of, outside of code."""


def told(text: str, form: Any = "fix", *, instrumentation: bool = False, many: int = 1) -> Told:
    """Return a pull request in which every word that others choose is `text`."""
    found = incident(title=text, culprit=text, release=text, environment=text)
    heading: dict[str, Any] = {
        "incident_id": found.id,
        "tenant_id": found.tenant_id,
        "project_id": found.project_id,
        "occurred_at": NOW,
        "v": 2,
    }
    evidence = tuple(observed("event", text, "query", (), f"{number}", untrusted=True) for number in range(3 * many))
    citation = Citation(evidence[1].id, text)
    gaps = (Gap(id=text, what=text, why="not_configured", how=text),)
    gaps += tuple(Gap(id=f"{number}{text}", what=text, why="empty", how=text) for number in range(many - 1))
    context = ContextBuilt(id=FactId("c"), evidence_ids=(), evidence=evidence, gaps=gaps, **heading)
    cause = RootCauseProposed(
        id=FactId("r"),
        verdict="probable",
        summary=text,
        confidence=0.7,
        agent=text,
        hypotheses=(Hypothesis(id="h", mechanism=text, state="leading", supports=(citation,)),),
        chain=(CausalStep(at=NOW, what=text, citation=citation),) * many,
        suspect=SuspectChange(
            repository="acme/shop", commit=text, committed_at=1 << 60, subject=text, paths=(text,), rule=text
        ),
        location=CodeLocation(repository="acme/shop", commit=text, path=text, line=3, function=text),
        cap=0.8,
        cap_reason=text,
        missing=gaps,
        **heading,
    )
    checks = (
        Check(name="tests", state="passed", output=text),
        Check(name="reproduction", state="not_possible", output=text, required=False),
        Check(name=text, state="failed", output=text, required=False),
    ) * many
    written: dict[str, Any] = {"id": FactId("f"), "summary": text, "patch": text, "repository": "acme/shop", **heading}
    proposal = (
        InstrumentationProposed(checks=checks, settles=text, separates=(text,), base_commit="a" * 40, **written)
        if instrumentation
        else FixProposed(
            form=form,
            explanation=text,
            risk=text,
            rollback=text,
            success=text,
            checks=checks,
            base_commit=text,
            **written,
        )
    )
    return Told(
        incident=found,
        proposal=proposal,
        cause=cause,
        context=context,
        url=URL,
        branch=f"premortem/{found.id}/fix-1",
        base_commit="b" * 40,
        paths=(text,) * many,
        owners=(text,) * many,
        test_command=text,
    )


def tokens(markdown: str) -> list[Token]:
    """Return every token of the text as GitHub's dialect reads it, the inner ones too."""
    outer = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(markdown)
    return [token for each in outer for token in (each, *(each.children or ()))]


def require_inert(markdown: str) -> None:
    for token in tokens(markdown):
        assert token.type not in ("html_block", "html_inline", "image"), token.content
        if token.type == "link_open":
            assert str(token.attrs["href"]).startswith(f"{URL}/incidents/"), token.attrs
        if token.type == "text":
            assert not ACTIVE.search(token.content), token.content


@given(TEXTS, st.sampled_from(["fix", "revert", "mitigation"]), st.booleans())
@example(HOSTILE[3], "fix", False)
def test_whatever_others_wrote_the_body_is_inert_and_short_enough(text: str, form: str, instrumentation: bool) -> None:
    rendered = body(told(text, form, instrumentation=instrumentation))
    require_inert(rendered)
    assert len(rendered) <= LONGEST
    rendered.encode()


def test_much_of_everything_is_cut_to_what_github_takes() -> None:
    for text in ("x" * 100_000, "`" * 5_000, "` " * 30_000, "\U0001f6d2" * 5_000):
        for instrumentation in (False, True):
            rendered = body(told(text, instrumentation=instrumentation, many=100))
            assert 10_000 < len(rendered) <= LONGEST
            require_inert(rendered)


def test_every_hostile_text_in_every_place_at_once_is_inert() -> None:
    for text in HOSTILE:
        require_inert(body(told(text)))
        require_inert(body(told(text, instrumentation=True)))


@given(TEXTS)
def test_the_parts_stay_the_same_whatever_others_wrote(text: str) -> None:
    """No text begins a heading, a table or a fence of its own, or ends one of ours."""

    def shape(markdown: str) -> list[str]:
        kinds = ("heading_open", "table_open", "tr_open", "td_open", "fence", "bullet_list_open", "list_item_open")
        return [token.type for token in tokens(markdown) if token.type in kinds]

    assert shape(body(told(text))) == shape(body(told("word" if text else "")))


@given(TEXTS)
def test_titles_and_commit_messages_have_nothing_active(text: str) -> None:
    for line in (title(told(text).proposal), message(told(text)).replace(URL, "")):
        assert not ACTIVE.search(line), line
        assert not re.search(r"[@#<>\[\]`]|//", line)
    assert len(title(told(text).proposal)) <= 100
    assert "\n" not in title(told(text).proposal)


@given(st.text(max_size=200))
def test_text_in_code_reads_as_it_was_but_for_what_cannot_be_seen(text: str) -> None:
    (only,) = [token for token in tokens(fence(text, 10_000)) if token.type == "fence"]
    assert only.content.strip("\n") == (plain(text, 10_000).strip("\n") or "-")
    line = " ".join(plain(text, 10_000).split()).replace("|", "\u00a6") or "-"
    assert [token.content for token in tokens(f"x {span(text, 10_000)}") if token.type == "code_inline"] == [line]


def test_what_cannot_be_seen_is_taken_out() -> None:
    assert plain("a\u202eb\u200bc\x1b[31md\r\ne\ud800\u2066f\tg", 100) == "abc[31md\nef\tg"


def test_a_title_keeps_words_and_loses_what_refers() -> None:
    said = quiet("Fixes #12 by @ann: total('x') is 0, see GH-7 and https://a.example/b www.evil.example", 200)
    assert said == "Fixes 12 by ann: total('x') is 0, see GH 7 and https: a.example/b www evil.example"


def test_the_body_says_what_a_reviewer_needs() -> None:
    text = body(told("word"))
    for heading in (
        *("Cause", "Evidence", "The patch", "What was not verified", "Checks"),
        *("How success is measured", "How to try it", "Rollback"),
    ):
        assert f"\n## {heading}\n" in text
    assert f"({URL}/incidents/" in text
    assert "not possible" in text
    assert "That it works under your traffic" in text
    assert "The branch has moved on" in text
    assert "removes no cause" in body(told("word", "mitigation"))
