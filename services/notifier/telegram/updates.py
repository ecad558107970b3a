"""Telegram's updates as far as the bot understands them; everything else is `Ignored`.

Only private chats are listened to: in a group, one member would speak for all. Reads whatever JSON
comes: fields of an unexpected type make an update ignored, never an error.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared.contracts.cloud_event import UnreadableMessage

# https://core.telegram.org/bots/features#commands; a phone may write the first letter large.
_COMMAND = re.compile(r"/([A-Za-z0-9_]{1,32})(?:@\w+)?(?:\s+(.*))?", re.ASCII | re.DOTALL)
# What fits into PostgreSQL's bigint; Telegram's own ids have at most 52 bits.
_BIGGEST = 2**63 - 1
_LONGEST_ARGUMENT = 256
# https://core.telegram.org/bots/api#inlinekeyboardbutton
_LONGEST_DATA_BYTES = 64


class NotJson(UnreadableMessage):
    """It is not even JSON."""


@dataclass(frozen=True, slots=True)
class Chat:
    """A private chat; `language` is that of the person who wrote."""

    id: int
    language: str


@dataclass(frozen=True, slots=True)
class Command:
    """`/name argument`, the name in small letters."""

    chat: Chat
    name: str
    argument: str | None


@dataclass(frozen=True, slots=True)
class Spoke:
    """Any other text."""

    chat: Chat


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button of the message `message_id`; `data` is what the bot gave the button."""

    chat: Chat
    query_id: str
    message_id: int
    data: str


@dataclass(frozen=True, slots=True)
class MembershipChanged:
    """The chat blocked the bot, or let it in again."""

    chat: Chat
    blocked: bool
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing that the bot acts on."""


Content = Command | Spoke | Pressed | MembershipChanged | Ignored


@dataclass(frozen=True, slots=True)
class Update:
    update_id: int
    content: Content


def read_update(raw: bytes) -> Update:
    """Read an update. Raises UnreadableMessage for what is none; NotJson is one of these."""
    try:
        update = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise NotJson(f"not JSON: {type(error).__name__}") from error
    update_id = _read_id(update)
    if update_id is None:
        raise UnreadableMessage("not an update: update_id is missing")
    return Update(update_id, _read_content(update))


def _read_id(update: Any) -> int | None:
    if not isinstance(update, dict):
        return None
    update_id = update.get("update_id")
    if isinstance(update_id, bool) or not isinstance(update_id, int):
        return None
    return update_id if 0 <= update_id <= _BIGGEST else None


def _read_content(update: dict[str, Any]) -> Content:
    try:
        if "message" in update:
            return _read_message(update["message"])
        if "callback_query" in update:
            return _read_press(update["callback_query"])
        if "my_chat_member" in update:
            return _read_membership(update["my_chat_member"])
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError):
        return Ignored()
    return Ignored()


def _read_message(message: dict[str, Any]) -> Content:
    chat = _read_chat(message["chat"], message["from"])
    # Half a character, as JSON can have it, fits into no database.
    text = str(message["text"]).encode(errors="replace").decode()
    command = _COMMAND.fullmatch(text)
    if command is None:
        return Spoke(chat)
    argument = (command[2] or "").strip()[:_LONGEST_ARGUMENT]
    return Command(chat, command[1].lower(), argument or None)


def _read_press(query: dict[str, Any]) -> Content:
    message, data = query["message"], query["data"]
    chat = _read_chat(message["chat"], query["from"])
    if query["from"]["id"] != chat.id or len(data.encode()) > _LONGEST_DATA_BYTES:
        return Ignored()
    return Pressed(chat, str(query["id"]), int(message["message_id"]), data)


def _read_membership(change: dict[str, Any]) -> Content:
    status = change["new_chat_member"]["status"]
    chat = _read_chat(change["chat"], change["from"])
    if status not in {"kicked", "member"}:
        return Ignored()
    changed_at = datetime.fromtimestamp(change["date"], UTC)
    return MembershipChanged(chat, status == "kicked", changed_at)


def _read_chat(chat: dict[str, Any], person: dict[str, Any]) -> Chat:
    chat_id = chat["id"]
    if isinstance(chat_id, bool) or not isinstance(chat_id, int) or not 0 < chat_id <= _BIGGEST:
        raise ValueError("chat id")
    if chat["type"] != "private":
        raise ValueError("not a private chat")
    return Chat(chat_id, str(person.get("language_code") or "en"))
