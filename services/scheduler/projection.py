"""The scheduler's own picture of accounts, chat links and habits, in SQL.

Every `store_…` is one conditional upsert guarded by the aggregate's version: a duplicate or an
older event changes nothing, in whatever order they come. Whoever changes a schedule holds the
account's row lock first (`lock_owner`), then the habits', so two changes of one account run one
after the other and wait for a tick that has claimed it, never the other way round.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, and_, delete, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from services.scheduler.habit_rows import habit_of, state_columns
from services.scheduler.schedule import Habit, Owner
from services.scheduler.schedule_entries import OFF_THE_SCHEDULE
from services.scheduler.tables import (
    ACCOUNT_LINKS,
    ACCOUNT_TIME_ZONES,
    ACCOUNTS,
    HABITS,
    HANDLED_COMMANDS,
    HEARD_DAYS,
)
from shared.contracts.events import AccountStateV1, ChatLinkStateV1, HabitStateV1, HabitStateV2


def lock_owner(connection: Connection, account_id: str) -> Owner:
    """Lock an account's row, creating a placeholder for one not heard of, and return it."""
    connection.execute(insert(ACCOUNTS).values(account_id=account_id).on_conflict_do_nothing())
    query = select(ACCOUNTS).where(ACCOUNTS.c.account_id == account_id).with_for_update()
    return Owner(**connection.execute(query).mappings().one())


def lock_habit(connection: Connection, habit_id: str) -> Habit | None:
    """Lock and return a habit's row, after any tick that has claimed it."""
    query = select(HABITS).where(HABITS.c.habit_id == habit_id).with_for_update()
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else habit_of(row)


def lock_habits_of(connection: Connection, account_id: str) -> list[Habit]:
    """Lock and return an account's habits, tombstones left out, in the order of their ids."""
    query = (
        select(HABITS)
        .where(HABITS.c.account_id == account_id, ~HABITS.c.deleted)
        .order_by(HABITS.c.habit_id)
        .with_for_update()
    )
    return [habit_of(row) for row in connection.execute(query).mappings()]


def store_habit(connection: Connection, state: HabitStateV1 | HabitStateV2) -> Habit | None:
    """Store a newer state of a habit and return it; None when it is not newer.

    The habit is off the schedule until its entry is written. Raises ValueError for a timing that
    nobody could follow.
    """
    columns = {**state_columns(state), **OFF_THE_SCHEDULE}
    upsert = insert(HABITS).values(columns)
    newer = upsert.on_conflict_do_update(
        index_elements=[HABITS.c.habit_id],
        set_=columns,
        where=HABITS.c.version < upsert.excluded.version,
    ).returning(HABITS)
    row = connection.execute(newer).mappings().one_or_none()
    return None if row is None else habit_of(row)


def store_settings(connection: Connection, state: AccountStateV1) -> Owner | None:
    """Store a newer state of an account and return it; None when it is not newer."""
    columns = {
        "account_id": state.id,
        "version": state.version,
        "time_zone": state.time_zone,
        "locale": state.locale,
        "is_active": state.is_active,
        "settings_since": state.settings_since or state.updated_at,
        "quiet_from": state.quiet_from,
        "quiet_to": state.quiet_to,
    }
    return _store_owner(connection, columns, "version")


def store_link(connection: Connection, state: ChatLinkStateV1) -> Owner | None:
    """Store a newer state of an account's chat link and return the account; None when not newer."""
    is_linked = state.status == "linked"
    columns = {
        "account_id": state.account_id,
        "link_version": state.version,
        "is_linked": is_linked,
        "linked_since": (state.linked_since or state.updated_at) if is_linked else None,
    }
    return _store_owner(connection, columns, "link_version")


def _store_owner(
    connection: Connection, columns: dict[str, Any], version_column: str
) -> Owner | None:
    upsert = insert(ACCOUNTS).values(columns)
    newer = upsert.on_conflict_do_update(
        index_elements=[ACCOUNTS.c.account_id],
        set_=columns,
        where=and_(
            ~ACCOUNTS.c.deleted, ACCOUNTS.c[version_column] < upsert.excluded[version_column]
        ),
    ).returning(ACCOUNTS)
    row = connection.execute(newer).mappings().one_or_none()
    return None if row is None else Owner(**row)


def erase_account(connection: Connection, state: AccountStateV1) -> None:
    """Delete everything of an account except its tombstone, which refuses whatever comes later."""
    # What waits, and what was announced, goes with its habit.
    for table in (ACCOUNT_TIME_ZONES, ACCOUNT_LINKS, HEARD_DAYS, HANDLED_COMMANDS, HABITS):
        connection.execute(delete(table).where(table.c.account_id == state.id))
    connection.execute(
        update(ACCOUNTS)
        .where(ACCOUNTS.c.account_id == state.id)
        .values(
            version=state.version,
            deleted=True,
            time_zone=None,
            locale=None,
            is_active=False,
            settings_since=None,
            is_linked=False,
            linked_since=None,
            quiet_from=None,
            quiet_to=None,
            muted_at=None,
            muted_until=None,
        )
    )


def linked_actions(connection: Connection, habits: Sequence[Habit]) -> dict[str, str]:
    """Return, by habit id, the action of the pleasant habit linked to it, where there is one."""
    wanted = {
        (habit.account_id, habit.linked_habit_id): habit.habit_id
        for habit in habits
        if habit.linked_habit_id is not None
    }
    if not wanted:
        return {}
    query = select(HABITS.c.account_id, HABITS.c.habit_id, HABITS.c.action).where(
        tuple_(HABITS.c.account_id, HABITS.c.habit_id).in_(wanted), ~HABITS.c.deleted
    )
    actions = {(row.account_id, row.habit_id): row.action for row in connection.execute(query)}
    return {
        habit.habit_id: actions[habit.account_id, habit.linked_habit_id]
        for habit in habits
        if (habit.account_id, habit.linked_habit_id) in actions
    }
