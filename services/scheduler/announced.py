"""What has been announced of a habit, as far as it could come again. Pure.

An occurrence is known by its date and slot, and is announced once, though the slot's time or the
time zone changes afterwards. A habit can have occurrences of two dates still open: where clocks
skip midnight, the last of a date comes after the first of the next. What is older is over.
"""

from dataclasses import dataclass
from datetime import date as date_type

from services.scheduler.timing import MOST_SLOTS

_KEPT_BITS = (1 << 2 * MOST_SLOTS) - 1
# From before slots were kept: the one of the date, and whatever was before it.
_FIRST_SLOT_AND_ALL_BEFORE = 1 | _KEPT_BITS >> MOST_SLOTS << MOST_SLOTS


@dataclass(frozen=True, slots=True)
class Announced:
    """The latest date, and its slots as bits; those of the day before are `MOST_SLOTS` higher."""

    date: date_type
    slots: int

    def covers(self, local_date: date_type, slot: int) -> bool:
        """Whether an occurrence of that date and slot is not to be announced any more."""
        days_before = (self.date - local_date).days
        if days_before < 0:
            return False
        return days_before > 1 or bool(self.slots >> MOST_SLOTS * days_before + slot & 1)


def known_announced(last_date: date_type | None, slots: int | None) -> Announced | None:
    """Return what is kept in a row; `slots` is None in one of the release before."""
    if last_date is None:
        return None
    return Announced(last_date, _FIRST_SLOT_AND_ALL_BEFORE if slots is None else slots)


def announced_with(announced: Announced | None, local_date: date_type, slot: int) -> Announced:
    """Return what is announced once that date and slot are, too."""
    if announced is None:
        return Announced(local_date, 1 << slot)
    days_after = (local_date - announced.date).days
    if days_after > 0:
        earlier = announced.slots << MOST_SLOTS & _KEPT_BITS if days_after == 1 else 0
        return Announced(local_date, earlier | 1 << slot)
    if announced.covers(local_date, slot):
        return announced
    return Announced(announced.date, announced.slots | 1 << MOST_SLOTS * -days_after + slot)
