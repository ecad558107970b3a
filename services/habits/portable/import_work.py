"""Taking a file in, habit by habit: each with its days in one transaction, with how far it is.

Whoever is killed leaves whole habits behind, and the next begins with the first that is missing.
Two at once do no harm: a part is done by who holds the import's row, and only if it is the next.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError

from services.habits import public_events, read_model
from services.habits.account_clock import AccountClock, read_clock
from services.habits.command_handling import UnitOfWork, event_meta
from services.habits.days import day_messages, day_table
from services.habits.days.day_events import (
    Channel,
    DayRecorded,
    DayState,
    EmptyDay,
    day_id,
    evolve,
)
from services.habits.days.stored_days import DayStore
from services.habits.habit import MOST_HABITS, TooManyHabits
from services.habits.habit_events import ActiveHabit
from services.habits.owners import lock_owner
from services.habits.portable.carried_habits import (
    CarriedHabit,
    NotTaken,
    Rejected,
    name_of,
    read_days,
    read_habit,
)
from services.habits.portable.import_jobs import (
    DONE,
    FAILED,
    Upload,
    end_import,
    lock_import,
    note_part,
    read_upload,
)
from services.habits.portable.loop_files import (
    SQLITE_MAGIC,
    ZIP_MAGIC,
    check_zip,
    read_sqlite,
    read_zip,
)
from services.habits.portable.ndjson_files import UnreadableFile, check_ndjson, read_ndjson
from services.habits.stored_events import HabitStore
from services.habits.writing_level import SCHEDULES_LEVEL
from shared import instants
from shared.database import transaction
from shared.recurrence.local_dates import latest_date_at

_DAYS_AT_ONCE = 500
# A habit whose values PostgreSQL refuses is a fault of the file.
_UNSTORABLE = (DataError, IntegrityError)

FULL = f"An account has at most {MOST_HABITS:,} habits."
UNSTORABLE = "It has a value that cannot be stored."


def check_file(payload: bytes) -> None:
    """Look at a file before it is taken. Raises UnreadableFile."""
    if payload.startswith(ZIP_MAGIC):
        check_zip(payload)
    elif not payload.startswith(SQLITE_MAGIC):
        check_ndjson(payload)


def read_file(upload: Upload) -> tuple[list[CarriedHabit], list[Rejected]]:
    """Return the habits of a file, and what of it belongs to none. Raises UnreadableFile."""
    payload, time, place = upload.payload, upload.default_time, upload.default_place
    if payload.startswith(ZIP_MAGIC):
        return read_zip(payload, time, place)
    if payload.startswith(SQLITE_MAGIC):
        return read_sqlite(payload, time, place)
    return read_ndjson(payload)


@dataclass(frozen=True, slots=True)
class Importing:
    """Carries out imports."""

    engine: Engine
    habits: HabitStore
    days: DayStore
    now: Callable[[], datetime] = instants.now

    def run(self, account_id: UUID, import_id: UUID) -> None:
        """Take in what is left of an import. Raises AccountErased."""
        with transaction(self.engine) as connection:
            lock_owner(connection, account_id)
            if lock_import(connection, import_id) is None:
                return
            upload = read_upload(connection, import_id)
        try:
            carried, rejected = read_file(upload)
        except UnreadableFile as unreadable:
            self._fail(account_id, import_id, str(unreadable))
            return
        # A pleasant habit must be there before one that is linked to it.
        in_order = sorted(carried, key=_is_linked)
        for part in range(len(in_order) + 1):
            habit = in_order[part - 1] if part else None
            self._do_part(account_id, import_id, part, habit, rejected)
        with transaction(self.engine) as connection:
            lock_owner(connection, account_id)
            if lock_import(connection, import_id) == len(in_order) + 1:
                end_import(connection, import_id, DONE)

    def _do_part(
        self,
        account_id: UUID,
        import_id: UUID,
        part: int,
        habit: CarriedHabit | None,
        rejected: Sequence[Rejected],
    ) -> None:
        """Do one part, if it is the next. The first is what has no habit."""
        try:
            with transaction(self.engine) as connection:
                lock_owner(connection, account_id)
                if lock_import(connection, import_id) != part:
                    return
                number = 0
                if habit is not None:
                    number, rejected = self._take(connection, account_id, import_id, habit)
                note_part(connection, import_id, part + 1, imported=number, rejected=list(rejected))
        except StatementError as error:
            is_fault = isinstance(error, DBAPIError) and not isinstance(error, _UNSTORABLE)
            if habit is None or is_fault:
                raise
            self._note_unstorable(account_id, import_id, part, habit)

    def _take(
        self, connection: Connection, account_id: UUID, import_id: UUID, carried: CarriedHabit
    ) -> tuple[int, list[Rejected]]:
        """Append a habit with its days; return how many that are, and what was not taken."""
        now = self.now()
        unit = UnitOfWork(connection, self.habits, account_id, Channel.IMPORT)
        try:
            unit.refuse_if_full(MOST_HABITS)
            read = read_habit(
                carried,
                import_id=import_id,
                owner_id=account_id,
                linkable=lambda habit_id: bool(unit.linkable(habit_id)),
                now=now,
            )
        except (NotTaken, TooManyHabits) as refusal:
            reason = FULL if isinstance(refusal, TooManyHabits) else str(refusal)
            return 0, [Rejected(name_of(carried), reason)]
        clock = read_clock(connection, account_id)
        self.habits.append(
            connection,
            read.state.id,
            read.events,
            owner_id=account_id,
            expected_version=0,
            meta=event_meta(account_id, Channel.IMPORT),
            beside=[read_model.written(read.state)],
        )
        in_version_1 = not self.habits.may_write(connection, SCHEDULES_LEVEL)
        settled = clock.settled(read.state)
        public_events.announce(connection, read.events[0], settled, in_version_1=in_version_1)
        days, rejected = _days_of(carried, read.state, clock, now)
        for start in range(0, len(days), _DAYS_AT_ONCE):
            self._append_days(connection, account_id, days[start : start + _DAYS_AT_ONCE])
        return 1 + len(days), rejected

    def _append_days(
        self, connection: Connection, account_id: UUID, recorded: Sequence[DayRecorded]
    ) -> None:
        by_id = {day_id(day.habit_id, day.date): day for day in recorded}
        self.days.append_each(
            connection,
            {each: (0, day) for each, day in by_id.items()},
            owner_id=account_id,
            meta=event_meta(account_id, Channel.IMPORT),
        )
        states: dict[UUID, DayState] = {
            each: evolve(EmptyDay(), day) for each, day in by_id.items()
        }
        day_table.write(connection, states)
        day_messages.announce(
            connection,
            [
                day_messages.to_message(
                    states[each],
                    habit_id=day.habit_id,
                    owner_id=account_id,
                    date=day.date,
                    channel=day.channel,
                    at=day.at,
                )
                for each, day in by_id.items()
            ],
        )

    def _note_unstorable(
        self, account_id: UUID, import_id: UUID, part: int, habit: CarriedHabit
    ) -> None:
        with transaction(self.engine) as connection:
            lock_owner(connection, account_id)
            if lock_import(connection, import_id) == part:
                rejected = [Rejected(name_of(habit), UNSTORABLE)]
                note_part(connection, import_id, part + 1, rejected=rejected)

    def _fail(self, account_id: UUID, import_id: UUID, reason: str) -> None:
        with transaction(self.engine) as connection:
            lock_owner(connection, account_id)
            if lock_import(connection, import_id) is not None:
                note_part(connection, import_id, 0, rejected=[Rejected("the file", reason)])
                end_import(connection, import_id, FAILED)


def _days_of(
    carried: CarriedHabit, habit: ActiveHabit, clock: AccountClock, now: datetime
) -> tuple[list[DayRecorded], list[Rejected]]:
    found: Iterator[DayRecorded | Rejected] = read_days(
        carried,
        habit,
        first_date=clock.first_date_of(habit),
        last_date=latest_date_at(now),
        now=now,
    )
    days: list[DayRecorded] = []
    rejected: list[Rejected] = []
    for each in found:
        if isinstance(each, DayRecorded):
            days.append(each)
        else:
            rejected.append(each)
    return days, rejected


def _is_linked(carried: CarriedHabit) -> bool:
    return any(b'"linked_habit_id":"' in line for line in carried.habit_lines)
