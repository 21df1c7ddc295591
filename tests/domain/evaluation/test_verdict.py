"""What a verdict says of rates before and after a deploy."""

import pytest
from msgspec.structs import replace

from premortem.domain.evaluation import SEARCH_MS, Observed, Slot, Verdict, decide, summary_of
from tests.domain.evaluation.rates_of_a_shop import DAY_SLOTS, DEPLOYED, HOUR, TEN, shop, slots


def judged(observed: Observed, *, hours: int | None = None, told: tuple[Verdict, ...] = ()) -> Verdict:
    at = DEPLOYED + (hours * HOUR if hours is not None else len(observed.after) * TEN)
    return decide(observed, DEPLOYED, at, [verdict.comparisons[0] for verdict in told])


def test_an_error_that_is_gone_from_the_fixs_release_was_fixed() -> None:
    verdict = judged(shop(1, 0))
    assert (verdict.effect, verdict.reason, verdict.look_again_at) == ("effective", "fell", None)
    (main,) = verdict.comparisons
    assert (main.against, main.unit) == ("onset_to_fix", "sessions")
    assert (main.before_events, main.before_exposure) == (288, 28_800)
    assert (main.after_events, main.after_exposure, main.ratio) == (0, 3_600, 0.0)
    assert main.after_exposure >= main.needed_exposure
    assert main.high is not None
    assert main.high < 1
    assert "less than a week" in summary_of(verdict)


def test_an_error_that_comes_as_before_was_not_fixed() -> None:
    verdict = judged(shop(1, 1))
    assert (verdict.effect, verdict.reason, verdict.look_again_at) == ("ineffective", "stayed", None)
    assert verdict.comparisons[0].ratio == 1.0


def test_a_fix_that_leaves_half_of_the_errors_is_no_fix() -> None:
    assert judged(shop(1, 2, after=slots(DAY_SLOTS, 2, sessions=100))).effect == "ineffective"


def test_an_error_that_comes_far_more_often_is_harm_even_before_the_exposure_is_reached() -> None:
    rare = slots(2 * DAY_SLOTS, 36, sessions=100)
    verdict = judged(shop(1, 1, before=rare, after=slots(6, 1, sessions=100, events=10)))
    assert verdict.comparisons[0].least_exposure < verdict.comparisons[0].needed_exposure
    assert (verdict.effect, verdict.reason, verdict.look_again_at) == ("harmful", "rose", None)


def test_at_a_look_an_error_that_comes_more_than_twice_as_often_is_harm_where_less_may_still_be_chance() -> None:
    before = slots(2 * DAY_SLOTS, 4, sessions=100)
    assert judged(shop(1, 1, before=before, after=slots(40, 3, sessions=100))).effect == "ineffective"
    verdict = judged(shop(1, 1, before=before, after=slots(33, 4, sessions=100, events=2)))
    assert (verdict.effect, verdict.reason) == ("harmful", "rose")


def test_before_the_exposure_is_reached_silence_says_nothing_and_a_next_look_is_named() -> None:
    verdict = judged(shop(1, 0, after=slots(1, 0, sessions=100)))
    assert (verdict.effect, verdict.reason) == ("inconclusive", "underpowered")
    assert verdict.look_again_at is not None
    assert DEPLOYED + TEN + HOUR // 2 <= verdict.look_again_at <= DEPLOYED + SEARCH_MS
    assert f"needs {verdict.comparisons[0].needed_exposure} sessions" in summary_of(verdict)


def test_a_release_that_nobody_runs_proves_nothing() -> None:
    verdict = judged(shop(1, 0, after=slots(36, 0), old=slots(36, 1, sessions=100)))
    assert (verdict.effect, verdict.reason) == ("inconclusive", "no_traffic")


def test_after_a_week_a_verdict_is_final_whatever_it_is() -> None:
    verdict = judged(shop(1, 0, after=slots(7 * DAY_SLOTS, 0)))
    assert (verdict.effect, verdict.reason, verdict.look_again_at) == ("inconclusive", "no_traffic", None)
    assert "a person has to decide" in summary_of(verdict)
    almost = judged(shop(1, 0, after=slots(7 * DAY_SLOTS - 1, 0)))
    assert almost.look_again_at == DEPLOYED + SEARCH_MS


