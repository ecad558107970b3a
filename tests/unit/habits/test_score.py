"""The score has Loop Habit Tracker's values, and mends what its users complain of."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal

import pytest

from services.habits.days.day_events import DayStatus
from services.habits.schedule_spans import Span
from services.habits.statistics.judged_days import Answer, judged_days
from services.habits.statistics.score import score_of
from shared.recurrence.schedules import EveryNDays, Schedule, TimesPerWeek, Weekdays

START = date(2024, 1, 1)  # a Monday
DAILY = EveryNDays(1)
DONE, SKIPPED = Answer(DayStatus.DONE), Answer(DayStatus.SKIPPED)
SIX_OF_SEVEN = Weekdays((1, 2, 3, 4, 5, 6))

# `ScoreListTest.kt` of Loop, daily and done from the first day on.
LOOP_DAILY = [
    *(0.051922, 0.101149, 0.147820, 0.192067, 0.234017, 0.273788, 0.311495, 0.347244),
    *(0.381137, 0.413270, 0.443734, 0.472617, 0.500000, 0.525961, 0.550574, 0.573910),
    *(0.596033, 0.617008, 0.636894, 0.655747),
]


def scored(
    schedule: Schedule | list[Span],
    answers: Mapping[int, Answer],
    length: int,
    *,
    over: int | None = None,
) -> float:
    """Return the score after so many days; `answers` and `over` count days from the first, 0."""
    spans = schedule if isinstance(schedule, list) else [Span(START, schedule, START)]
    days = judged_days(
        spans,
        {START + timedelta(number): answer for number, answer in answers.items()},
        as_of=START + timedelta(length - 1),
        today=START + timedelta(length if over is None else over),
        was_there=lambda _: True,
    )
    return score_of(list(days))


def done(numbers: Iterable[int]) -> dict[int, Answer]:
    return dict.fromkeys(numbers, DONE)


def test_daily_it_has_the_values_of_loop() -> None:
    answers = done(range(20))
    found = [scored(DAILY, answers, length) for length in range(1, 21)]
    assert found == pytest.approx(LOOP_DAILY, abs=1e-6)


def test_ninety_days_are_nearly_all() -> None:
    assert scored(DAILY, done(range(90)), 90) > 0.99


def test_thirty_nine_weeks_are_nearly_all() -> None:
    assert scored(EveryNDays(7), done(range(0, 39 * 7, 7)), 39 * 7) > 0.99


def test_a_skipped_day_repeats_the_score() -> None:
    answers = {**done(range(20)), 8: SKIPPED, 9: SKIPPED, 14: SKIPPED}
    found = [scored(DAILY, answers, length) for length in range(1, 21)]
    expected = [*LOOP_DAILY[:8], *[LOOP_DAILY[7]] * 2, *LOOP_DAILY[8:12], LOOP_DAILY[11]]
    assert found == pytest.approx([*expected, *LOOP_DAILY[12:17]], abs=1e-6)


def test_missed_days_lower_it_as_in_loop() -> None:
    answers = {0: DONE, 1: SKIPPED}
    found = [scored(DAILY, answers, length) for length in range(1, 7)]
    expected = [0.051922, 0.051922, 0.049226, 0.046670, 0.044247, 0.041949]
    assert found == pytest.approx(expected, abs=1e-6)


def test_every_second_day_begins_as_in_loop() -> None:
    assert scored(EveryNDays(2), done([0, 1]), 2) == pytest.approx(0.054816, abs=1e-6)


@pytest.mark.parametrize(
    ("weekdays", "share"), [((1, 2, 3), 2 / 3), ((1, 2, 3, 4), 1 / 2)], ids=["3 of 7", "4 of 7"]
)
def test_two_a_week_of_more_is_their_share(weekdays: tuple[int, ...], share: float) -> None:
    answers = done(day for day in range(1400) if day % 7 in (0, 1))
    assert scored(Weekdays(weekdays), answers, 1400) == pytest.approx(share, abs=1e-6)


def test_once_a_week_on_whichever_day_is_all() -> None:
    answers = done(day for day in range(1400) if day % 14 in (0, 13))
    assert scored(EveryNDays(7), answers, 1400) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("times", range(1, 8))
def test_some_times_a_week_on_whichever_days_is_all(times: int) -> None:
    answers = done(day for day in range(1400) if day % 7 < times)
    assert scored(TimesPerWeek(times), answers, 1400) == pytest.approx(1, abs=1e-6)


def test_half_as_often_as_was_meant_is_half() -> None:
    answers = done(day for day in range(1400) if day % 7 in (2, 5))
    assert scored(TimesPerWeek(4), answers, 1400) == pytest.approx(1 / 2, abs=1e-6)


def test_skips_do_not_lower_the_score_of_a_habit_that_is_not_daily() -> None:
    perfect = done(day for day in range(700) if day % 7 != 6)
    skipped = {**perfect, **dict.fromkeys(range(693, 697), SKIPPED)}
    assert scored(SIX_OF_SEVEN, skipped, 700) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("n", range(1, 8))
def test_skips_alone_change_nothing_whatever_the_period(n: int) -> None:
    answers = {
        **done(range(0, 1400, n)),
        **dict.fromkeys(range(1330 - 1330 % n, 1400, 2 * n), SKIPPED),
    }
    assert scored(EveryNDays(n), answers, 1400) == pytest.approx(1, abs=1e-6)


def test_today_does_not_lower_it_before_it_is_over() -> None:
    answers = done(range(20))
    assert scored(DAILY, answers, 21, over=20) == pytest.approx(LOOP_DAILY[-1], abs=1e-6)
    assert scored(DAILY, answers, 21) < LOOP_DAILY[-1]
    assert scored(DAILY, done(range(21)), 21, over=20) > LOOP_DAILY[-1]


def test_a_new_period_does_not_rewrite_the_past() -> None:
    weekly = done(range(0, 700, 7))
    before = scored(EveryNDays(7), weekly, 700)
    spans = [Span(START, EveryNDays(7), START), Span(START + timedelta(700), DAILY, START)]
    first_daily = scored(spans, {**weekly, 700: DONE}, 701)
    assert before > 0.99
    assert first_daily >= before
    assert scored(DAILY, weekly, 700) < 0.2


def test_while_it_is_archived_it_stays() -> None:
    spans = [Span(START, DAILY, START), Span(START + timedelta(20), None, START)]
    assert scored(spans, done(range(20)), 200) == pytest.approx(LOOP_DAILY[-1], abs=1e-6)


def test_part_of_the_target_is_a_part() -> None:
    half = Answer(DayStatus.PARTIAL, Decimal(1), Decimal(2))
    assert scored(DAILY, dict.fromkeys(range(400), half), 400) == pytest.approx(0.5, abs=1e-6)
