"""Until when reminders wait because of the account's quiet hours. Pure."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from services.scheduler.recurrence import instant_of
from services.scheduler.schedule import Owner
from shared.recurrence.local_dates import zone_named

_ONE_DAY = timedelta(days=1)


def end_of_quiet(owner: Owner, instant: datetime) -> datetime | None:
    """Return when the quiet hours end that an instant lies in; None when it lies in none.

    Raises UnknownTimeZone.
    """
    begin, end = owner.quiet_from, owner.quiet_to
    if begin is None or end is None or owner.time_zone is None:
        return None
    zone = zone_named(owner.time_zone)
    shown = instant.astimezone(zone)
    if not _is_between(begin, end, shown.time()):
        return None
    ends_at = _next(end, shown, zone)
    # Where clocks are put back, the end may have been already.
    return ends_at if ends_at > instant else None


def comes_at(owner: Owner, due_at: datetime, now: datetime) -> datetime:
    """Return when a reminder that is due comes: at the end of the quiet hours it waits for.

    Raises UnknownTimeZone.
    """
    waited = end_of_quiet(owner, due_at) or due_at
    return max(waited, end_of_quiet(owner, now) or waited)


def _is_between(begin: time, end: time, shown: time) -> bool:
    if begin <= end:
        return begin <= shown < end
    return shown >= begin or shown < end


def _next(end: time, shown: datetime, zone: ZoneInfo) -> datetime:
    day = shown.date() if shown.time() < end else shown.date() + _ONE_DAY
    return instant_of(day, end, zone)
