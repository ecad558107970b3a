"""One example of every public event, and in a sentence what has happened.

The examples tell one story: an account registers, makes a habit, links a chat, and is reminded.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time

from shared.contracts import events
from shared.contracts.events import (
    AccountStateV1,
    ChatLinkStateV1,
    DaySlotV1,
    EventBody,
    HabitDayStateV1,
    HabitStateV1,
    HabitStateV2,
    ReminderDueV1,
    ReminderFailedV1,
    ReminderMissedV1,
    ReminderSentV1,
)
from shared.recurrence.schedules import Weekdays

_ACCOUNT_ID = "0b9f5a52-6f0e-4c39-9d5b-8f1a7c1d2e3f"
_HABIT_ID = "7c2e9d14-3b5a-4f68-a1c0-5d4e3f2a1b0c"
_DAY_ID = f"{_HABIT_ID}/2026-12-01"
_REMINDER_ID = f"{_HABIT_ID}:2026-12-01"
_MORNING = datetime(2026, 12, 1, 4, 30, tzinfo=UTC)
_BEFORE = datetime(2026, 11, 30, 18, 4, 5, 123456, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class EventExample:
    """`published_by` is the service; `subject` is the id of what the event is about."""

    published_by: str
    meaning: str
    subject: str
    body: EventBody


_ACCOUNT = AccountStateV1(
    id=_ACCOUNT_ID,
    time_zone="Europe/Moscow",
    locale="en",
    is_active=True,
    created_at=_BEFORE,
    updated_at=_BEFORE,
    settings_since=_BEFORE,
    deleted=False,
    version=1,
)
_HABIT = HabitStateV1(
    id=_HABIT_ID,
    owner_id=_ACCOUNT_ID,
    action="Drink a glass of water",
    place="Kitchen",
    time=time(7, 30),
    duration_seconds=60,
    period_days=1,
    is_pleasant=False,
    reward="A square of chocolate",
    linked_habit_id=None,
    is_published=False,
    created_at=_BEFORE,
    updated_at=_BEFORE,
    timing_since=_BEFORE,
    deleted=False,
    version=1,
)
_HABIT_V2 = HabitStateV2(
    id=_HABIT_ID,
    owner_id=_ACCOUNT_ID,
    action="Drink a glass of water",
    place="Kitchen",
    time=time(7, 30),
    times=[time(7, 30), time(21)],
    period_days=None,
    schedule=Weekdays((1, 3, 5)),
    start_date=date(2026, 11, 30),
    end_date=None,
    paused_until=None,
    archived_at=None,
    duration_seconds=60,
    is_pleasant=False,
    reward="A square of chocolate",
    linked_habit_id=None,
    is_published=False,
    target_value=None,
    unit=None,
    follow_up_minutes=30,
    created_at=_BEFORE,
    updated_at=_BEFORE,
    timing_since=_BEFORE,
    deleted=False,
    version=1,
)
_DAY = HabitDayStateV1(
    habit_id=_HABIT_ID,
    owner_id=_ACCOUNT_ID,
    date=date(2026, 12, 1),
    status="done",
    value=None,
    target_value=None,
    unit=None,
    slots=[DaySlotV1(time=time(7, 30), done=True)],
    note="Before breakfast",
    channel="api",
    recorded_at=_MORNING,
    cleared=False,
    version=1,
)
_LINK = ChatLinkStateV1(
    account_id=_ACCOUNT_ID,
    chat_id="123456789",
    status="linked",
    linked_at=_BEFORE,
    updated_at=_BEFORE,
    linked_since=_BEFORE,
    version=1,
)


def _auth(meaning: str, body: AccountStateV1) -> EventExample:
    return EventExample("auth", meaning, _ACCOUNT_ID, body)


def _habits(meaning: str, body: HabitStateV1 | HabitStateV2) -> EventExample:
    return EventExample("habits", meaning, _HABIT_ID, body)


def _chat(meaning: str, body: ChatLinkStateV1) -> EventExample:
    return EventExample("notifier", meaning, body.id, body)


EVENT_EXAMPLES: dict[str, EventExample] = {
    events.ACCOUNT_REGISTERED: _auth("An account was registered.", _ACCOUNT),
    events.ACCOUNT_CHANGED: _auth(
        "An account changed: its time zone, language, quiet hours, beginning of the day,"
        " digest, or whether it is active.",
        replace(_ACCOUNT, time_zone="Asia/Tokyo", version=2),
    ),
    events.ACCOUNT_DELETED: _auth(
        "An account was erased; every service erases what belongs to it.",
        replace(_ACCOUNT, is_active=False, deleted=True, version=3),
    ),
    events.HABIT_CREATED: _habits("A habit was created.", _HABIT),
    events.HABIT_CHANGED: _habits(
        "A habit changed; the body is the whole habit as it is now.",
        replace(_HABIT, time=time(8), version=2),
    ),
    events.HABIT_DELETED: _habits(
        "A habit was deleted. When its owner was erased, the texts are empty.",
        replace(_HABIT, time=time(8), deleted=True, version=3),
    ),
    events.HABIT_CREATED_V2: _habits("A habit was created.", _HABIT_V2),
    events.HABIT_CHANGED_V2: _habits(
        "A habit changed, or was archived or brought back; the body is the whole habit as it is"
        " now.",
        replace(_HABIT_V2, paused_until=date(2026, 12, 24), version=2),
    ),
    events.HABIT_DELETED_V2: _habits(
        "A habit was deleted. When its owner was erased, the texts are empty.",
        replace(_HABIT_V2, paused_until=date(2026, 12, 24), deleted=True, version=3),
    ),
    events.HABIT_DAY_RECORDED: EventExample(
        "habits", "A day of a habit was answered for: done, skipped or partly done.", _DAY_ID, _DAY
    ),
    events.HABIT_DAY_CLEARED: EventExample(
        "habits",
        "Nothing is recorded of a day of a habit any more.",
        _DAY_ID,
        replace(_DAY, status=None, slots=[], note=None, cleared=True, version=2),
    ),
    events.TELEGRAM_LINKED: _chat("A chat agreed to get an account's reminders.", _LINK),
    events.TELEGRAM_UNLINKED: _chat(
        "An account's reminders go to no chat any more.",
        replace(
            _LINK, chat_id=None, status="unlinked", linked_at=None, linked_since=None, version=2
        ),
    ),
    events.TELEGRAM_BLOCKED: _chat(
        "The linked chat has blocked the bot.",
        replace(_LINK, status="blocked", linked_since=None, version=2),
    ),
    events.REMINDER_DUE: EventExample(
        "scheduler",
        "A reminder's time has come.",
        _REMINDER_ID,
        ReminderDueV1(
            id=_REMINDER_ID,
            habit_id=_HABIT_ID,
            account_id=_ACCOUNT_ID,
            local_date=date(2026, 12, 1),
            local_time=time(7, 30),
            time_zone="Europe/Moscow",
            due_at=_MORNING,
            not_after=_MORNING.replace(hour=5),
            action=_HABIT.action,
            place=_HABIT.place,
            reward=_HABIT.reward,
            linked_action=None,
            locale="en",
        ),
    ),
    events.REMINDER_MISSED: EventExample(
        "scheduler",
        "A reminder was found too late, after an outage; it is never sent.",
        _REMINDER_ID,
        ReminderMissedV1(
            id=_REMINDER_ID,
            habit_id=_HABIT_ID,
            account_id=_ACCOUNT_ID,
            local_date=date(2026, 12, 1),
            due_at=_MORNING,
            missed_at=_MORNING.replace(hour=9),
        ),
    ),
    events.REMINDER_SENT: EventExample(
        "notifier",
        "Telegram confirmed a reminder's message.",
        _REMINDER_ID,
        ReminderSentV1(
            id=_REMINDER_ID,
            habit_id=_HABIT_ID,
            account_id=_ACCOUNT_ID,
            local_date=date(2026, 12, 1),
            due_at=_MORNING,
            sent_at=_MORNING.replace(microsecond=412000),
            attempts=1,
        ),
    ),
    events.REMINDER_FAILED: EventExample(
        "notifier",
        "A reminder ended without a confirmed message: refused, unknown or expired.",
        _REMINDER_ID,
        ReminderFailedV1(
            id=_REMINDER_ID,
            habit_id=_HABIT_ID,
            account_id=_ACCOUNT_ID,
            local_date=date(2026, 12, 1),
            due_at=_MORNING,
            failed_at=_MORNING.replace(second=1),
            outcome="refused",
            reason="Forbidden: bot was blocked by the user",
        ),
    ),
}
