"""Every public event, by its type and version.

A body carries the full state of its aggregate and the aggregate's `version`, so that a consumer
needs one conditional upsert (`WHERE version < excluded.version`) and neither a duplicate nor a
reordering does harm. Consumers ignore fields they do not know. A published type never changes its
meaning: a new meaning is a new type.

A `..._since` tells since when something of the state holds, because whoever sees the latest state
alone cannot know it. It is always written; in a message from before it was, it is missing, and
`updated_at` is the latest it can be.
"""

from dataclasses import dataclass
from datetime import date, time
from datetime import time as local_time
from typing import Literal

from pydantic import AwareDatetime

from shared.recurrence.schedules import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class HabitStateV1:
    """A habit after the event. A deleted one keeps its last state; an erased one has no texts.

    `timing_since`: since when `time`, `period_days`, `is_pleasant` and `deleted` are what they are.
    """

    id: str
    owner_id: str
    action: str
    place: str
    time: time
    duration_seconds: int
    period_days: int
    is_pleasant: bool
    reward: str | None
    linked_habit_id: str | None
    is_published: bool
    created_at: AwareDatetime
    updated_at: AwareDatetime
    timing_since: AwareDatetime | None = None
    deleted: bool
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HabitStateV2:
    """A habit after the event. A deleted one keeps its last state; an erased one has no texts.

    `time` is the first of `times`; `period_days` is null unless the habit is due every n days.
    Dates are the owner's. `start_date` is the date that every n days are counted from; while it is
    null, it is the date of `created_at` where the owner then was. `paused_until` is the first date
    that counts again. An archived habit is not reminded of, and is not deleted. `timing_since`:
    since when `times`, `schedule`, the dates, `follow_up_minutes`, `is_pleasant`, `archived_at` and
    `deleted` are what they are.
    """

    id: str
    owner_id: str
    action: str
    place: str
    time: time
    times: list[local_time]
    period_days: int | None
    schedule: Schedule
    start_date: date | None
    end_date: date | None
    paused_until: date | None
    archived_at: AwareDatetime | None
    duration_seconds: int
    is_pleasant: bool
    reward: str | None
    linked_habit_id: str | None
    is_published: bool
    target_value: int | float | None
    unit: str | None
    follow_up_minutes: int | None
    created_at: AwareDatetime
    updated_at: AwareDatetime
    timing_since: AwareDatetime
    deleted: bool
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySlotV1:
    """One of a habit's times on a day."""

    time: time
    done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HabitDayStateV1:
    """A habit's local date after the event, an aggregate of its own: subject `<habit>/<date>`.

    `cleared`: nothing is recorded any more; there is no status, and of an erased account no note.
    Target, unit and times are those the habit had when it was recorded.
    """

    habit_id: str
    owner_id: str
    date: date
    status: Literal["done", "skipped", "partial"] | None
    value: int | float | None
    target_value: int | float | None
    unit: str | None
    slots: list[DaySlotV1]
    note: str | None
    channel: Literal["api", "telegram", "import"]
    recorded_at: AwareDatetime
    cleared: bool
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStateV1:
    """An account after the event, without its e-mail: personal data stays in auth.

    `settings_since`: since when `time_zone` and `is_active` are what they are. From `quiet_from` to
    `quiet_to`, local times and both or neither, reminders wait; they are due when they were. So
    these two do not move `settings_since`, and nor does `day_starts_at`: the hours after midnight
    at which the account's day begins, which decide what its date of today is.
    """

    id: str
    time_zone: str
    locale: str
    is_active: bool
    created_at: AwareDatetime
    updated_at: AwareDatetime
    settings_since: AwareDatetime | None = None
    quiet_from: time | None = None
    quiet_to: time | None = None
    day_starts_at: int = 0
    weekly_digest: bool = False
    deleted: bool
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatLinkStateV1:
    """The link between an account and the Telegram chat that agreed to get its reminders.

    It is an aggregate of its own beside the account: its `id`, and so the subject of its events, is
    `chat-link/<account_id>`. `linked_at`: when the chat agreed. `linked_since`: since when some
    chat of the account gets reminders without a break, null unless `linked`; a chat that unblocks
    the bot begins anew.
    """

    id: str = ""
    account_id: str
    chat_id: str | None
    status: Literal["linked", "unlinked", "blocked"]
    linked_at: AwareDatetime | None
    updated_at: AwareDatetime
    linked_since: AwareDatetime | None = None
    version: int

    def __post_init__(self) -> None:
        """Give it its id: messages from before there was one do not have it."""
        object.__setattr__(self, "id", f"chat-link/{self.account_id}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderDueV1:
    """A reminder whose time has come. Must not be sent after `not_after`.

    `slot` counts the habit's times of a day from 0; `local_time` is that time on the wall, however
    much later the reminder comes. `kind`: `first` is the one of that time, `follow_up` comes when
    nothing has been answered since, `snoozed` because somebody asked for it.
    `target_value` and `unit` are the habit's.
    """

    id: str
    habit_id: str
    account_id: str
    local_date: date
    local_time: time
    time_zone: str
    due_at: AwareDatetime
    not_after: AwareDatetime
    action: str
    place: str
    reward: str | None
    linked_action: str | None
    locale: str
    slot: int = 0
    kind: Literal["first", "follow_up", "snoozed"] = "first"
    target_value: int | float | None = None
    unit: str | None = None
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderMissedV1:
    """A reminder that was found later than the grace allows; it is never sent."""

    id: str
    habit_id: str
    account_id: str
    local_date: date
    due_at: AwareDatetime
    missed_at: AwareDatetime
    slot: int = 0
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderSentV1:
    """Telegram confirmed the reminder's message."""

    id: str
    habit_id: str
    account_id: str
    local_date: date
    due_at: AwareDatetime
    sent_at: AwareDatetime
    attempts: int
    version: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderFailedV1:
    """A reminder that ended without a confirmed message.

    `refused`: Telegram said no for good, or no chat is linked. `unknown`: the connection broke
    after the request had left, so the message may or may not have arrived; it is not sent again.
    `expired`: `not_after` passed first.
    """

    id: str
    habit_id: str
    account_id: str
    local_date: date
    due_at: AwareDatetime
    failed_at: AwareDatetime
    outcome: Literal["refused", "unknown", "expired"]
    reason: str
    version: int = 2


EventBody = (
    HabitStateV1
    | HabitStateV2
    | HabitDayStateV1
    | AccountStateV1
    | ChatLinkStateV1
    | ReminderDueV1
    | ReminderMissedV1
    | ReminderSentV1
    | ReminderFailedV1
)

HABIT_CREATED = "habit.created.v1"
HABIT_CHANGED = "habit.changed.v1"
HABIT_DELETED = "habit.deleted.v1"
HABIT_CREATED_V2 = "habit.created.v2"
HABIT_CHANGED_V2 = "habit.changed.v2"
HABIT_DELETED_V2 = "habit.deleted.v2"
HABIT_DAY_RECORDED = "habit.day_recorded.v1"
HABIT_DAY_CLEARED = "habit.day_cleared.v1"
ACCOUNT_REGISTERED = "account.registered.v1"
ACCOUNT_CHANGED = "account.changed.v1"
ACCOUNT_DELETED = "account.deleted.v1"
TELEGRAM_LINKED = "telegram.linked.v1"
TELEGRAM_UNLINKED = "telegram.unlinked.v1"
TELEGRAM_BLOCKED = "telegram.blocked.v1"
REMINDER_DUE = "reminder.due.v1"
REMINDER_SENT = "reminder.sent.v1"
REMINDER_FAILED = "reminder.failed.v1"
REMINDER_MISSED = "reminder.missed.v1"

EVENT_TYPES: dict[str, type[EventBody]] = {
    HABIT_CREATED: HabitStateV1,
    HABIT_CHANGED: HabitStateV1,
    HABIT_DELETED: HabitStateV1,
    HABIT_CREATED_V2: HabitStateV2,
    HABIT_CHANGED_V2: HabitStateV2,
    HABIT_DELETED_V2: HabitStateV2,
    HABIT_DAY_RECORDED: HabitDayStateV1,
    HABIT_DAY_CLEARED: HabitDayStateV1,
    ACCOUNT_REGISTERED: AccountStateV1,
    ACCOUNT_CHANGED: AccountStateV1,
    ACCOUNT_DELETED: AccountStateV1,
    TELEGRAM_LINKED: ChatLinkStateV1,
    TELEGRAM_UNLINKED: ChatLinkStateV1,
    TELEGRAM_BLOCKED: ChatLinkStateV1,
    REMINDER_DUE: ReminderDueV1,
    REMINDER_SENT: ReminderSentV1,
    REMINDER_FAILED: ReminderFailedV1,
    REMINDER_MISSED: ReminderMissedV1,
}
