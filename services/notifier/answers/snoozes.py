"""When a reminder that is put off comes again: what can be chosen, and until when it is. Pure."""

from datetime import datetime, time, timedelta

from shared.contracts.reminder_commands import SnoozeUntil
from shared.recurrence.local_dates import UnknownTimeZone, zone_named

# For one habit, date and time of the day.
MOST_SNOOZES = 3

_TONIGHT = time(20)
# Later, tonight is no longer much of a choice.
_TONIGHT_UNTIL = time(19, 30)
_SPANS: dict[SnoozeUntil, timedelta] = {
    "10m": timedelta(minutes=10),
    "1h": timedelta(hours=1),
}


def choices_at(at: datetime, zone_name: str | None) -> tuple[SnoozeUntil, ...]:
    """Return what can be chosen at an instant; without a known zone there is no tonight."""
    local = _local_time(at, zone_name)
    is_early = local is not None and local < _TONIGHT_UNTIL
    return ("10m", "1h", "tonight") if is_early else ("10m", "1h")


def asleep_until(until: SnoozeUntil, at: datetime, zone_name: str | None) -> time:
    """Return the time on the wall when it comes again."""
    if until == "tonight":
        return _TONIGHT
    end = at + _SPANS[until]
    return _local_time(end, zone_name) or end.time().replace(second=0, microsecond=0)


def _local_time(at: datetime, zone_name: str | None) -> time | None:
    """Return the time on the wall, in whole minutes; None without a known zone."""
    try:
        local = at.astimezone(zone_named(zone_name or ""))
    except UnknownTimeZone:
        return None
    return local.time().replace(second=0, microsecond=0)
