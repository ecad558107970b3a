"""What each version of a state said about reminding, in SQL; see `rules_over_time`.

Every version that is heard of is kept once, whether it is the newest or comes late. The caller
holds the lock of the account.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, select
from sqlalchemy.dialects.postgresql import insert

from services.scheduler.habit_rows import is_archived
from services.scheduler.rules_over_time import History, Version
from services.scheduler.schedule import Habit, Owner, ZonePeriod
from services.scheduler.tables import ACCOUNT_LINKS, ACCOUNT_TIME_ZONES, HABIT_TIMINGS
from services.scheduler.timing import Timing, read_timing, timing_columns, timing_of
from shared.contracts.events import AccountStateV1, ChatLinkStateV1, HabitStateV1, HabitStateV2


def remember_timing(connection: Connection, state: HabitStateV1 | HabitStateV2) -> bool:
    """Keep when a version of a habit is reminded of; return whether it was not known."""
    return _is_new(
        connection,
        HABIT_TIMINGS,
        habit_id=state.id,
        version=state.version,
        since=state.timing_since or state.updated_at,
        is_reminded=not (state.deleted or state.is_pleasant or is_archived(state)),
        **timing_columns(timing_of(state)),
    )


def remember_settings(connection: Connection, state: AccountStateV1) -> bool:
    """Keep the settings of a version of an account; return whether they were not known."""
    return _is_new(
        connection,
        ACCOUNT_TIME_ZONES,
        account_id=state.id,
        version=state.version,
        since=state.settings_since or state.updated_at,
        time_zone=state.time_zone,
        is_active=state.is_active,
    )


def remember_link(connection: Connection, state: ChatLinkStateV1) -> bool:
    """Keep whether a version of a chat link is linked; return whether that was not known."""
    return _is_new(
        connection,
        ACCOUNT_LINKS,
        account_id=state.account_id,
        version=state.version,
        since=state.linked_since or state.updated_at,
        is_linked=state.status == "linked",
    )


def zone_periods(connection: Connection, account_id: str) -> list[ZonePeriod]:
    """Return an account's time zones and whether it was active, oldest first."""
    query = (
        select(
            ACCOUNT_TIME_ZONES.c.version,
            ACCOUNT_TIME_ZONES.c.since,
            ACCOUNT_TIME_ZONES.c.time_zone,
            ACCOUNT_TIME_ZONES.c.is_active,
        )
        .where(ACCOUNT_TIME_ZONES.c.account_id == account_id)
        .order_by(ACCOUNT_TIME_ZONES.c.version)
    )
    return [ZonePeriod(**row) for row in connection.execute(query).mappings()]


def histories(
    connection: Connection, owner: Owner, zones: Sequence[ZonePeriod], habits: Sequence[Habit]
) -> dict[str, History]:
    """Return what is known of the past of some habits of an account, by their ids."""
    time_zones = [
        Version(each.version, each.since, each.time_zone if each.is_active else None)
        for each in zones
    ]
    links = _links_of(connection, owner)
    timings = _timings_of(connection, habits)
    return {habit.habit_id: History(timings[habit.habit_id], time_zones, links) for habit in habits}


def _links_of(connection: Connection, owner: Owner) -> list[Version[bool]]:
    if owner.link_version <= 1:  # nothing to read: a first version has no past
        since = owner.linked_since
        return [Version(1, since, True)] if owner.is_linked and since is not None else []
    query = select(ACCOUNT_LINKS).where(ACCOUNT_LINKS.c.account_id == owner.account_id)
    return [
        Version(row.version, row.since, True if row.is_linked else None)
        for row in connection.execute(query)
    ]


def _timings_of(
    connection: Connection, habits: Sequence[Habit]
) -> dict[str, list[Version[Timing]]]:
    timings: dict[str, list[Version[Timing]]] = defaultdict(list)
    for habit in habits:
        if habit.version == 1 and not (habit.is_pleasant or habit.is_archived):
            timings[habit.habit_id].append(Version(1, habit.timing_since, habit.timing))
    changed = [habit.habit_id for habit in habits if habit.version > 1]
    if not changed:
        return timings
    query = select(HABIT_TIMINGS).where(HABIT_TIMINGS.c.habit_id.in_(changed))
    for row in connection.execute(query).mappings():
        timing = read_timing(dict(row)) if row["is_reminded"] else None
        timings[row["habit_id"]].append(Version(row["version"], row["since"], timing))
    return timings


def _is_new(connection: Connection, table: Table, **columns: Any) -> bool:
    row = insert(table).values(columns).on_conflict_do_nothing().returning(table.c.version)
    return connection.execute(row).one_or_none() is not None
