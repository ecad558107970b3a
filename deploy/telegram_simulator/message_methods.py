"""The methods by which the bot writes: send, edit, answer a pressed button."""

import time
from typing import assert_never

from deploy.telegram_simulator.bot_parameters import (
    BotRefused,
    Parameters,
    bad_request,
    chat_id_of,
    integer,
    text_of,
)
from deploy.telegram_simulator.chats import Chat, Message, Rows, UnknownChat, UnknownMessage
from deploy.telegram_simulator.telegram_shapes import (
    JSON,
    BadMarkup,
    message_shape,
    read_inline_keyboard,
)
from deploy.telegram_simulator.world import World

MAX_ANSWER_CHARACTERS = 200


class MessageMethods:
    """Changes the chats; what took effect shows on the page at once."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def send_message(self, parameters: Parameters) -> JSON:
        text = text_of(parameters)
        parse_mode = parameters.get("parse_mode") or None
        buttons = _buttons(parameters)
        chat = self._open_chat(parameters)
        message = self._world.chats.bot_says(chat, text, time.time(), buttons, parse_mode)
        return self._told(chat, message)

    async def edit_message_text(self, parameters: Parameters) -> JSON:
        chat, message = self._message(parameters)
        return self._edit(chat, message, text_of(parameters), parameters)

    async def edit_message_reply_markup(self, parameters: Parameters) -> JSON:
        chat, message = self._message(parameters)
        return self._edit(chat, message, message.text, parameters)

    async def answer_callback_query(self, parameters: Parameters) -> bool:
        text = parameters.get("text", "")
        if len(text) > MAX_ANSWER_CHARACTERS:
            raise bad_request("MESSAGE_TOO_LONG")
        press = self._world.presses.pop(parameters.get("callback_query_id", ""), None)
        if press is None:
            raise bad_request(
                "query is too old and response timeout expired or query ID is invalid"
            )
        if text:
            chat = self._world.chats.get(press.chat_id)
            self._world.chats.notice(chat, text, time.time())
        self._world.changes.announce()
        return True

    def _open_chat(self, parameters: Parameters) -> Chat:
        """Return a chat the bot may write to."""
        chat = self._chat(parameters)
        if chat.migrated_to is not None:
            raise BotRefused(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                {"migrate_to_chat_id": chat.migrated_to},
            )
        match chat.standing:
            case "blocked" if chat.is_private:
                raise BotRefused(403, "Forbidden: bot was blocked by the user")
            case "blocked":
                raise BotRefused(403, f"Forbidden: bot was kicked from the {chat.kind} chat")
            case "deactivated":
                raise BotRefused(403, "Forbidden: user is deactivated")
            case "open":
                return chat
            case unreachable:
                assert_never(unreachable)

    def _message(self, parameters: Parameters) -> tuple[Chat, Message]:
        chat = self._open_chat(parameters)
        try:
            message_id = integer(parameters, "message_id", 0)
            return chat, self._world.chats.message_of_bot(chat, message_id)
        except UnknownMessage:
            raise bad_request("message to edit not found") from None

    def _edit(self, chat: Chat, old: Message, text: str, parameters: Parameters) -> JSON:
        buttons = _buttons(parameters)
        if (text, buttons) == (old.text, old.buttons):
            raise bad_request(
                "message is not modified: specified new message content and reply markup "
                "are exactly the same as a current content and reply markup of the message"
            )
        message = self._world.chats.edit(chat, old, text, buttons, time.time())
        return self._told(chat, message)

    def _told(self, chat: Chat, message: Message) -> JSON:
        self._world.changes.announce()
        return message_shape(chat, message, self._world.bot)

    def _chat(self, parameters: Parameters) -> Chat:
        chat_id = chat_id_of(parameters)
        try:
            return self._world.chats.get(chat_id or 0)
        except UnknownChat:
            raise bad_request("chat not found") from None


def _buttons(parameters: Parameters) -> Rows:
    try:
        return read_inline_keyboard(parameters.get("reply_markup") or "{}")
    except BadMarkup as error:
        raise bad_request(str(error)) from None
