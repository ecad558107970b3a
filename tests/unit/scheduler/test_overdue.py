from datetime import date, datetime, timedelta

from services.scheduler.announced import Announced
from services.scheduler.overdue import Overdue, settle_overdue
from services.scheduler.recurrence import Occurrence, Recurrence
from services.scheduler.timing import Timing
from tests.unit.scheduler.states import instant, timing

GRACE = timedelta(hours=1)
MORNING_AND_NOON = timing("07:00", "07:30", "12:00")


def at_seven(day: int) -> Occurrence:
    return Occurrence(date(2026, 5, day), instant(f"2026-05-{day:02}T07:00"))


def settle(
    now: datetime,
    *,
    grace: timedelta = GRACE,
    limit: int = 100,
    followed: Timing = timing("07:00"),  # noqa: B008 - a value
) -> Overdue:
    recurrence = Recurrence("UTC", followed, date(2026, 5, 1))
    return settle_overdue(
        recurrence, at_seven(1), None, until=now, now=now, grace=grace, limit=limit
    )


def test_what_is_due_now_is_announced() -> None:
    assert settle(instant("2026-05-01T07:00")) == Overdue(
        [at_seven(1)], [], at_seven(2), Announced(date(2026, 5, 1), 1)
    )


def test_late_by_exactly_the_grace_is_still_announced() -> None:
    assert settle(instant("2026-05-01T08:00")).due == [at_seven(1)]


def test_later_than_the_grace_is_missed() -> None:
    overdue = settle(instant("2026-05-01T08:00") + timedelta(microseconds=1))

    assert (overdue.due, overdue.missed, overdue.following) == ([], [at_seven(1)], at_seven(2))


def test_after_an_outage_only_the_newest_is_announced() -> None:
    overdue = settle(instant("2026-05-04T07:30"))

    assert overdue.due == [at_seven(4)]
    assert overdue.missed == [at_seven(1), at_seven(2), at_seven(3)]
    assert overdue.following == at_seven(5)


def test_older_ones_are_missed_even_within_a_long_grace() -> None:
    overdue = settle(instant("2026-05-03T07:30"), grace=timedelta(days=30))

    assert (overdue.due, overdue.missed) == ([at_seven(3)], [at_seven(1), at_seven(2)])


def test_each_time_of_the_day_has_a_newest_of_its_own() -> None:
    overdue = settle(instant("2026-05-02T08:15"), followed=MORNING_AND_NOON)

    shown = [(each.local_date.day, each.slot) for each in overdue.missed]
    assert shown == [(1, 0), (1, 1), (1, 2), (2, 0)]
    assert [(each.local_date.day, each.slot) for each in overdue.due] == [(2, 1)]
    assert overdue.following == Occurrence(date(2026, 5, 2), instant("2026-05-02T12:00"), 2)


def test_what_ends_has_nothing_that_follows() -> None:
    overdue = settle(instant("2026-05-09T07:30"), followed=timing(end_date=date(2026, 5, 2)))

    assert (overdue.missed, overdue.following) == ([at_seven(1), at_seven(2)], None)


def test_a_limit_leaves_the_newest_for_later_and_announces_none_of_the_older() -> None:
    overdue = settle(instant("2026-05-04T07:30"), grace=timedelta(days=30), limit=2)

    assert overdue == Overdue([], [at_seven(1)], at_seven(2), Announced(date(2026, 5, 1), 1))


def test_however_small_the_parts_each_is_settled_as_in_one() -> None:
    now, grace = instant("2026-05-05T08:15"), timedelta(hours=24)
    recurrence = Recurrence("UTC", MORNING_AND_NOON, date(2026, 5, 1))
    whole = settle(now, grace=grace, followed=MORNING_AND_NOON)

    first: Occurrence | None = at_seven(1)
    announced: Announced | None = None
    missed: list[Occurrence] = []
    due: list[Occurrence] = []
    while first is not None and first.due_at <= now:
        part = settle_overdue(
            recurrence, first, announced, until=now, now=now, grace=grace, limit=4
        )
        missed += part.missed
        due += part.due
        first, announced = part.following, part.announced

    assert (sorted(missed, key=_due_at), due) == (sorted(whole.missed, key=_due_at), whole.due)
    assert announced == whole.announced


def _due_at(occurrence: Occurrence) -> datetime:
    return occurrence.due_at


def test_a_limit_that_is_just_enough_announces_the_newest() -> None:
    assert settle(instant("2026-05-02T07:30"), limit=2).due == [at_seven(2)]
