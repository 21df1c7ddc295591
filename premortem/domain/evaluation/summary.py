"""A verdict in a sentence or two, for a person: made of its numbers alone."""

from premortem.domain.evaluation.verdict import Verdict
from premortem.domain.timeline import Comparison

_WHY = {
    "fell": "The fix worked",
    "stayed": "The fix did not help",
    "moved": "The error moved: new errors come from the frames that the fix changed",
    "rose": "The error comes more often than before",
    "new_errors": "The release brought more new errors than releases did before, as frequent as the one it was to fix",
    "underpowered": "It cannot be told yet",
    "no_traffic": "Nothing was heard of the release, so silence proves nothing",
    "subsided": "The error fell on releases without the fix too, so the fix may have had no part in it",
}
_AGAINST = {
    "same_hours": "the same hours of the weeks before",
    "onset_to_fix": "the time from onset to fix (less than a week)",
    "concurrent_releases": "releases without the fix at the same time",
    "new_errors": "new errors before",
}


def summary_of(verdict: Verdict) -> str:
    """Return why the verdict is what it is."""
    main = verdict.comparisons[0]
    said = [_WHY[verdict.reason], _numbers(main)]
    if verdict.reason == "underpowered" and main.least_exposure < main.needed_exposure:
        said.append(f"A verdict needs {main.needed_exposure} {main.unit}; at least {main.least_exposure} count so far")
    said += [_numbers(each) for each in verdict.comparisons[1:]]
    if verdict.effect == "inconclusive" and verdict.look_again_at is None:
        said.append("It is not measured again: a person has to decide")
    return ". ".join(said) + "."


def _numbers(each: Comparison) -> str:
    what = "new errors" if each.against == "new_errors" else "events"
    after = f"{each.after_events} {what} in {each.after_exposure} {each.unit} after the deploy"
    before = f"{each.before_events} in {each.before_exposure} {each.unit} of {_AGAINST[each.against]}"
    return f"{after}, {before}{_interval(each)}"


def _interval(each: Comparison) -> str:
    if each.ratio is None:
        return ""
    high = "any" if each.high is None else f"{each.high:.3g}"
    return f"; rate times {each.ratio:.3g} (95 %: {each.low or 0:.3g} to {high})"
