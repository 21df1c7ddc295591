"""Claims: what an analyst says, and the rules of evidence that it has to pass. Code decides, not the analyst.

A claim stands when it cites stored evidence, and the span that it quotes occurs there letter for letter. What does not
stand is taken out and said so. The confidence that is left is capped by what is decisive, never raised.
"""

import html
import re
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from premortem.domain.evidence import (
    CausalStep,
    Citation,
    CodeLocation,
    Evidence,
    Gap,
    Hypothesis,
    SuspectChange,
)

MOST_HYPOTHESES = 4
_FROM_CLIENTS = frozenset({"event", "differences", "over_represented"})
"""Kinds whose texts whoever knows a public DSN may have written."""
_MOST_ENTITIES = 3
_LEAST_QUOTE, _LONGEST_QUOTE, _LONGEST_TEXT = 3, 400, 1_000
_URL = re.compile(
    r"(?ix)\b[a-z][a-z0-9+.-]{1,15}:[/\\]{2} | (?<![\w:/])(?://|\\\\)[\w\[] | \bwww\. | \bxn--"
    r"| \b(?:mailto|javascript|vbscript|tel|sms|file|https?|ftp):\S | \bdata:[a-z]+/ | \]\( | ^\[[^\]]*\]: | <[a-z!/?]"
    r"| \w@[\w-]+\.[a-z] | \b(?:\d{1,3}\.){3}\d{1,3}\b"
    r"| \w\.(?:com|net|org|io|dev|app|info|biz|xyz|top|site|online|club|cc|ru|cn|tk|link|click|example)(?![\w.-]|\.\w)"
)
"""Addresses with and without a scheme, and what renders as a link or a tag."""
_COMMAND = re.compile(
    r"(?i)(?:^|[\s`(;&|\"'*_>\[])(?:"
    r"(?:sudo|curl|wget|npx|npm|pnpm|pip3?|uvx|pipx|powershell|chmod|ssh|scp|kubectl|docker|apt-get|yum|dnf|apk|brew"
    r"|systemctl|terraform|helm|psql|mysql)[*_`\"']*\s+\S"
    r"|(?:ba|z)?sh\s+-|(?:rm|git|make|python3?|node|perl|ruby|nc|cmd|eval|exec)\s+[-./~@$\"'])"
    r"|\b(?:(?:ba|z)?sh|python3?|node|perl|ruby|php)\s+\S+\.(?:sh|py|js|pl|rb|php)\b"
    r"|\bgo\s+(?:install|run|get)\s+\S*[./@]|\bgit\s+(?:push|reset|clone|checkout|apply|config|rebase|revert|pull)\b"
    r"|(?:^|\s)(?:\./|/(?:bin|usr|etc|tmp)/)\S|\|\s*(?:ba|z)?sh\b"
    r"|\$\(|`[^`]*`|&&|\|\||<\s*script"
)
"""Words that are only ever a command's, and those of plain English where an option or a path follows."""


Verdict = Literal["probable", "inconclusive", "not_an_incident"]


class Support(Struct, frozen=True, kw_only=True):
    """What speaks for a suspect change, found by code in the stored evidence."""

    in_window: bool = False
    """It lies between the last good release and the first bad one, or in the onset's interval."""
    touches_stack: bool = False
    """It changed a file of the stack's in-app frames."""
    wrote_failing_line: bool = False
    """The failing line's last writer is it."""
    only_candidate: bool = False


