"""What time it is for an account: its time zones, and when its day begins, as its events told them.

A row for each version of the account, in whatever order they come. Until the first is heard of,
the account's clock is not known, and UTC stands in for it.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects.postgresql import insert as upsert

from services.habits.habit_events import ActiveHabit, DeletedHabit
from services.habits.owners import AccountErased
from services.habits.tables import account_time_zones, owners
from shared.contracts.events import AccountStateV1
from shared.recurrence.local_dates import (
    UnknownTimeZone,
    earliest_date_at,
    time_zone_at,
    zone_named,
)

_UNKNOWN = "UTC"

Habit = TypeVar("Habit", bound=ActiveHabit | DeletedHabit)


@dataclass(frozen=True, slots=True)
class ZonePeriod:
    """An account's time zone from an instant on, and the hour after midnight its day begins at."""

    since: datetime
    time_zone: str
    day_starts_at: int = 0


@dataclass(frozen=True, slots=True)
class AccountClock:
    """`periods` are the account's time zones, oldest first; none while nothing is known."""

    periods: tuple[ZonePeriod, ...] = ()

    def today(self, now: datetime) -> date:
        """Return the account's date of today: until its day begins, the one before its wall's.

        In hours of the wall: where clocks are set forward at night, the day begins no later.
        """
        if not self.periods:
            return _date(now, _UNKNOWN)
        latest = self.periods[-1]
        return (_wall(now, latest.time_zone) - timedelta(hours=latest.day_starts_at)).date()

    def date_of(self, instant: datetime) -> date:
        """Return the date that was on the account's wall at an instant."""
        return _date(instant, time_zone_at(self.periods, instant) or _UNKNOWN)

    def earliest_date_of(self, instant: datetime) -> date:
        """Return `date_of`, or the earliest date it can turn out to be while nothing is known."""
        return self.date_of(instant) if self.periods else earliest_date_at(instant)

    def known_date_of(self, instant: datetime) -> date | None:
        """Return `date_of`, or None while nothing is known."""
        return self.date_of(instant) if self.periods else None

    def settled(self, habit: Habit) -> Habit:
        """Return the habit with the date of its creation, if that can be told by now."""
        if habit.created_on is not None:
            return habit
        return replace(habit, created_on=self.known_date_of(habit.created_at))

    def first_date_of(self, habit: ActiveHabit) -> date:
        """Return the habit's first date, the earliest it can turn out to be."""
        if habit.details.start_date is not None or habit.created_on is not None:
            return habit.first_date
        return self.earliest_date_of(habit.created_at)


def _date(instant: datetime, time_zone: str) -> date:
    return _wall(instant, time_zone).date()


def _wall(instant: datetime, time_zone: str) -> datetime:
    try:
        zone = zone_named(time_zone)
    except UnknownTimeZone:
        zone = zone_named(_UNKNOWN)
    return instant.astimezone(zone)


_CLOCK = (
    select(
        owners.c.erased_version,
        account_time_zones.c.since,
        account_time_zones.c.time_zone,
        account_time_zones.c.day_starts_at,
    )
    .select_from(
        owners.outerjoin(account_time_zones, account_time_zones.c.account_id == owners.c.id)
    )
    .where(owners.c.id == bindparam("account_id"))
    .order_by(account_time_zones.c.version)
)


def read_clock(connection: Connection, account_id: UUID) -> AccountClock:
    """Return the account's clock, by one statement. Raises AccountErased."""
    rows = connection.execute(_CLOCK, {"account_id": account_id}).all()
    if any(row.erased_version is not None for row in rows):
        raise AccountErased(str(account_id))
    known = [row for row in rows if row.since is not None]
    return AccountClock(
        tuple(ZonePeriod(row.since, row.time_zone, row.day_starts_at) for row in known)
    )


def remember_time_zone(connection: Connection, account_id: UUID, account: AccountStateV1) -> None:
    """Remember the clock of this version of the account; once, however often it is told."""
    connection.execute(
        upsert(account_time_zones)
        .values(
            account_id=account_id,
            version=account.version,
            since=account.settings_since or account.updated_at,
            time_zone=account.time_zone,
            day_starts_at=account.day_starts_at,
        )
        .on_conflict_do_nothing()
    )
