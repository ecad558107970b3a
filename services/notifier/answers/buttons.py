"""The buttons of reminders: what they say, and the data by which a press is understood.

A button's data is `prefix:habit:date:slot`: the habit's id as base64url, the date as yymmdd. It
fits into Telegram's 64 bytes and is trusted in nothing: whose habit it is, the chat's link tells.
https://core.telegram.org/bots/api#inlinekeyboardbutton
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from services.notifier.bot_texts import BotTexts
from services.notifier.telegram.client import Button
from shared.contracts.day_commands import Wish

WISHES: dict[str, Wish] = {"d": "done", "s": "skipped", "u": "cleared"}
_PREFIXES = {wish: prefix for prefix, wish in WISHES.items()}

_DATA = re.compile(r"([A-Za-z0-9_-]{22}):([0-9]{6}):([0-9]{1,2})", re.ASCII)
_DATE = "%y%m%d"


@dataclass(frozen=True, slots=True)
class ReminderKey:
    """What a reminder is for: a habit, a date, and which of the day's times, from 0."""

    habit_id: UUID
    local_date: date
    slot: int = 0


def press_data(wish: Wish, key: ReminderKey) -> str:
    """Return the data of the button with that wish."""
    habit = urlsafe_b64encode(key.habit_id.bytes).rstrip(b"=").decode()
    return f"{_PREFIXES[wish]}:{habit}:{key.local_date.strftime(_DATE)}:{key.slot}"


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


def open_buttons(key: ReminderKey, texts: BotTexts, number: int = 0) -> tuple[Button, ...]:
    """Return the buttons of a reminder that waits for its answer; `number` is its row, too."""
    return (
        Button(_numbered(texts.done_button(), number), press_data("done", key), number),
        Button(_numbered(texts.skip_button(), number), press_data("skipped", key), number),
    )


def answered_buttons(key: ReminderKey, texts: BotTexts, number: int = 0) -> tuple[Button, ...]:
    """Return the button of a reminder that was answered."""
    return (Button(_numbered(texts.undo_button(), number), press_data("cleared", key), number),)


def _numbered(text: str, number: int) -> str:
    return f"{number}. {text}" if number else text
