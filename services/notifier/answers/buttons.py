"""The buttons of reminders: what they say, and the data by which a press is understood.

A button's data is `prefix:habit:date:slot`: the habit's id as base64url, the date as yymmdd. It
fits into Telegram's 64 bytes and is trusted in nothing: whose habit it is, the chat's link tells.
https://core.telegram.org/bots/api#inlinekeyboardbutton
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from services.notifier.bot_texts import BotTexts
from services.notifier.telegram.client import Button
from shared.contracts.day_commands import Wish
from shared.contracts.reminder_commands import SnoozeUntil

WISHES: dict[str, Wish] = {"d": "done", "s": "skipped", "u": "cleared", "p": "progress"}
_PREFIXES = {wish: prefix for prefix, wish in WISHES.items()}

# The button that asks for how long, those that tell, and the one that thinks better of it.
SNOOZE = "z"
SNOOZES: dict[str, SnoozeUntil] = {"z1": "10m", "z2": "1h", "z3": "tonight"}
NO_SNOOZE = "z0"

_DATA = re.compile(r"([A-Za-z0-9_-]{22}):([0-9]{6}):([0-9]{1,2})", re.ASCII)
_DATE = "%y%m%d"


@dataclass(frozen=True, slots=True)
class ReminderKey:
    """What a reminder is for: a habit, a date, and which of the day's times, from 0."""

    habit_id: UUID
    local_date: date
    slot: int = 0


@dataclass(frozen=True, slots=True)
class Offer:
    """What a reminder that waits for its answer offers besides that: one more, to come again."""

    has_target: bool = False
    can_snooze: bool = True


def press_data(wish: Wish, key: ReminderKey) -> str:
    """Return the data of the button with that wish."""
    return button_data(_PREFIXES[wish], key)


def button_data(prefix: str, key: ReminderKey) -> str:
    """Return the data of the button with that prefix."""
    habit = urlsafe_b64encode(key.habit_id.bytes).rstrip(b"=").decode()
    return f"{prefix}:{habit}:{key.local_date.strftime(_DATE)}:{key.slot}"


def read_key(data: str) -> ReminderKey | None:
    """Return what follows the prefix of a button's data; None for what no button of ours has."""
    parts = _DATA.fullmatch(data)
    if parts is None:
        return None
    try:
        local_date = datetime.strptime(parts[2], _DATE).date()  # noqa: DTZ007
    except ValueError:
        return None
    return ReminderKey(UUID(bytes=urlsafe_b64decode(f"{parts[1]}==")), local_date, int(parts[3]))


def open_buttons(
    key: ReminderKey, texts: BotTexts, number: int, offer: Offer
) -> tuple[Button, ...]:
    """Return the buttons of a reminder that waits for its answer; `number` is its row, too."""
    named = [("d", texts.done_button()), ("s", texts.skip_button())]
    if offer.can_snooze:
        named.append((SNOOZE, texts.snooze_button()))
    if offer.has_target:
        named.append(("p", "+1"))
    return _row(named, key, number)


def snooze_buttons(
    key: ReminderKey, texts: BotTexts, number: int, choices: Iterable[SnoozeUntil]
) -> tuple[Button, ...]:
    """Return the buttons that tell when a reminder is to come again, and the one back."""
    named = [
        (prefix, texts.snooze_until(until)) for prefix, until in SNOOZES.items() if until in choices
    ]
    return _row([*named, (NO_SNOOZE, texts.back_button())], key, number)


def answered_buttons(key: ReminderKey, texts: BotTexts, number: int) -> tuple[Button, ...]:
    """Return the button of a reminder that was answered."""
    return _row([("u", texts.undo_button())], key, number)


def _row(named: Iterable[tuple[str, str]], key: ReminderKey, number: int) -> tuple[Button, ...]:
    return tuple(
        Button(f"{number}. {text}" if number else text, button_data(prefix, key), number)
        for prefix, text in named
    )
