"""The analyst of rules: a root cause from stored evidence without any model. It says so, and is the baseline of models.

Sentences are made of templates and of names that code found; of what clients wrote only plain identifiers are repeated.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from msgspec.structs import replace

from premortem.agents.suspects import Suspect, found, rank, support_for
from premortem.domain.claims import Claimed, Settled, settle
from premortem.domain.evidence import (
    CausalStep,
    Citation,
    CodeLocation,
    Evidence,
    Gap,
    Hypothesis,
    SuspectChange,
)
from premortem.domain.observations import Attribute, Code, Commits, Deploys, EventSeen, Onset, OverRepresented, Releases
from premortem.domain.timeline import ContextBuilt

AGENT, VERSION = "rules", 1
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,79}")
_OUTSIDE = re.compile(
    r"(?i)connect|timeout|timedout|unavailable|refused|reset|dns|gateway|ssl|socket|network|broken ?pipe|throttl"
)
_LEAST_LIFT, _LEAST_INSIDE = 3.0, 5
_RAW = {9: 0.9, 8: 0.75, 7: 0.72, 6: 0.7, 5: 0.6, 4: 0.5, 3: 0.5, 2: 0.45, 1: 0.45}
"""What the rules would say without a cap, by how a change is tied to the failure (`suspects.rank`)."""
_AMONG_SEVERAL = 0.1


def claim(evidence: Sequence[Evidence], gaps: Sequence[Gap]) -> Claimed:
    """Return what the rules make of the evidence; the rules of evidence (`domain.claims`) judge it like any other."""
    ranked = rank(evidence)
    location = _location(evidence)
    suspect = ranked[0] if ranked else None
    hypotheses = [
        *([_change(suspect)] if suspect else []),
        *([_rival(ranked[1])] if len(ranked) > 1 else []),
        *_attribute(evidence, leading=suspect is None),
        *_outside(evidence, leading=suspect is None),
        *_code_alone(evidence),
    ]
    return Claimed(
        verdict="probable" if suspect else "inconclusive",
        summary=_summary(suspect, location, evidence),
        confidence=_confidence(ranked),
        hypotheses=_one_leads(hypotheses),
        chain=_chain(evidence, suspect),
        suspect=_suspect_change(suspect, evidence) if suspect else None,
        location=location,
        missing=tuple(gaps),
        next_action=f"Revert commit {suspect.commit.id[:12]}." if suspect else _next_without(gaps),
        next_action_risk=f"It takes out all that the commit changed: {len(suspect.commit.paths)} file(s)."
        if suspect
        else "",
    )


def settled(context: ContextBuilt) -> Settled:
    """Return what the rules of evidence leave of the rules' own claim: the cause that a context shows. Pure."""
    claimed = claim(context.evidence, context.gaps)
    support = support_for(claimed.suspect.commit, context.evidence) if claimed.suspect else None
    return settle(claimed, context.evidence, support)


def _confidence(ranked: Sequence[Suspect]) -> float:
    if not ranked:
        return 0.2
    raw = _RAW[ranked[0].score[0]]
    rivals = sum(each.score[:2] == ranked[0].score[:2] for each in ranked[1:])
    return round(max(raw - _AMONG_SEVERAL * min(rivals, 3), 0.2), 2)


def _suspect_change(suspect: Suspect, evidence: Sequence[Evidence]) -> SuspectChange:
    (repository,) = {
        commits.repository for each, commits in found(evidence, "commits", Commits) if each.id == suspect.commits_id
    }
    commit = suspect.commit
    return SuspectChange(
        repository=repository,
        commit=commit.id,
        committed_at=commit.committed_at,
        subject=commit.subject,
        paths=commit.paths,
        rule=suspect.rule,
    )


def _change(suspect: Suspect) -> Hypothesis:
    commit = suspect.commit
    supports = [Citation(suspect.commits_id, commit.id)]
    if suspect.blame_id:
        supports.append(Citation(suspect.blame_id, commit.id))
    return Hypothesis(
        id="H1",
        mechanism=f"The change {commit.id[:12]} brought it: {suspect.rule}.",
        state="leading",
        supports=tuple(supports),
    )


def _rival(suspect: Suspect) -> Hypothesis:
    return Hypothesis(
        id="H2",
        mechanism=f"Another change of the same time brought it, {suspect.commit.id[:12]}: {suspect.rule}.",
        state="open",
        supports=(Citation(suspect.commits_id, suspect.commit.id),),
    )