def test_the_exposure_and_the_noise_of_the_first_look_stay_whatever_late_events_say_of_the_time_before() -> None:
    first = judged(shop(1, 0, after=slots(1, 0, sessions=100)))
    later = shop(1, 0, before=slots(2 * DAY_SLOTS, 4, sessions=100, events=30))
    found = judged(later, told=(first,)).comparisons[0]
    assert found.needed_exposure == first.comparisons[0].needed_exposure
    assert found.dispersion == first.comparisons[0].dispersion
    assert judged(later).comparisons[0].needed_exposure != found.needed_exposure


def test_a_second_look_is_taken_only_when_the_exposure_has_doubled() -> None:
    """An error that fell to a third is neither fixed nor as it was; a fall soon after may be chance."""
    third = slots(12, 3, sessions=100)
    longer, twice = (*third, *slots(8, 0, sessions=100)), (*third, *slots(18, 0, sessions=100))
    first = judged(shop(1, 0, after=third))
    assert (first.effect, first.reason) == ("inconclusive", "underpowered")
    assert judged(shop(1, 0, after=longer)).effect == "effective"
    assert judged(shop(1, 0, after=longer), told=(first,)).effect == "inconclusive"
    assert judged(shop(1, 0, after=twice), told=(first,)).effect == "effective"