class Claimed(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An analyst's answer before the rules: nothing in it is believed."""

    verdict: str
    summary: str
    confidence: float
    hypotheses: tuple[Hypothesis, ...] = ()
    chain: tuple[CausalStep, ...] = ()
    suspect: SuspectChange | None = None
    location: CodeLocation | None = None
    missing: tuple[Gap, ...] = ()
    next_action: str = ""
    next_action_risk: str = ""


class Settled(Struct, frozen=True, kw_only=True):
    """What is left of it, and why it is no more."""

    verdict: Verdict
    summary: str
    confidence: float
    raw_confidence: float
    cap: float
    cap_reason: str
    hypotheses: tuple[Hypothesis, ...]
    chain: tuple[CausalStep, ...]
    suspect: SuspectChange | None
    location: CodeLocation | None
    dropped: tuple[str, ...]
    next_action: str
    next_action_risk: str


CAPS: tuple[tuple[str, float], ...] = (
    ("nothing that was observed supports it", 0.1),
    ("only what clients sent supports it", 0.3),
    ("what speaks against the leading hypothesis is not answered", 0.4),
    ("no change in the code is named", 0.5),
    ("the suspect change is known by its time alone", 0.55),
    ("the suspect change touches the failing code's file, among others that do", 0.65),
    ("the suspect change is the only one that touches the failing code's file", 0.8),
    ("the suspect change wrote the failing line", 0.9),
)
"""What the evidence allows at most, from the weakest on: (why, cap). Nothing short of a reproduction allows more."""


_VERDICTS: dict[str, Verdict] = {
    "confirmed": "probable",  # only a reproduction confirms, and that comes with the fix
    "probable": "probable",
    "not_an_incident": "not_an_incident",
}


def settle(claimed: Claimed, evidence: Sequence[Evidence], support: Support | None) -> Settled:
    """Return what of a claim stands. `support` is about its suspect change; None = the change is not in the evidence,
    and is taken out. Pure, and the same for rules and models.
    """
    by_id = {each.id: each for each in evidence}
    dropped: list[str] = []
    hypotheses = _stand(claimed.hypotheses, by_id, dropped)
    chain = _chain(claimed.chain, by_id, dropped)
    suspect = claimed.suspect
    if suspect is not None and support is None:
        dropped.append(f"suspect change {suspect.commit[:12]!r}: no stored observation shows it")
        suspect = None
    index = _cap(hypotheses, by_id, support if suspect else None)
    reason, cap = CAPS[index]
    raw = round(min(max(claimed.confidence, 0.0), 1.0), 2) if claimed.confidence == claimed.confidence else 0.0
    confidence = min(raw, cap)
    verdict = _VERDICTS.get(claimed.verdict, "inconclusive")
    if not hypotheses:
        verdict, confidence = "inconclusive", min(confidence, CAPS[0][1])
    return Settled(
        verdict=verdict,
        summary=clean(claimed.summary, dropped, "summary"),
        confidence=confidence,
        raw_confidence=raw,
        cap=cap,
        cap_reason=reason,
        hypotheses=hypotheses,
        chain=chain,
        suspect=suspect,
        location=claimed.location,
        dropped=tuple(dropped),
        next_action=clean(claimed.next_action, dropped, "next action"),
        next_action_risk=clean(claimed.next_action_risk, dropped, "risk"),
    )


def stands(citation: Citation, by_id: Mapping[str, Evidence]) -> bool:
    """Tell whether the citation resolves and its span occurs in the stored result."""
    evidence = by_id.get(citation.evidence_id)
    return (
        evidence is not None
        and _LEAST_QUOTE <= len(citation.quote) <= _LONGEST_QUOTE
        and citation.quote in evidence.result
    )


def clean(text: str, dropped: list[str], what: str) -> str:
    """Return free text without what could act: no control or direction marks; none at all with a URL or a command."""
    for _ in range(_MOST_ENTITIES):  # `&amp;colon;` becomes `&colon;`, and that a colon
        text = html.unescape(text)
    plain = "".join(
        " " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char
        for char in unicodedata.normalize("NFKC", text)
        if unicodedata.category(char) not in ("Cf", "Cs", "Co", "Cn")
    )
    plain = " ".join(plain.split())[:_LONGEST_TEXT]
    if _URL.search(plain.replace("\u3002", ".")) or _COMMAND.search(plain):
        dropped.append(f"{what}: it names an address or a command")
        return ""
    return plain


def _stand(claimed: Sequence[Hypothesis], by_id: Mapping[str, Evidence], dropped: list[str]) -> tuple[Hypothesis, ...]:
    kept: list[Hypothesis] = []
    for number, each in enumerate(claimed[:MOST_HYPOTHESES], 1):
        supports = tuple(c for c in each.supports if stands(c, by_id))
        contradicts = tuple(c for c in each.contradicts if stands(c, by_id))
        lost = len(each.supports) + len(each.contradicts) - len(supports) - len(contradicts)
        if lost:
            dropped.append(f"hypothesis {number}: {lost} citation(s) that do not occur in the evidence")
        mechanism = clean(each.mechanism, dropped, f"hypothesis {number}")
        if not mechanism or not (supports or (each.state == "refuted" and contradicts)):
            dropped.append(f"hypothesis {number}: nothing that was observed supports it")
            continue
        leading = each.state == "leading" and not any(h.state == "leading" for h in kept)
        state = each.state if each.state != "leading" or leading else "open"
        kept.append(
            replace(each, id=f"H{number}", mechanism=mechanism, supports=supports, contradicts=contradicts, state=state)
        )
    if len(claimed) > MOST_HYPOTHESES:
        dropped.append(f"{len(claimed) - MOST_HYPOTHESES} hypotheses beyond the fourth")
    return tuple(kept)


def _chain(claimed: Sequence[CausalStep], by_id: Mapping[str, Evidence], dropped: list[str]) -> tuple[CausalStep, ...]:
    kept = tuple(
        replace(step, what=text)
        for step in claimed
        if stands(step.citation, by_id) and (text := clean(step.what, dropped, "causal chain"))
    )
    if len(kept) < len(claimed):
        dropped.append(f"causal chain: {len(claimed) - len(kept)} step(s) that nothing observed shows")
    if any(before.at > after.at for before, after in pairwise(kept)):
        dropped.append("causal chain: out of order in time")
        return ()
    return kept


def _cap(hypotheses: Sequence[Hypothesis], by_id: Mapping[str, Evidence], support: Support | None) -> int:
    """Return the index of the strongest cap that what is left allows."""
    leading = next((each for each in hypotheses if each.state == "leading"), None)
    if leading is None:
        return 0
    if all(by_id[citation.evidence_id].kind in _FROM_CLIENTS for citation in leading.supports):
        return 1
    if len(leading.contradicts) >= len(leading.supports):
        return 2
    if support is None:
        return 3
    if support.wrote_failing_line:
        return 7
    if support.touches_stack:
        return 6 if support.only_candidate else 5
    return 4 if support.in_window else 3
