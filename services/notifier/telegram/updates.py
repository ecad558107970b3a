"""Telegram's updates as far as the bot understands them; everything else is `Ignored`.

Reads whatever JSON comes: fields of an unexpected type make an update ignored, never an error.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared.contracts.cloud_event import UnreadableMessage

_COMMAND = re.compile(r"/([a-z]+)(?:@\w+)?(?:\s+(\S+))?\s*", re.ASCII)
_BUTTON_DATA = re.compile(r"link:([A-Za-z0-9_-]{1,40}):(yes|no)", re.ASCII)
# What fits into PostgreSQL's bigint; Telegram's own ids have at most 52 bits.
_BIGGEST = 2**63 - 1
_LONGEST_CODE = 64


@dataclass(frozen=True, slots=True)
class Chat:
    """`language` is that of the person who wrote."""

    id: int
    is_private: bool
    language: str


@dataclass(frozen=True, slots=True)
class Started:
    """`/start`, with the code of a deep link if it came from one."""

    chat: Chat
    code: str | None


@dataclass(frozen=True, slots=True)
class Stopped:
    chat: Chat


@dataclass(frozen=True, slots=True)
class Spoke:
    """Any other text."""

    chat: Chat


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button of a link question; `message_id` is the question's."""

    chat: Chat
    query_id: str
    message_id: int
    code: str
    agreed: bool


@dataclass(frozen=True, slots=True)
class MembershipChanged:
    """A private chat blocked the bot, or let it in again."""

    chat_id: int
    blocked: bool
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing that the bot acts on."""


Content = Started | Stopped | Spoke | Pressed | MembershipChanged | Ignored


@dataclass(frozen=True, slots=True)
class Update:
    update_id: int
    content: Content


def update_id_of(update: Any) -> int | None:
    """Return the id of an update, None when this is none."""
    if not isinstance(update, dict):
        return None
    update_id = update.get("update_id")
    if isinstance(update_id, bool) or not isinstance(update_id, int):
        return None
    return update_id if 0 <= update_id <= _BIGGEST else None


def read_update(raw: bytes) -> Update:
    """Read an update. Raises UnreadableMessage for what is not one at all."""
    try:
        update = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise UnreadableMessage(f"not JSON: {type(error).__name__}") from error
    update_id = update_id_of(update)
    if update_id is None:
        raise UnreadableMessage("not an update: update_id is missing")
    return Update(update_id, _read_content(update))


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
    command = _COMMAND.fullmatch(str(message["text"]))
    match command and command[1]:
        case "start":
            code = command[2] if command else None
            return Started(chat, code[:_LONGEST_CODE] if code else None)
        case "stop":
            return Stopped(chat)
        case _:
            return Spoke(chat)


def _read_press(query: dict[str, Any]) -> Content:
    data = _BUTTON_DATA.fullmatch(query["data"])
    message = query["message"]
    chat = _read_chat(message["chat"], query["from"])
    if data is None or query["from"]["id"] != chat.id:
        return Ignored()
    return Pressed(chat, str(query["id"]), int(message["message_id"]), data[1], data[2] == "yes")


def _read_membership(change: dict[str, Any]) -> Content:
    status = change["new_chat_member"]["status"]
    chat = _read_chat(change["chat"], change["from"])
    if not chat.is_private or status not in {"kicked", "member"}:
        return Ignored()
    changed_at = datetime.fromtimestamp(change["date"], UTC)
    return MembershipChanged(chat.id, status == "kicked", changed_at)


def _read_chat(chat: dict[str, Any], person: dict[str, Any]) -> Chat:
    chat_id = chat["id"]
    if isinstance(chat_id, bool) or not isinstance(chat_id, int) or abs(chat_id) > _BIGGEST:
        raise ValueError("chat id")
    return Chat(chat_id, chat["type"] == "private", str(person.get("language_code") or "en"))
