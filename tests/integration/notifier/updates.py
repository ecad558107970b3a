"""Updates as Telegram sends them, and the bot that gets them."""

import json
from itertools import count
from typing import Any

from sqlalchemy import Engine

from services.notifier.linking.chat_links import read_link
from services.notifier.linking.link_requests import open_request
from services.notifier.update_handler import UpdateHandler
from shared.database import transaction
from shared.instants import now
from tests.integration.notifier.arrangements import said_to

_update_ids = count(1)


def new_update_id() -> int:
    return next(_update_ids)


def update_bytes(update_id: int | None = None, **content: Any) -> bytes:
    return json.dumps({"update_id": update_id or new_update_id(), **content}).encode()


def take(handler: UpdateHandler, update_id: int | None = None, **content: Any) -> None:
    handler.handle(update_bytes(update_id, **content))


def text(chat_id: int, words: str, language: str = "en", kind: str = "private") -> dict[str, Any]:
    return {
        "message_id": 1,
        "text": words,
        "chat": {"id": chat_id, "type": kind},
        "from": {"id": abs(chat_id), "language_code": language},
    }


def press(chat_id: int, data: str, message_id: int = 1) -> dict[str, Any]:
    return {
        "id": "query",
        "data": data,
        "from": {"id": chat_id, "language_code": "en"},
        "message": {"message_id": message_id, "chat": {"id": chat_id, "type": "private"}},
    }


def membership(chat_id: int, status: str, at_seconds: int) -> dict[str, Any]:
    return {
        "date": at_seconds,
        "chat": {"id": chat_id, "type": "private"},
        "from": {"id": chat_id},
        "new_chat_member": {"status": status},
    }


def code_for(engine: Engine, account_id: str, asked_chat_id: int | None = None) -> str:
    with transaction(engine) as connection:
        return open_request(connection, account_id, asked_chat_id, now()).code


def status_of(engine: Engine, account_id: str) -> tuple[str, int | None] | None:
    with engine.connect() as connection:
        row = read_link(connection, account_id)
    return None if row is None else (row.status, row.chat_id)


def replies(engine: Engine, chat_id: int) -> list[str]:
    """List the texts of the new messages for a chat."""
    sends = {"question", "reply"}
    return [told["text"] for told in said_to(engine, chat_id) if told["kind"] in sends]


def answers(engine: Engine, chat_id: int) -> list[str]:
    """List what those who pressed buttons in a chat were told."""
    return [told["text"] for told in said_to(engine, chat_id) if told["kind"] == "press_answer"]


def edited(engine: Engine, chat_id: int) -> list[int]:
    """List the ids of the messages that lose their buttons."""
    return [told["message_id"] for told in said_to(engine, chat_id) if told["kind"] == "edit"]
