"""What is kept of the messages that reminders came in: enough to show them again, answered.

Written when a message begins to be sent, so whatever button there is, its reminder is known. Which
message of Telegram's it became is known when that has answered, or a button of it is pressed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Connection, Row, Text, and_, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from services.notifier.answers.buttons import (
    ReminderKey,
    answered_buttons,
    open_buttons,
)
from services.notifier.answers.heard_days import ANSWERS
from services.notifier.bot_texts import BotTexts
from services.notifier.reminders.reminder_texts import ReminderMessage, join_parts
from services.notifier.sending.bot_messages import Edit
from services.notifier.tables import HEARD_DAYS, REMINDER_MESSAGES
from services.notifier.telegram.client import Button
from services.notifier.translations import Translations
from shared.contracts.events import ReminderDueV1
from shared.instants import now

_columns = REMINDER_MESSAGES.c

# Made once: these run for every message, and building them would cost more than running them.
_NEW = insert(REMINDER_MESSAGES)
_NOTE_BEGUN = _NEW.on_conflict_do_update(
    index_elements=[_columns.reminder_id],
    set_={
        name: _NEW.excluded[name]
        for name in ("chat_id", "number", "heading", "part", "locale", "begun_at")
    },
)
_NOTE_SENT = (
    update(REMINDER_MESSAGES)
    .where(_columns.reminder_id == func.any(bindparam("reminder_ids", type_=ARRAY(Text))))
    .values(telegram_message_id=bindparam("message_id"))
)


@dataclass(frozen=True, slots=True)
class Place:
    """A message in a chat, by Telegram's ids."""

    chat_id: int
    message_id: int


def key_of(reminder: ReminderDueV1) -> ReminderKey:
    """Return what a reminder is for."""
    return ReminderKey(UUID(reminder.habit_id), reminder.local_date)


def buttons_of(message: ReminderMessage, texts: BotTexts) -> tuple[Button, ...]:
    """Return the buttons of a message that is new."""
    return tuple(
        button
        for part in message.parts
        for button in open_buttons(key_of(part.reminder), texts, part.number)
    )


def note_begun(connection: Connection, chat_id: int, message: ReminderMessage) -> None:
    """Note what is about to be sent to a chat."""
    connection.execute(
        _NOTE_BEGUN,
        [
            {
                "reminder_id": part.reminder.id,
                "account_id": part.reminder.account_id,
                "habit_id": part.reminder.habit_id,
                "local_date": part.reminder.local_date,
                "slot": 0,
                "chat_id": chat_id,
                "number": part.number,
                "heading": message.heading,
                "part": part.text,
                "locale": part.reminder.locale,
                "begun_at": now(),
            }
            for part in message.parts
        ],
    )


def note_sent(connection: Connection, reminder_ids: Iterable[str], message_id: int) -> None:
    """Note which message of Telegram's has these reminders."""
    connection.execute(_NOTE_SENT, {"reminder_ids": list(reminder_ids), "message_id": message_id})


def find(connection: Connection, account_id: str, key: ReminderKey) -> Row[Any] | None:
    """Return what is kept of an account's reminder."""
    return connection.execute(
        select(REMINDER_MESSAGES).where(
            _columns.account_id == account_id,
            _columns.habit_id == str(key.habit_id),
            _columns.local_date == key.local_date,
            _columns.slot == key.slot,
        )
    ).one_or_none()


def places_of(
    connection: Connection, account_id: str, habit_id: str, local_date: date
) -> list[Place]:
    """Return the messages that have a reminder of the habit's date."""
    rows = connection.execute(
        select(_columns.chat_id, _columns.telegram_message_id).where(
            _columns.account_id == account_id,
            _columns.habit_id == habit_id,
            _columns.local_date == local_date,
            _columns.telegram_message_id.is_not(None),
        )
    )
    return [Place(row.chat_id, row.telegram_message_id) for row in rows]


def account_of(connection: Connection, place: Place) -> str | None:
    """Return whose reminders are in a message; None for a message without any."""
    return connection.scalar(
        select(_columns.account_id)
        .where(
            _columns.chat_id == place.chat_id,
            _columns.telegram_message_id == place.message_id,
        )
        .limit(1)
    )


def shown_now(connection: Connection, place: Place, translations: Translations) -> Edit | None:
    """Return what a message is to show by what has been heard; None when nothing is kept of it."""
    day = and_(
        HEARD_DAYS.c.habit_id == _columns.habit_id, HEARD_DAYS.c.local_date == _columns.local_date
    )
    rows = connection.execute(
        select(REMINDER_MESSAGES, HEARD_DAYS.c.status, HEARD_DAYS.c.channel)
        .outerjoin_from(REMINDER_MESSAGES, HEARD_DAYS, day)
        .where(
            _columns.chat_id == place.chat_id,
            _columns.telegram_message_id == place.message_id,
        )
        .order_by(_columns.number)
    ).all()
    if not rows:
        return None
    texts = BotTexts(translations.of(rows[0].locale))
    return Edit(
        place.chat_id,
        place.message_id,
        join_parts(rows[0].heading, [_shown(row, texts) for row in rows]),
        _buttons_now(rows, texts),
    )


def erase_answers(connection: Connection, account_id: str) -> None:
    """Forget an account's messages, and what was heard of its days."""
    for table in (REMINDER_MESSAGES, HEARD_DAYS):
        connection.execute(delete(table).where(table.c.account_id == account_id))


def _shown(row: Row[Any], texts: BotTexts) -> str:
    if row.status not in ANSWERS:
        return str(row.part)
    is_done, elsewhere = row.status == "done", row.channel != "telegram"
    if row.number:
        action = row.part.partition("\n")[0]
        return texts.answered_among_others(action, is_done=is_done, elsewhere=elsewhere)
    return f"{row.part}\n{texts.answered(is_done=is_done, elsewhere=elsewhere)}"


def _buttons_now(rows: Sequence[Row[Any]], texts: BotTexts) -> tuple[Button, ...]:
    buttons: list[Button] = []
    for row in rows:
        key = ReminderKey(UUID(row.habit_id), row.local_date, row.slot)
        make = answered_buttons if row.status in ANSWERS else open_buttons
        buttons += make(key, texts, row.number)
    return tuple(buttons)