# ------------------------------------------------------------------------------------------ noise and history
def test_bursts_count_as_one_event_each_so_that_a_quiet_afternoon_is_no_fix() -> None:
    bursts = slots(2 * DAY_SLOTS, DAY_SLOTS // 2, sessions=100, events=72)
    steady = judged(shop(1, 0))
    burst = judged(shop(1, 0, before=bursts))
    assert sum(slot.events for slot in bursts) == 288
    assert burst.comparisons[0].dispersion > 50
    assert (steady.effect, burst.effect) == ("effective", "inconclusive")


def test_an_error_that_had_ebbed_before_the_deploy_was_not_ended_by_it() -> None:
    ebbed = slots(DAY_SLOTS, 1, sessions=100) + slots(DAY_SLOTS, 0, sessions=100)
    steady = slots(2 * DAY_SLOTS, 2, sessions=100)
    silence = slots(DAY_SLOTS // 2, 0, sessions=100)
    assert judged(shop(1, 0, before=steady, after=silence)).effect == "effective"
    assert judged(shop(1, 0, before=ebbed, after=silence)).effect == "inconclusive"


def test_with_a_week_of_history_the_same_hours_of_the_weeks_before_are_compared() -> None:
    """The error comes at night alone; the deploy is at dawn: against the whole time the day would look like a fix."""
    night = slots(DAY_SLOTS // 3, 1, sessions=100)
    day = slots(2 * DAY_SLOTS // 3, 0, sessions=100)
    verdict = judged(Observed(width=TEN, before=(day + night) * 21, after=day))
    main = verdict.comparisons[0]
    assert (main.against, main.before_events) == ("same_hours", 0)
    assert main.before_exposure == 3 * main.after_exposure
    assert verdict.effect == "inconclusive"
    week = judged(Observed(width=TEN, before=(day + night) * 21, after=slots(7 * DAY_SLOTS, 0, sessions=100)))
    assert (week.effect, week.comparisons[0].before_events) == ("effective", 3 * 7 * DAY_SLOTS // 3)
    assert "same hours" in summary_of(week)


# --------------------------------------------------------------------------------------- releases without the fix
def test_an_error_that_fell_on_old_releases_too_was_not_ended_by_the_fix() -> None:
    assert judged(shop(1, 0, old=slots(36, 1, sessions=100))).effect == "effective"
    fell = judged(shop(1, 0, old=slots(36, 0, sessions=100)))
    assert (fell.effect, fell.reason) == ("inconclusive", "subsided")
    assert [each.against for each in fell.comparisons] == ["onset_to_fix", "concurrent_releases"]


def test_a_few_old_clients_have_no_say() -> None:
    assert judged(shop(1, 0, old=slots(36, 0, sessions=5))).effect == "effective"


# -------------------------------------------------------------------------------------------- siblings, new errors
def test_an_error_that_goes_on_under_a_new_fingerprint_in_the_same_frames_moved() -> None:
    verdict = judged(shop(1, 0, moved=36))
    assert (verdict.effect, verdict.reason) == ("ineffective", "moved")
    assert verdict.comparisons[0].after_events == 36


def test_a_release_that_brings_many_new_errors_as_frequent_as_the_old_one_is_harm() -> None:
    new = {"new_before": 1, "new_after": 6, "new_events": 60}
    verdict = judged(shop(1, 0, **new))
    assert (verdict.effect, verdict.reason) == ("harmful", "new_errors")
    assert judged(shop(1, 0, **{**new, "new_before": 60})).effect == "effective"
    assert judged(shop(1, 0, **{**new, "new_events": 12})).effect == "effective"


# --------------------------------------------------------------------------------------- minutes, without sessions
def test_without_sessions_minutes_count_by_the_traffic_that_other_errors_tell_of() -> None:
    before, half = slots(2 * DAY_SLOTS, 1, others=4), slots(DAY_SLOTS, 0, others=2)
    verdict = judged(Observed(width=TEN, before=before, after=half))
    main = verdict.comparisons[0]
    assert (main.unit, main.after_exposure, main.least_exposure, main.most_exposure) == ("minutes", 1440, 720, 1440)
    assert verdict.effect == "effective"


def test_where_nothing_tells_of_traffic_minutes_may_be_worth_four_times_more_or_less_and_twice_from_a_day_on() -> None:
    before = slots(2 * DAY_SLOTS, 1)
    alive = Slot(others=1)
    hours = judged(Observed(width=TEN, before=before, after=(*slots(35, 0), alive))).comparisons[0]
    assert (hours.after_exposure, hours.least_exposure, hours.most_exposure) == (360, 90, 1440)
    day = judged(Observed(width=TEN, before=before, after=(*slots(DAY_SLOTS - 1, 0), alive))).comparisons[0]
    assert (day.after_exposure, day.least_exposure, day.most_exposure) == (1440, 720, 2880)


def test_minutes_count_up_to_the_last_one_in_which_something_was_heard_of_the_release() -> None:
    before = slots(2 * DAY_SLOTS, 1, others=4)
    quiet = Observed(width=TEN, before=before, after=(*slots(6, 0, others=4), *slots(300, 0)))
    assert judged(quiet).comparisons[0].after_exposure == 60
    silent = judged(replace(quiet, after=slots(300, 0)))
    assert (silent.effect, silent.reason) == ("inconclusive", "no_traffic")


@pytest.mark.parametrize(("failing", "least"), [(144, 0), (129, 150)])
def test_minutes_that_old_releases_take_up_with_their_errors_do_not_count_for_the_fix(failing: int, least: int) -> None:
    """What fails as before does not run the fix: all of the servers, or nine in ten."""
    before = slots(2 * DAY_SLOTS, 1, others=4)
    old = (*slots(failing, 1, others=3), *slots(DAY_SLOTS - failing, 0, others=3))
    verdict = judged(Observed(width=TEN, before=before, after=slots(DAY_SLOTS, 0, others=1), old=old))
    assert verdict.comparisons[0].least_exposure == least
    assert verdict.effect == ("effective" if least else "inconclusive")


def test_sessions_that_the_fixs_release_does_not_report_are_not_waited_for() -> None:
    heard = shop(1, 0, after=slots(36, 1, others=1), old=slots(36, 0, sessions=100))
    assert judged(heard).comparisons[0].unit == "minutes"


def test_without_events_before_nothing_can_be_told() -> None:
    verdict = judged(shop(0, 0))
    assert (verdict.effect, verdict.reason) == ("inconclusive", "underpowered")
    assert verdict.comparisons[0].ratio is None


@pytest.mark.parametrize("reason", ["fell", "stayed", "moved", "rose", "new_errors", "underpowered", "no_traffic"])
def test_every_verdict_is_a_sentence_with_its_numbers(reason: str) -> None:
    verdict = replace(judged(shop(1, 0)), reason=reason)
    assert "0 events in 3600 sessions after the deploy, 288 in 28800 sessions" in summary_of(verdict)
