"""Which calendar dates an account has had: moving across the date line can leave one out."""

from dataclasses import dataclass
from datetime import date as local_date
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from services.habits.account_clock import AccountClock
from shared.recurrence.local_dates import UnknownTimeZone, had_date, zone_named

_UNKNOWN = "UTC"
_INSTANT_BEFORE = timedelta.resolution


@dataclass(frozen=True, slots=True)
class _Stay:
    """The dates from the first to the last that a zone's wall showed the account."""

    first: local_date
    last: local_date
    zone: ZoneInfo


class LivedDates:
    """The dates on the walls of the zones an account has been in, each while it was there."""

    def __init__(self, clock: AccountClock) -> None:
        periods = clock.periods
        ends = [period.since for period in periods[1:]]
        self._stays = [
            _Stay(
                first=local_date.min if number == 0 else _date(period.since, zone),
                last=_date(ends[number] - _INSTANT_BEFORE, zone)
                if number < len(ends)
                else local_date.max,
                zone=zone,
            )
            for number, period in enumerate(periods)
            for zone in [_zone(period.time_zone)]
        ]

    def __contains__(self, date: local_date) -> bool:
        for stay in self._stays:
            if stay.first <= date <= stay.last and date not in _left_out(stay.zone, date.year):
                return True
        return not self._stays


def _zone(name: str) -> ZoneInfo:
    try:
        return zone_named(name)
    except UnknownTimeZone:
        return zone_named(_UNKNOWN)


def _date(instant: datetime, zone: ZoneInfo) -> local_date:
    return instant.astimezone(zone).date()


@lru_cache(maxsize=1024)
def _left_out(zone: ZoneInfo, year: int) -> frozenset[local_date]:
    """Return the dates of a year that a zone never had."""
    first = local_date(year, 1, 1).toordinal()
    dates = map(local_date.fromordinal, range(first, local_date(year, 12, 31).toordinal() + 1))
    return frozenset(date for date in dates if not had_date(zone, date))
