"""What the scheduler does about each event, in one transaction an event.

Handlers are idempotent and do not mind the order: the version guards of the projection refuse
what is not newer, and the schedule is computed from the latest states together. An account's
tombstone refuses everything that comes after the deletion.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from services.scheduler import projection
from services.scheduler.announcing import count_announced
from services.scheduler.reminder_messages import ReminderMessage
from services.scheduler.rescheduling import HabitChange, OwnerChange, reschedule
from services.scheduler.schedule import Habit, Owner
from shared.contracts import events
from shared.contracts.cloud_event import CloudEvent, UnreadableMessage
from shared.contracts.events import AccountStateV1, ChatLinkStateV1, HabitStateV1
from shared.database import transaction

Handler = Callable[[Connection, Any, timedelta], list[ReminderMessage]]


def handle(engine: Engine, event: CloudEvent, grace: timedelta) -> None:
    """Take one event into the schedule. Raises UnreadableMessage for a type nobody handles."""
    handler = HANDLERS.get(event.type)
    if handler is None:
        raise UnreadableMessage(f"no handler for {event.type!r}")
    with transaction(engine) as connection:
        announced = handler(connection, event.body, grace)
    count_announced(announced)


def on_habit(
    connection: Connection, state: HabitStateV1, grace: timedelta
) -> list[ReminderMessage]:
    owner = projection.lock_owner(connection, state.owner_id)
    if owner.deleted:
        return []
    before = projection.lock_habit(connection, state.id)
    after = projection.store_habit(connection, state, _timing_since(before, state))
    if after is None:
        return []
    change = OwnerChange(before=owner, after=owner, changed_at=state.updated_at)
    return reschedule(connection, change, [HabitChange(before, after)], grace)


def on_account(
    connection: Connection, state: AccountStateV1, grace: timedelta
) -> list[ReminderMessage]:
    before = projection.lock_owner(connection, state.id)
    if before.deleted:
        return []
    if state.deleted:
        projection.erase_account(connection, state)
        return []
    is_unheard_of = projection.remember_time_zone(connection, state)
    after = projection.store_settings(connection, state, _settings_since(before, state))
    if after is None and not is_unheard_of:
        return []
    # An older state that comes late still tells in which zone a habit was created.
    return _reschedule_all(connection, before, after or before, state.updated_at, grace)


def on_chat_link(
    connection: Connection, state: ChatLinkStateV1, grace: timedelta
) -> list[ReminderMessage]:
    before = projection.lock_owner(connection, state.account_id)
    after = projection.store_link(connection, state, _linked_since(before, state))
    if after is None:
        return []
    return _reschedule_all(connection, before, after, state.updated_at, grace)


HANDLERS: dict[str, Handler] = {
    events.HABIT_CREATED: on_habit,
    events.HABIT_CHANGED: on_habit,
    events.HABIT_DELETED: on_habit,
    events.ACCOUNT_REGISTERED: on_account,
    events.ACCOUNT_CHANGED: on_account,
    events.ACCOUNT_DELETED: on_account,
    events.TELEGRAM_LINKED: on_chat_link,
    events.TELEGRAM_UNLINKED: on_chat_link,
    events.TELEGRAM_BLOCKED: on_chat_link,
}


def _reschedule_all(
    connection: Connection, before: Owner, after: Owner, changed_at: datetime, grace: timedelta
) -> list[ReminderMessage]:
    change = OwnerChange(before=before, after=after, changed_at=changed_at)
    habits = projection.lock_habits_of(connection, after.account_id)
    return reschedule(connection, change, [HabitChange(each, each) for each in habits], grace)


def _timing_since(before: Habit | None, state: HabitStateV1) -> datetime:
    if before is None:
        return state.updated_at
    was = (before.local_time, before.period_days, before.is_pleasant, before.deleted)
    becomes = (state.time, state.period_days, state.is_pleasant, state.deleted)
    return before.timing_since if was == becomes else state.updated_at


def _settings_since(before: Owner, state: AccountStateV1) -> datetime:
    is_same = (before.time_zone, before.is_active) == (state.time_zone, state.is_active)
    return before.settings_since if is_same and before.settings_since else state.updated_at


def _linked_since(before: Owner, state: ChatLinkStateV1) -> datetime | None:
    if state.status != "linked":
        return None
    return before.linked_since or state.updated_at
