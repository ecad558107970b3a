"""When a reminder that is put off comes again."""

from datetime import UTC, datetime, time

import pytest

from services.notifier.answers.snoozes import asleep_until, choices_at
from shared.contracts.reminder_commands import SnoozeUntil

ALL = ("10m", "1h", "tonight")


@pytest.mark.parametrize(
    ("hour", "minute", "zone", "choices"),
    [
        (17, 29, "Europe/Berlin", ALL),  # it is summer: 19:29 there
        (17, 30, "Europe/Berlin", ALL[:2]),
        (23, 0, "Europe/Berlin", ALL),  # 01:00, and the whole day is left
        (10, 30, "Asia/Tokyo", ALL[:2]),
        (12, 0, "No/Where", ALL[:2]),
        (12, 0, None, ALL[:2]),
    ],
)
def test_tonight_is_hidden_once_it_is_half_past_seven_on_the_wall(
    hour: int, minute: int, zone: str | None, choices: tuple[SnoozeUntil, ...]
) -> None:
    assert choices_at(datetime(2026, 7, 1, hour, minute, tzinfo=UTC), zone) == choices


@pytest.mark.parametrize(
    ("until", "comes_at"), [("10m", time(0, 8)), ("1h", time(0, 58)), ("tonight", time(20))]
)
def test_it_sleeps_until_a_time_on_the_wall(until: SnoozeUntil, comes_at: time) -> None:
    at = datetime(2026, 7, 1, 21, 58, 59, tzinfo=UTC)
    assert asleep_until(until, at, "Europe/Berlin") == comes_at
