"""How two answers differ, in lines and in tables: what `premortem rerun` shows."""

from collections.abc import Iterator, Sequence

from premortem.cli.moments import show_moment
from premortem.cli.output import console, print_table
from premortem.domain.comparing_answers import Difference, Moved, Opinion, Totals, totals
from premortem.domain.incident import Incident
from premortem.domain.timeline import AnswerReconsidered


def difference(found: Difference, fact: AnswerReconsidered, *, recorded_before: bool) -> Iterator[str]:
    """Yield the lines about one answer that was asked for again."""
    old, new = found.old, found.new
    yield f"Asked again: the cause {fact.reconsiders}, by {old.by} then"
    yield _row("with", _setup(fact))
    if found.no_answer:
        yield _row("no answer", f"{found.no_answer}; the rules' answer stands in its place")
    yield _row("verdict", _beside(old.verdict, new.verdict))
    yield _row("own verdict", _beside(old.raw_verdict, new.raw_verdict))
    yield _row("confidence", _beside(f"{old.confidence:.2f}", f"{new.confidence:.2f}"))
    yield _row("own claim", _beside(f"{old.raw_confidence:.2f}", f"{new.raw_confidence:.2f}"))
    yield _row("suspect", _beside(_commit(old.suspect), _commit(new.suspect)))
    yield _row("own suspect", _beside(_commit(old.raw_suspect), _commit(new.raw_suspect)))
    yield from _moved("hypotheses", found.hypotheses)
    yield from _moved("citations", found.citations)
    resolved = "all of the new answer's occur in the stored evidence"
    yield _row("resolved", f"{len(found.unresolved)} do not" if found.unresolved else resolved)
    for sentence in found.dropped:
        yield _row("taken out", sentence)
    yield _row("tokens", _beside(str(old.tokens), str(new.tokens)))
    yield _row("cost", _beside(_dollars(old.cost_microdollars), _dollars(new.cost_microdollars)))
    yield _row("took", _beside(_seconds(old), _seconds(new)))
    before = "was there already: nothing is written" if recorded_before else "is written beside the old answer"
    yield _row("recorded", f"{fact.id} {before}")


def totals_of(found: Sequence[tuple[Incident, Difference]], right: Sequence[str]) -> Totals:
    """Return the sums over many answers; `right` are the incidents whose old answer proved right."""
    return totals({incident.id: each for incident, each in found}, right)


def print_many(found: Sequence[tuple[Incident, Difference, bool]], right: Sequence[str]) -> None:
    """Print a row an incident, and what they come to."""
    rows = [
        (
            show_moment(incident.opened_at),
            incident.id,
            incident.title[:50],
            _beside(each.old.raw_verdict, each.new.raw_verdict),
            "same" if each.same_suspect else _beside(_commit(each.old.raw_suspect), _commit(each.new.raw_suspect)),
            f"{len(each.citations.kept)} +{len(each.citations.new)} -{len(each.citations.gone)}",
            _dollars(each.new.cost_microdollars),
            _seconds(each.new),
            ("no answer" if each.no_answer else "") or ("recorded before" if before else ""),
        )
        for incident, each, before in found
    ]
    columns = ("opened (UTC)", "incident", "error", "verdict", "suspect", "citations", "cost", "took", "")
    print_table(columns, rows, "Nothing was asked.")
    sums = totals_of([(incident, each) for incident, each, _ in found], right)
    out = console()
    proved = f", and {sums.suspect_of_right} of the {sums.proved_right} that proved right" if sums.proved_right else ""
    out.print(
        f"{sums.incidents} asked again, {sums.no_answer} without an answer. Same verdict: {sums.same_verdict}, same "
        f"suspect: {sums.same_suspect}{proved}."
    )
    out.print(
        f"Cost {_dollars(sums.cost_microdollars)} ({sums.tokens} tokens), then it was "
        f"{_dollars(sums.old_cost_microdollars)}. Half of them took at most {sums.p50_ms / 1000:.2f} s, 95 of 100 at "
        f"most {sums.p95_ms / 1000:.2f} s."
    )


def _setup(fact: AnswerReconsidered) -> str:
    changed = fact.changed
    if not changed.model:
        return "the rules of today, without a model"
    prompt = f", instructions {changed.prompt_hash[:12]}" if changed.prompt_hash else ", our instructions"
    return f"the model {changed.model}{prompt}, {changed.budget_tokens} tokens at most"


def _moved(what: str, found: Moved) -> Iterator[str]:
    yield _row(what, f"{len(found.kept)} kept, {len(found.new)} new, {len(found.gone)} gone")
    for sign, listed in (("+", found.new), ("-", found.gone)):
        for each in listed:
            yield _row("", f"{sign} {each[:160]}")


def _row(name: str, value: str) -> str:
    return f"  {name:12} {value}"


def _beside(old: str, new: str) -> str:
    return old.replace("_", " ") if old == new else f"{old} -> {new}".replace("_", " ")


def _commit(commit: str) -> str:
    return commit[:12] or "none"


def _dollars(microdollars: int) -> str:
    return f"${microdollars / 1_000_000:.6f}"


def _seconds(found: Opinion) -> str:
    return f"{found.duration_ms / 1000:.2f} s"
