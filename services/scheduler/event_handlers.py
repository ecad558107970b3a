"""What the scheduler does about each event, in one transaction an event.

Handlers are idempotent and do not mind the order: the version guards of the projection refuse
what is not newer, and the schedule is computed from the latest states together. A version that
comes late still tells what was due before the newer ones. An account's tombstone refuses
everything that comes after the deletion.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from services.scheduler import past_states, projection
from services.scheduler.announcing import count_announced
from services.scheduler.heard_days import store_day
from services.scheduler.reminder_messages import ReminderMessage
from services.scheduler.rescheduling import HabitChange, reschedule
from services.scheduler.schedule import Owner
from services.scheduler.waiting_reminders import look_again
from shared.contracts import events
from shared.contracts.cloud_event import CloudEvent, UnreadableMessage
from shared.contracts.events import (
    AccountStateV1,
    ChatLinkStateV1,
    HabitDayStateV1,
    HabitStateV1,
    HabitStateV2,
)
from shared.database import transaction

Handler = Callable[[Connection, Any, timedelta], list[ReminderMessage]]


def handle(engine: Engine, event: CloudEvent, grace: timedelta) -> None:
    """Take one event into the schedule.

    Raises UnreadableMessage for a type nobody handles, and a timing nobody could follow.
    """
    handler = HANDLERS.get(event.type)
    if handler is None:
        raise UnreadableMessage(f"no handler for {event.type!r}")
    with transaction(engine) as connection:
        announced = handler(connection, event.body, grace)
    count_announced(announced)


def on_habit(
    connection: Connection, state: HabitStateV1 | HabitStateV2, grace: timedelta
) -> list[ReminderMessage]:
    owner = projection.lock_owner(connection, state.owner_id)
    if owner.deleted:
        return []
    before = projection.lock_habit(connection, state.id)
    try:
        after = projection.store_habit(connection, state) or before
    except ValueError as error:
        raise UnreadableMessage(str(error)) from error
    # An older state that comes late still tells what was due while it held.
    if after is None or not past_states.remember_timing(connection, state):
        return []
    return reschedule(connection, owner, [HabitChange(before, after)], grace)


def on_account(
    connection: Connection, state: AccountStateV1, grace: timedelta
) -> list[ReminderMessage]:
    before = projection.lock_owner(connection, state.id)
    if before.deleted:
        return []
    if state.deleted:
        projection.erase_account(connection, state)
        return []
    after = projection.store_settings(connection, state) or before
    if _quiet_hours(after) != _quiet_hours(before):
        look_again(connection, after.account_id)
    # An older state that comes late still tells in which zone a habit was created.
    if not past_states.remember_settings(connection, state):
        return []
    return _reschedule_all(connection, after, grace)


def on_chat_link(
    connection: Connection, state: ChatLinkStateV1, grace: timedelta
) -> list[ReminderMessage]:
    before = projection.lock_owner(connection, state.account_id)
    if before.deleted:
        return []
    after = projection.store_link(connection, state) or before
    if not past_states.remember_link(connection, state):
        return []
    return _reschedule_all(connection, after, grace)


def on_day(
    connection: Connection, state: HabitDayStateV1, _grace: timedelta
) -> list[ReminderMessage]:
    if not projection.lock_owner(connection, state.owner_id).deleted:
        store_day(connection, state)
    return []


HANDLERS: dict[str, Handler] = {
    events.HABIT_CREATED: on_habit,
    events.HABIT_CHANGED: on_habit,
    events.HABIT_DELETED: on_habit,
    events.HABIT_CREATED_V2: on_habit,
    events.HABIT_CHANGED_V2: on_habit,
    events.HABIT_DELETED_V2: on_habit,
    events.HABIT_DAY_RECORDED: on_day,
    events.HABIT_DAY_CLEARED: on_day,
    events.ACCOUNT_REGISTERED: on_account,
    events.ACCOUNT_CHANGED: on_account,
    events.ACCOUNT_DELETED: on_account,
    events.TELEGRAM_LINKED: on_chat_link,
    events.TELEGRAM_UNLINKED: on_chat_link,
    events.TELEGRAM_BLOCKED: on_chat_link,
}


def _quiet_hours(owner: Owner) -> tuple[object, ...]:
    return owner.quiet_from, owner.quiet_to, owner.time_zone


def _reschedule_all(
    connection: Connection, owner: Owner, grace: timedelta
) -> list[ReminderMessage]:
    habits = projection.lock_habits_of(connection, owner.account_id)
    return reschedule(connection, owner, [HabitChange(each, each) for each in habits], grace)
