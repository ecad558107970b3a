from datetime import date, datetime, time, timedelta

from services.scheduler.overdue import Overdue, settle_overdue
from services.scheduler.recurrence import Occurrence, Recurrence
from tests.unit.scheduler.states import instant

GRACE = timedelta(hours=1)
DAILY_AT_SEVEN = Recurrence("UTC", time(7), 1, date(2026, 5, 1))


def at_seven(day: int) -> Occurrence:
    return Occurrence(date(2026, 5, day), instant(f"2026-05-{day:02}T07:00"))


def settle(now: datetime, *, grace: timedelta = GRACE, limit: int = 100) -> Overdue:
    return settle_overdue(DAILY_AT_SEVEN, at_seven(1), until=now, now=now, grace=grace, limit=limit)


def test_what_is_due_now_is_announced() -> None:
    assert settle(instant("2026-05-01T07:00")) == Overdue(at_seven(1), [], at_seven(2))


def test_late_by_exactly_the_grace_is_still_announced() -> None:
    assert settle(instant("2026-05-01T08:00")).due == at_seven(1)


def test_later_than_the_grace_is_missed() -> None:
    just_past = instant("2026-05-01T08:00") + timedelta(microseconds=1)

    assert settle(just_past) == Overdue(None, [at_seven(1)], at_seven(2))


def test_after_an_outage_only_the_newest_is_announced() -> None:
    back_again = instant("2026-05-04T07:30")

    assert settle(back_again) == Overdue(
        at_seven(4), [at_seven(1), at_seven(2), at_seven(3)], at_seven(5)
    )


def test_older_ones_are_missed_even_within_a_long_grace() -> None:
    overdue = settle(instant("2026-05-03T07:30"), grace=timedelta(days=30))

    assert (overdue.due, overdue.missed) == (at_seven(3), [at_seven(1), at_seven(2)])


def test_a_limit_leaves_the_newest_for_later_and_announces_none_of_the_older() -> None:
    overdue = settle(instant("2026-05-04T07:30"), grace=timedelta(days=30), limit=2)

    assert overdue == Overdue(None, [at_seven(1), at_seven(2)], at_seven(3))


def test_a_limit_that_is_just_enough_announces_the_newest() -> None:
    assert settle(instant("2026-05-02T07:30"), limit=2).due == at_seven(2)
