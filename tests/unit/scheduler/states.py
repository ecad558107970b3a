"""Short ways to say what a test is about; everything else is as usual."""

from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any

from services.scheduler.schedule import Habit, Owner
from services.scheduler.timing import Timing, every_n_days
from shared.contracts.events import (
    AccountStateV1,
    ChatLinkStateV1,
    HabitStateV1,
    HabitStateV2,
)
from shared.recurrence.schedules import EveryNDays


def instant(text: str) -> datetime:
    """Read `2026-05-01T07:00` as an instant of UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


LONG_AGO = instant("2026-01-01T00:00")


def habit_state(**changes: Any) -> HabitStateV1:
    """A useful daily habit at 07:00, created on 1 May 2026 at 06:00 UTC."""
    usual = HabitStateV1(
        id="habit-1",
        owner_id="account-1",
        action="Drink a glass of water",
        place="Kitchen",
        time=time(7),
        duration_seconds=60,
        period_days=1,
        is_pleasant=False,
        reward="A cookie",
        linked_habit_id=None,
        is_published=False,
        created_at=instant("2026-05-01T06:00"),
        updated_at=instant("2026-05-01T06:00"),
        deleted=False,
        version=1,
    )
    return replace(usual, **changes)


def habit_state_v2(**changes: Any) -> HabitStateV2:
    """The same habit, as the second version of its events tells it."""
    usual = HabitStateV2(
        id="habit-1",
        owner_id="account-1",
        action="Drink a glass of water",
        place="Kitchen",
        time=time(7),
        times=[time(7)],
        period_days=1,
        schedule=EveryNDays(n=1),
        start_date=None,
        end_date=None,
        paused_until=None,
        archived_at=None,
        duration_seconds=60,
        is_pleasant=False,
        reward="A cookie",
        linked_habit_id=None,
        is_published=False,
        target_value=None,
        unit=None,
        follow_up_minutes=None,
        created_at=instant("2026-05-01T06:00"),
        updated_at=instant("2026-05-01T06:00"),
        timing_since=instant("2026-05-01T06:00"),
        deleted=False,
        version=1,
    )
    return replace(usual, **changes)


def timing(*times: str, **changes: Any) -> Timing:
    """Every day at these times, 07:00 without any."""
    shown = tuple(time.fromisoformat(text) for text in times) or (time(7),)
    return replace(Timing(shown, EveryNDays(n=1)), **changes)


def account_state(**changes: Any) -> AccountStateV1:
    """An active account in UTC that speaks English."""
    usual = AccountStateV1(
        id="account-1",
        time_zone="UTC",
        locale="en",
        is_active=True,
        created_at=LONG_AGO,
        updated_at=LONG_AGO,
        deleted=False,
        version=1,
    )
    return replace(usual, **changes)


def link_state(**changes: Any) -> ChatLinkStateV1:
    """The account's chat, linked."""
    usual = ChatLinkStateV1(
        account_id="account-1",
        chat_id="1001",
        status="linked",
        linked_at=LONG_AGO,
        updated_at=LONG_AGO,
        version=1,
    )
    return replace(usual, **changes)


def owner(**changes: Any) -> Owner:
    """The row of an active account with a linked chat."""
    usual = Owner(
        account_id="account-1",
        version=1,
        deleted=False,
        time_zone="UTC",
        locale="en",
        is_active=True,
        settings_since=LONG_AGO,
        link_version=1,
        is_linked=True,
        linked_since=LONG_AGO,
    )
    return replace(usual, **changes)


def habit(**changes: Any) -> Habit:
    """The row of a useful daily habit at 07:00 that is not on the schedule yet."""
    usual = Habit(
        habit_id="habit-1",
        account_id="account-1",
        version=1,
        deleted=False,
        action="Drink a glass of water",
        place="Kitchen",
        reward="A cookie",
        linked_habit_id=None,
        is_pleasant=False,
        is_archived=False,
        target_value=None,
        unit=None,
        follow_up_minutes=None,
        timing=every_n_days(time(7), 1),
        created_at=instant("2026-05-01T06:00"),
        timing_since=instant("2026-05-01T06:00"),
        anchor_date=None,
        upcoming=None,
        announced=None,
        tzdata_version=None,
        parked_reason=None,
    )
    return replace(usual, **changes)
