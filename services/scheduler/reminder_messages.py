"""From a habit and an occurrence to the public message about it. Pure.

A reminder's id is `<habit id>:<local date>`, and `:<slot>` for all but the first of a date: whoever
sees it twice sees the same reminder. One that comes again has a mark behind that, `:f1` for a
follow-up, `:s1` to `:s3` for a snooze. Its texts are those of the moment it is announced.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta
from itertools import groupby, islice
from operator import attrgetter
from typing import Literal

from services.scheduler.overdue import Overdue
from services.scheduler.quiet_hours import comes_at
from services.scheduler.recurrence import Occurrence
from services.scheduler.schedule import Habit, Owner
from shared.contracts.events import ReminderDueV1, ReminderMissedV1
from shared.contracts.reminder_group import RemindersDueTogetherV1

ReminderMessage = ReminderDueV1 | ReminderMissedV1

# Some 200 KB: what is told of one account at once stays a small message for the broker.
MOST_TOGETHER = 250

# What is behind the id of a reminder that comes again; a snooze has its number behind it.
FOLLOW_UP = "f1"
SNOOZE = "s"


def messages_about(
    habit: Habit,
    owner: Owner,
    overdue: Overdue,
    *,
    linked_action: str | None,
    now: datetime,
    grace: timedelta,
) -> list[ReminderMessage]:
    """Return what there is to say about a habit's overdue occurrences, oldest first."""
    messages: list[ReminderMessage] = [
        missed_message(habit, occurrence, missed_at=now) for occurrence in overdue.missed
    ]
    messages += (
        due_message(habit, owner, each, linked_action, grace, now=now) for each in overdue.due
    )
    return messages


def due_message(
    habit: Habit,
    owner: Owner,
    occurrence: Occurrence,
    linked_action: str | None,
    grace: timedelta,
    *,
    now: datetime,
    again: str = "",
    local_time: time | None = None,
) -> ReminderDueV1:
    """Return the message that a reminder is to be sent, until the grace has passed.

    In quiet hours it is due at their end. Raises UnknownTimeZone.
    """
    if owner.time_zone is None or owner.locale is None:
        raise ValueError(f"account {owner.account_id} has no settings yet")
    due_at = comes_at(owner, occurrence.due_at, now)
    return ReminderDueV1(
        id=_reminder_id(habit, occurrence, again),
        habit_id=habit.habit_id,
        account_id=habit.account_id,
        local_date=occurrence.local_date,
        local_time=local_time or habit.timing.times[occurrence.slot],
        time_zone=owner.time_zone,
        due_at=due_at,
        not_after=due_at + grace,
        action=habit.action,
        place=habit.place,
        reward=habit.reward,
        linked_action=linked_action,
        locale=owner.locale,
        slot=occurrence.slot,
        kind=_kind(again),
        target_value=habit.target_value,
        unit=habit.unit,
    )


def again_of(message: ReminderMessage) -> str:
    """Return the mark of a reminder that comes again, empty for the first of a date and slot."""
    if isinstance(message, ReminderMissedV1) or message.kind == "first":
        return ""
    return message.id.rpartition(":")[2]


def missed_message(
    habit: Habit, occurrence: Occurrence, *, missed_at: datetime
) -> ReminderMissedV1:
    """Return the message that a reminder will never be sent."""
    return ReminderMissedV1(
        id=_reminder_id(habit, occurrence),
        habit_id=habit.habit_id,
        account_id=habit.account_id,
        local_date=occurrence.local_date,
        due_at=occurrence.due_at,
        missed_at=missed_at,
        slot=occurrence.slot,
    )


def due_together(reminders: Iterable[ReminderDueV1]) -> Iterator[RemindersDueTogetherV1]:
    """Yield the reminders in groups of one account and one instant, `MOST_TOGETHER` at most."""
    key = attrgetter("account_id", "due_at", "not_after", "locale")
    for (account_id, due_at, not_after, locale), together in groupby(
        sorted(reminders, key=key), key=key
    ):
        while chunk := tuple(islice(together, MOST_TOGETHER)):
            yield RemindersDueTogetherV1(
                account_id=account_id,
                due_at=due_at,
                not_after=not_after,
                locale=locale,
                reminders=chunk,
            )


def _reminder_id(habit: Habit, occurrence: Occurrence, again: str = "") -> str:
    parts = [habit.habit_id, occurrence.local_date.isoformat()]
    if occurrence.slot:
        parts.append(str(occurrence.slot))
    if again:
        parts.append(again)
    return ":".join(parts)


def _kind(again: str) -> Literal["first", "follow_up", "snoozed"]:
    if not again:
        return "first"
    return "follow_up" if again == FOLLOW_UP else "snoozed"
