"""How people, chats, messages and updates look in the Bot API's JSON (as of Bot API 9)."""

import json
from typing import Any

from deploy.telegram_simulator.chats import Button, Chat, Message, Rows

BOT_USERNAME = "habit_simulator_bot"
BOT_NAME = "Habit tracker"

MAX_DATA_BYTES = 64
MAX_BUTTONS = 100

JSON = dict[str, Any]


class BadMarkup(Exception):
    """A reply markup that Telegram would refuse; the message is Telegram's own."""


def bot_user(token: str) -> JSON:
    """Describe the bot; the number before the colon of a token is its id, as on the real one."""
    number = token.partition(":")[0]
    return {
        "id": int(number) if number.isascii() and number.isdigit() else 1,
        "is_bot": True,
        "first_name": BOT_NAME,
        "username": BOT_USERNAME,
    }


def person(chat: Chat, person_id: int) -> JSON:
    return {
        "id": person_id,
        "is_bot": False,
        "first_name": chat.name_of(person_id),
        "language_code": chat.language_code,
    }


def chat_shape(chat: Chat) -> JSON:
    name_field = "first_name" if chat.is_private else "title"
    return {"id": chat.id, "type": chat.kind, name_field: chat.name}


def message_shape(chat: Chat, message: Message, bot: JSON) -> JSON:
    sender = bot if message.person_id is None else person(chat, message.person_id)
    shape = {
        "message_id": message.id,
        "from": sender,
        "chat": chat_shape(chat),
        "date": int(message.sent_at),
        "text": message.text,
    }
    if message.text.startswith("/") and message.person_id is not None:
        command = message.text.split(maxsplit=1)[0]
        shape["entities"] = [{"type": "bot_command", "offset": 0, "length": len(command)}]
    if message.edited_at is not None:
        shape["edit_date"] = int(message.edited_at)
    if message.buttons:
        shape["reply_markup"] = {"inline_keyboard": keyboard_shape(message.buttons)}
    return shape


def keyboard_shape(rows: Rows) -> list[list[JSON]]:
    return [[_button_shape(button) for button in row] for row in rows]


def _button_shape(button: Button) -> JSON:
    shape = {"text": button.text, "callback_data": button.callback_data, "url": button.url}
    return {name: value for name, value in shape.items() if value is not None}


def membership_shape(chat: Chat, person_id: int, bot: JSON, at: float, *, blocked: bool) -> JSON:
    """Tell that a person blocked the bot, or let it in again."""
    inside: JSON = {"status": "member", "user": bot}
    outside: JSON = {"status": "kicked", "user": bot, "until_date": 0}
    return {
        "chat": chat_shape(chat),
        "from": person(chat, person_id),
        "date": int(at),
        "old_chat_member": inside if blocked else outside,
        "new_chat_member": outside if blocked else inside,
    }


def read_inline_keyboard(reply_markup: str) -> Rows:
    """Read the inline buttons of a `reply_markup`; other kinds of markup hold none."""
    try:
        markup = json.loads(reply_markup)
        rows = markup.get("inline_keyboard", [])
        read = tuple(tuple(_read_button(button) for button in row) for row in rows if row)
    except (ValueError, TypeError, AttributeError, KeyError):
        raise BadMarkup("can't parse reply keyboard markup JSON object") from None
    if sum(map(len, read)) > MAX_BUTTONS:
        raise BadMarkup("reply markup is too long")
    return read


def _read_button(button: JSON) -> Button:
    text, data, url = button["text"], button.get("callback_data"), button.get("url")
    if not (isinstance(text, str) and isinstance(data, str | None) and isinstance(url, str | None)):
        raise TypeError
    if (data is None) == (url is None):
        raise BadMarkup(
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
        )
    if data is not None and not 1 <= len(data.encode("utf-8", "replace")) <= MAX_DATA_BYTES:
        raise BadMarkup("BUTTON_DATA_INVALID")
    return Button(text, data, url)
