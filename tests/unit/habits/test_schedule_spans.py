"""Which schedule was in force when, and which dates there were, where the account's clock moved."""

from datetime import UTC, date, datetime, timedelta
from datetime import time as local_time
from uuid import UUID

from services.habits.account_clock import AccountClock, ZonePeriod
from services.habits.habit_details import HabitDetails
from services.habits.habit_events import HabitChanged, HabitCreated, HabitEvent
from services.habits.schedule_spans import Span, spans_in_force
from services.habits.statistics.judged_days import Verdict, judged_days
from services.habits.statistics.lived_dates import LivedDates
from shared.recurrence.schedules import EveryNDays

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DETAILS = HabitDetails(action="Tea", place="Kitchen", times=(local_time(8),), duration_seconds=60)
CREATED = HabitCreated(habit_id=UUID(int=1), owner_id=UUID(int=2), details=DETAILS, at=NOON)
EAST, WEST = "Pacific/Kiritimati", "Pacific/Honolulu"


def moving(*zones: tuple[datetime, str]) -> AccountClock:
    return AccountClock(tuple(ZonePeriod(since, zone) for since, zone in zones))


def changed(period_days: int, at: datetime) -> HabitChanged:
    return HabitChanged.of({"schedule": EveryNDays(period_days)}, at)


def test_a_change_holds_for_all_of_its_date() -> None:
    clock = moving((LONG_AGO, "UTC"))
    events: list[HabitEvent] = [CREATED, changed(2, NOON + HOUR), changed(3, NOON + 48 * HOUR)]
    assert spans_in_force(events, clock.date_of) == [
        Span(date(2026, 1, 10), EveryNDays(2), date(2026, 1, 10)),
        Span(date(2026, 1, 12), EveryNDays(3), date(2026, 1, 10)),
    ]


def test_after_a_move_west_the_later_change_holds_from_its_own_date() -> None:
    clock = moving((LONG_AGO, EAST), (NOON + 51 * HOUR, WEST))
    events: list[HabitEvent] = [CREATED, changed(2, NOON + 50 * HOUR), changed(3, NOON + 52 * HOUR)]
    assert spans_in_force(events, clock.date_of) == [
        Span(date(2026, 1, 11), EveryNDays(1), date(2026, 1, 11)),
        Span(date(2026, 1, 12), EveryNDays(3), date(2026, 1, 11)),
    ]


def test_a_move_west_does_not_move_the_first_date() -> None:
    clock = moving((LONG_AGO, EAST), (NOON + HOUR, WEST))
    [span] = spans_in_force([CREATED, changed(2, NOON + 2 * HOUR)], clock.date_of)
    assert span == Span(date(2026, 1, 11), EveryNDays(2), date(2026, 1, 11))


def test_a_date_that_a_flight_leaves_out_is_not_missed() -> None:
    # At 10:30 UTC it is the 9th on Niue and the 11th, already, on Kiritimati.
    clock = moving((LONG_AGO, "Pacific/Niue"), (NOON - timedelta(hours=1, minutes=30), EAST))
    lived = LivedDates(clock)
    dates = [date(2026, 1, day) for day in range(8, 13)]
    assert [each in lived for each in dates] == [True, True, False, True, True]
    days = judged_days(
        [Span(dates[0], EveryNDays(1), dates[0])],
        {},
        as_of=dates[-1],
        today=dates[-1],
        was_there=lived.__contains__,
    )
    assert [day.verdict for day in days] == [
        *(Verdict.MISSED, Verdict.MISSED, Verdict.FREE, Verdict.MISSED, Verdict.PENDING)
    ]


def test_a_date_that_is_lived_twice_was_there() -> None:
    clock = moving((LONG_AGO, EAST), (NOON, WEST), (NOON + 100 * HOUR, EAST))
    assert all(date(2026, 1, day) in LivedDates(clock) for day in range(8, 20))


def test_a_date_that_a_zone_left_out_was_not_there() -> None:
    lived = LivedDates(moving((LONG_AGO, "Pacific/Apia")))
    assert [date(2011, 12, day) in lived for day in (29, 30, 31)] == [True, False, True]


def test_while_the_zone_is_not_known_there_is_every_date() -> None:
    assert date(2011, 12, 30) in LivedDates(AccountClock())


def test_a_zone_of_newer_data_is_taken_for_utc() -> None:
    clock = moving((LONG_AGO, "Mars/Olympus_Mons"))
    assert date(2011, 12, 30) in LivedDates(clock)
    [span] = spans_in_force([CREATED], clock.date_of)
    assert span.since == date(2026, 1, 10)
