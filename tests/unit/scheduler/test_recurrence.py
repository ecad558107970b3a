"""Examples of the rule, written by hand from published clock changes."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.scheduler.announced import Announced
from services.scheduler.recurrence import Occurrence, Recurrence, next_occurrence
from shared.recurrence.local_dates import UnknownTimeZone, local_date_at
from shared.recurrence.schedules import EveryNDays, TimesPerWeek, Weekdays
from tests.unit.scheduler.local_minutes import following
from tests.unit.scheduler.states import timing


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def rule(zone: str, *times: str, since: str = "2020-01-01", **changes: Any) -> Recurrence:
    return Recurrence(zone, timing(*times, **changes), date.fromisoformat(since))


def first_slot_of(day: date) -> Announced:
    """All before it is over, too."""
    return Announced(day, 0xFF01)


# What happens on the local date, by the rule; the comment says what the clocks do there.
CLOCK_CHANGES = [
    # 02:00 EST -> 03:00 EDT
    ("America/New_York", "02:30", "2026-03-08", "2026-03-08T07:30"),
    # 02:00 EDT -> 01:00 EST: 01:30 comes twice
    ("America/New_York", "01:30", "2026-11-01", "2026-11-01T05:30"),
    # 01:00 GMT -> 02:00 BST
    ("Europe/London", "01:15", "2026-03-29", "2026-03-29T01:15"),
    # 02:00 BST -> 01:00 GMT
    ("Europe/London", "01:15", "2026-10-25", "2026-10-25T00:15"),
    # Half an hour: 02:00 -> 02:30
    ("Australia/Lord_Howe", "02:10", "2026-10-04", "2026-10-03T15:40"),
    # Half an hour back: 02:00 -> 01:30
    ("Australia/Lord_Howe", "01:45", "2026-04-05", "2026-04-04T14:45"),
    # Midnight does not exist: 00:00 -> 01:00
    ("Asia/Beirut", "00:00", "2026-03-29", "2026-03-28T22:00"),
    ("Africa/Cairo", "00:00", "2026-04-24", "2026-04-23T22:00"),
    # 23:59 comes twice: 00:00 -> 23:00 of the day before
    ("Africa/Cairo", "23:30", "2026-10-29", "2026-10-29T20:30"),
    # The furthest east there is: the date begins 14 hours before UTC's
    ("Pacific/Kiritimati", "00:00", "2026-05-01", "2026-04-30T10:00"),
    # The furthest west: it ends 11 hours after
    ("Pacific/Pago_Pago", "23:59", "2026-05-01", "2026-05-02T10:59"),
    # A quarter of an hour off the hour
    ("Asia/Kathmandu", "07:00", "2026-05-01", "2026-05-01T01:15"),
]


@pytest.mark.parametrize(
    ("zone", "at", "on", "due_at"),
    CLOCK_CHANGES,
    ids=[f"{zone} {at} on {on}" for zone, at, on, _ in CLOCK_CHANGES],
)
def test_a_skipped_time_shifts_by_the_gap_and_a_repeated_time_means_the_first(
    zone: str, at: str, on: str, due_at: str
) -> None:
    local_date = date.fromisoformat(on)
    the_day_before = date.fromordinal(local_date.toordinal() - 1)

    occurrence = next_occurrence(
        rule(zone, at), instant("2026-01-01T00:00"), first_slot_of(the_day_before)
    )

    assert occurrence == Occurrence(local_date, instant(due_at))


def test_a_repeated_time_is_due_once() -> None:
    recurrence = rule("America/New_York", "01:30")

    after_the_first = next_occurrence(recurrence, instant("2026-11-01T05:30"))

    assert after_the_first == Occurrence(date(2026, 11, 2), instant("2026-11-02T06:30"))


def test_a_date_that_a_zone_skipped_has_no_occurrence() -> None:
    recurrence = rule("Pacific/Apia", "07:00", since="2011-12-01")

    found = following(recurrence, instant("2011-12-29T00:00"), 3)

    dates = [each.local_date.day for each in found]
    assert dates == [29, 31, 1]


def test_it_is_due_on_the_day_of_creation_when_the_time_is_still_to_come() -> None:
    recurrence = rule("Europe/Berlin", "12:00", since="2026-06-10")

    occurrence = next_occurrence(recurrence, instant("2026-06-10T09:59:59.900000"))

    assert occurrence == Occurrence(date(2026, 6, 10), instant("2026-06-10T10:00"))


def test_an_occurrence_at_the_very_instant_is_over() -> None:
    recurrence = rule("UTC", "12:00")

    occurrence = next_occurrence(recurrence, instant("2026-06-10T12:00"))

    assert occurrence == Occurrence(date(2026, 6, 11), instant("2026-06-11T12:00"))


def test_it_never_falls_before_the_anchor() -> None:
    recurrence = rule("UTC", "12:00", schedule=EveryNDays(n=3), since="2026-06-10")

    occurrence = next_occurrence(recurrence, instant("2026-01-01T00:00"))

    assert occurrence == Occurrence(date(2026, 6, 10), instant("2026-06-10T12:00"))


def test_every_n_days_counts_local_dates_from_the_anchor() -> None:
    # Over the change of clocks, where N times 24 hours would be an hour off.
    recurrence = rule("Europe/Berlin", "08:00", schedule=EveryNDays(n=3), since="2026-03-24")

    taken = following(recurrence, instant("2026-03-25T00:00"), 3)

    assert taken == [
        Occurrence(date(2026, 3, 27), instant("2026-03-27T07:00")),
        Occurrence(date(2026, 3, 30), instant("2026-03-30T06:00")),
        Occurrence(date(2026, 4, 2), instant("2026-04-02T06:00")),
    ]


def test_a_traveller_is_not_reminded_twice_on_one_date() -> None:
    # Reminded in Tokyo on the 8th at 07:00, then moved to Los Angeles, where it is still the 7th.
    in_los_angeles = rule("America/Los_Angeles", "07:00")

    occurrence = next_occurrence(
        in_los_angeles, instant("2026-05-07T22:30"), first_slot_of(date(2026, 5, 8))
    )

    assert occurrence == Occurrence(date(2026, 5, 9), instant("2026-05-09T14:00"))


def test_seconds_of_the_local_time_count() -> None:
    occurrence = next_occurrence(rule("UTC", "07:30:15"), instant("2026-05-07T07:30:14"))

    assert occurrence == Occurrence(date(2026, 5, 7), instant("2026-05-07T07:30:15"))


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "America", "../zones", "/etc/passwd", "Europe/Berlin\0", "é"]
)
def test_a_name_that_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(UnknownTimeZone):
        local_date_at(instant("2026-05-07T12:00"), name)


def test_the_pinned_package_decides_not_the_machine() -> None:
    # Vancouver gave up winter time in 2026; an older system database still has it.
    assert next_occurrence(
        rule("America/Vancouver", "12:00"),
        instant("2026-12-01T00:00"),
        first_slot_of(date(2026, 11, 30)),
    ) == Occurrence(date(2026, 12, 1), instant("2026-12-01T19:00"))


@pytest.mark.parametrize(
    ("changes", "days"),
    [
        pytest.param({"schedule": Weekdays((1, 6))}, [6, 8, 13, 15], id="Saturdays and Mondays"),
        pytest.param({"schedule": TimesPerWeek(2)}, [5, 6, 7, 8], id="some times a week"),
        pytest.param({"paused_until": date(2026, 6, 9)}, [9, 10, 11, 12], id="a pause"),
        pytest.param(
            {"schedule": EveryNDays(n=2), "paused_until": date(2026, 6, 9)},
            [10, 12, 14, 16],
            id="a pause that counts on",
        ),
        pytest.param({"end_date": date(2026, 6, 6)}, [5, 6], id="an end"),
        pytest.param(
            {"end_date": date(2026, 6, 6), "paused_until": date(2026, 6, 9)}, [], id="no more"
        ),
    ],
)
def test_every_kind_means_its_dates(changes: dict[str, Any], days: list[int]) -> None:
    # 4 June 2026 is a Thursday; its time has passed.
    recurrence = rule("UTC", "12:00", since="2026-06-04", **changes)

    found = following(recurrence, instant("2026-06-04T13:00"), 4)

    assert [each.local_date.day for each in found] == days


def test_the_times_of_a_date_follow_one_another() -> None:
    found = following(rule("UTC", "08:00", "20:00"), instant("2026-06-04T09:00"), 3)

    assert [(each.local_date.day, each.slot) for each in found] == [(4, 1), (5, 0), (5, 1)]


def test_a_time_that_a_gap_shifts_comes_after_the_later_one() -> None:
    # 02:00 -> 03:00: 02:30 happens at 03:30, after 03:15 and together with 03:30.
    recurrence = rule("Europe/Berlin", "02:30", "03:15", "03:30")

    found = following(recurrence, instant("2026-03-28T23:00"), 4)

    assert [(f"{each.due_at:%d %H:%M}", each.slot) for each in found] == [
        ("29 01:15", 1),
        ("29 01:30", 0),
        ("29 01:30", 2),
        ("30 00:30", 0),
    ]


def test_the_last_of_a_date_may_come_after_the_first_of_the_next() -> None:
    # 23:00 -> 00:00 on 28 March: 23:30 happens at half past midnight.
    recurrence = rule("America/Nuuk", "00:15", "23:30")

    found = following(recurrence, instant("2026-03-28T12:00"), 3)

    assert [(each.local_date.day, each.slot) for each in found] == [(29, 0), (28, 1), (29, 1)]


def test_a_slot_that_is_announced_does_not_come_again_on_its_date_when_its_time_moves() -> None:
    morning_announced = Announced(date(2026, 6, 4), 1)

    found = next_occurrence(
        rule("UTC", "10:00", "20:00"), instant("2026-06-04T08:00"), morning_announced
    )

    assert found == Occurrence(date(2026, 6, 4), instant("2026-06-04T20:00"), 1)
