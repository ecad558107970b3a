"""An account's date of today: the wall's, until the hour its day begins at the one before."""

from datetime import UTC, date, datetime

import pytest

from services.habits.account_clock import AccountClock, ZonePeriod

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day_starts_at", "now", "today"),
    [
        (0, "2026-05-01T22:00:00Z", date(2026, 5, 2)),
        (3, "2026-05-01T22:00:00Z", date(2026, 5, 1)),
        (3, "2026-05-02T00:59:59Z", date(2026, 5, 1)),
        (3, "2026-05-02T01:00:00Z", date(2026, 5, 2)),
        # At 02:00 the clocks of Berlin were set to 03:00.
        (2, "2026-03-29T00:59:59Z", date(2026, 3, 28)),
        (2, "2026-03-29T01:00:00Z", date(2026, 3, 29)),
    ],
)
def test_the_day_begins_when_the_account_says(day_starts_at: int, now: str, today: date) -> None:
    clock = AccountClock((ZonePeriod(LONG_AGO, "Europe/Berlin", day_starts_at),))

    assert clock.today(datetime.fromisoformat(now)) == today


def test_the_latest_choice_counts() -> None:
    moved = datetime(2026, 5, 1, tzinfo=UTC)
    clock = AccountClock((ZonePeriod(LONG_AGO, "UTC", 3), ZonePeriod(moved, "UTC", 0)))

    assert clock.today(datetime(2026, 5, 2, 1, tzinfo=UTC)) == date(2026, 5, 2)


def test_the_date_of_creation_is_the_walls() -> None:
    clock = AccountClock((ZonePeriod(LONG_AGO, "UTC", 6),))

    assert clock.date_of(datetime(2026, 5, 2, 1, tzinfo=UTC)) == date(2026, 5, 2)