def _attribute(evidence: Sequence[Evidence], *, leading: bool) -> list[Hypothesis]:
    for each, over in found(evidence, "over_represented", OverRepresented):
        for attribute in over.attributes:
            if (
                attribute.lift >= _LEAST_LIFT
                and attribute.inside >= _LEAST_INSIDE
                and _PLAIN.fullmatch(_name(attribute))
            ):
                shown = attribute.value if _PLAIN.fullmatch(attribute.value) else "one value"
                return [
                    Hypothesis(
                        id="A",
                        mechanism=f"It comes with {_name(attribute)} = {shown}: {attribute.inside} of "
                        f"{attribute.inside_total} failing events have it, {attribute.before} of "
                        f"{attribute.before_total} before.",
                        state="leading" if leading else "open",
                        supports=(
                            Citation(each.id, f'"inside":{attribute.inside},"inside_total":{attribute.inside_total}'),
                        ),
                    )
                ]
    return []


def _name(attribute: Attribute) -> str:
    return attribute.name.partition(":")[2] or attribute.name


def _outside(evidence: Sequence[Evidence], *, leading: bool) -> list[Hypothesis]:
    for each, event in found(evidence, "event", EventSeen):
        for exception in event.exceptions:
            if _OUTSIDE.search(exception.type) and _PLAIN.fullmatch(exception.type):
                return [
                    Hypothesis(
                        id="O",
                        mechanism=f"Something that the code calls does not answer: the root is a {exception.type}.",
                        state="leading" if leading else "open",
                        supports=(Citation(each.id, f'"type":"{exception.type}"'),),
                    )
                ]
    return []


def _code_alone(evidence: Sequence[Evidence]) -> list[Hypothesis]:
    for each, code in found(evidence, "code", Code):
        if code.depth == 0:
            return [
                Hypothesis(
                    id="C",
                    mechanism="The code was always wrong for an input that it has only now been given.",
                    state="open",
                    supports=(Citation(each.id, f'"failing_line":{code.failing_line}'),),
                )
            ]
    return []


def _one_leads(hypotheses: Sequence[Hypothesis]) -> tuple[Hypothesis, ...]:
    """Return at most four; without a leading one the first leads: there is nothing better."""
    kept = list(hypotheses[:4])
    if kept and all(each.state != "leading" for each in kept):
        kept[0] = replace(kept[0], state="leading")
    return tuple(kept)


def _location(evidence: Sequence[Evidence]) -> CodeLocation | None:
    for _, code in found(evidence, "code", Code):
        if code.depth == 0:
            return CodeLocation(
                repository=code.repository,
                commit=code.commit,
                path=code.path,
                line=code.failing_line,
                function=code.function if _PLAIN.fullmatch(code.function) else "",
            )
    return None


def _chain(evidence: Sequence[Evidence], suspect: Suspect | None) -> tuple[CausalStep, ...]:
    """Return commit, deploy, onset: those that are known, if they come in this order."""
    steps: list[CausalStep] = []
    if suspect:
        steps.append(
            CausalStep(
                at=suspect.commit.committed_at,
                what=f"Commit {suspect.commit.id[:12]} is written.",
                citation=Citation(suspect.commits_id, suspect.commit.id),
            )
        )
    onsets = list(found(evidence, "onset", Onset))
    first_bad = next((releases.first_bad for _, releases in found(evidence, "releases", Releases)), None)
    for each, deploys in found(evidence, "deploys", Deploys):
        bad = [deploy for deploy in deploys.deploys if deploy.release == first_bad]
        if bad and onsets and bad[-1].deployed_at <= onsets[0][1].latest:
            steps.append(
                CausalStep(
                    at=bad[-1].deployed_at,
                    what="The first release that fails is deployed.",
                    citation=Citation(each.id, f'"deployed_at":{bad[-1].deployed_at}'),
                )
            )
    for each, onset in onsets[:1]:
        steps.append(CausalStep(at=onset.at, what="The error begins.", citation=Citation(each.id, f'"at":{onset.at}')))
    ordered = all(one.at <= other.at for one, other in pairwise(steps))
    return tuple(steps) if ordered else ()


def _summary(suspect: Suspect | None, location: CodeLocation | None, evidence: Sequence[Evidence]) -> str:
    where = f" in {location.path}, line {location.line}" if location else ""
    if suspect:
        return f"Commit {suspect.commit.id[:12]} is the likeliest cause{where}: {suspect.rule}."
    listed = any(True for _ in found(evidence, "commits", Commits))
    why = "no change is tied to the failure" if listed else "no change in the code is known"
    return f"The cause is not known{where}: {why}."


def _next_without(gaps: Sequence[Gap]) -> str:
    return f"Supply what is missing: {gaps[0].what}." if gaps else "Look at the first event and its code."
