"""What is kept of the messages that reminders came in: enough to show them again, answered.

Written when a message begins to be sent, so whatever button there is, its reminder is known. Which
message of Telegram's it became is known when that has answered, or a button of it is pressed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Connection, Row, Text, and_, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from services.notifier.answers.buttons import (
    Offer,
    ReminderKey,
    answered_buttons,
    open_buttons,
    snooze_buttons,
)
from services.notifier.answers.heard_days import answer_of
from services.notifier.answers.snoozes import MOST_SNOOZES, choices_at
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
_SAME = REMINDER_MESSAGES.alias("same")
# How often the habit's date and time of the day has been put off, in whichever message.
_SNOOZES = (
    select(func.count(_SAME.c.asleep_until))
    .where(
        _SAME.c.habit_id == _columns.habit_id,
        _SAME.c.local_date == _columns.local_date,
        _SAME.c.slot == _columns.slot,
    )
    .correlate(REMINDER_MESSAGES)
    .scalar_subquery()
    .label("snoozes")
)


@dataclass(frozen=True, slots=True)
class Place:
    """A message in a chat, by Telegram's ids."""

    chat_id: int
    message_id: int


def key_of(reminder: ReminderDueV1) -> ReminderKey:
    """Return what a reminder is for."""
    return ReminderKey(UUID(reminder.habit_id), reminder.local_date, reminder.slot)


def buttons_of(message: ReminderMessage, texts: BotTexts) -> tuple[Button, ...]:
    """Return the buttons of a message that is new."""
    return tuple(
        button
        for part in message.parts
        for button in open_buttons(
            key_of(part.reminder),
            texts,
            part.number,
            Offer(has_target=part.reminder.target_value is not None),
        )
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
                "slot": part.reminder.slot,
                "chat_id": chat_id,
                "number": part.number,
                "heading": message.heading,
                "part": part.text,
                "locale": part.reminder.locale,
                "target_value": part.reminder.target_value,
                "unit": part.reminder.unit,
                "time_zone": part.reminder.time_zone,
                "begun_at": now(),
            }
            for part in message.parts
        ],
    )


def note_sent(connection: Connection, reminder_ids: Iterable[str], message_id: int) -> None:
    """Note which message of Telegram's has these reminders."""
    connection.execute(_NOTE_SENT, {"reminder_ids": list(reminder_ids), "message_id": message_id})


def find(
    connection: Connection, account_id: str, key: ReminderKey, message_id: int
) -> Row[Any] | None:
    """Return what is kept of an account's reminder: as it is in the message, else the latest."""
    return connection.execute(
        select(REMINDER_MESSAGES, _SNOOZES)
        .where(
            _columns.account_id == account_id,
            _columns.habit_id == str(key.habit_id),
            _columns.local_date == key.local_date,
            _columns.slot == key.slot,
        )
        .order_by(
            _columns.telegram_message_id.is_not_distinct_from(message_id).desc(),
            _columns.begun_at.desc(),
        )
        .limit(1)
    ).one_or_none()


def ask_snooze(connection: Connection, reminder_id: str, *, asks: bool) -> None:
    """Note whether a reminder's message asks when it is to come again."""
    _change(connection, reminder_id, asks_snooze=asks)


def note_asleep(connection: Connection, reminder_id: str, until: time) -> None:
    """Note that a reminder comes again at that time on the wall."""
    _change(connection, reminder_id, asks_snooze=False, asleep_until=until)


def _change(connection: Connection, reminder_id: str, **values: Any) -> None:
    connection.execute(
        update(REMINDER_MESSAGES).where(_columns.reminder_id == reminder_id).values(**values)
    )


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
        select(
            REMINDER_MESSAGES,
            _SNOOZES,
            HEARD_DAYS.c.status,
            HEARD_DAYS.c.done_slots,
            HEARD_DAYS.c.value,
            HEARD_DAYS.c.target_value.label("heard_target"),
            HEARD_DAYS.c.unit.label("heard_unit"),
            HEARD_DAYS.c.channel,
        )
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
    answer = answer_of(row.status, row.done_slots, row.slot)
    if answer and row.number:
        action = row.part.partition("\n")[0]
        return texts.answered_among_others(
            action, is_done=answer == "done", elsewhere=row.channel != "telegram"
        )
    lines = [row.part]
    if row.value is not None and row.heard_target is not None:
        lines.append(texts.progress(row.value, row.heard_target, row.heard_unit))
    if answer:
        lines.append(texts.answered(is_done=answer == "done", elsewhere=row.channel != "telegram"))
    elif row.asleep_until is not None:
        lines.append(texts.asleep(row.asleep_until))
    return "\n".join(lines)


def _buttons_now(rows: Sequence[Row[Any]], texts: BotTexts) -> tuple[Button, ...]:
    return tuple(button for row in rows for button in _buttons_of_row(row, texts))


def _buttons_of_row(row: Row[Any], texts: BotTexts) -> tuple[Button, ...]:
    key = ReminderKey(UUID(row.habit_id), row.local_date, row.slot)
    if answer_of(row.status, row.done_slots, row.slot):
        return answered_buttons(key, texts, row.number)
    if row.asks_snooze:
        return snooze_buttons(key, texts, row.number, choices_at(now(), row.time_zone))
    can_snooze = row.asleep_until is None and row.snoozes < MOST_SNOOZES
    offer = Offer(has_target=row.target_value is not None, can_snooze=can_snooze)
    return open_buttons(key, texts, row.number, offer)
