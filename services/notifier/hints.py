"""Texts that only explain, such as the help: a chat gets each at most once in half a minute.

Somebody who floods the bot would otherwise fill the queue of what is to be sent, and delay the
answers to everybody else. A repeated one is dropped, not put off.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from services.notifier.record_retention import HINTS_KEPT
from services.notifier.sending.bot_messages import Send, Telling
from services.notifier.tables import HINTS
from services.notifier.update_router import Turn


def hint(turn: Turn, name: str, text: str) -> Sequence[Telling]:
    """Return a text that only explains, unless the chat has just had it."""
    due = is_due(turn.connection, turn.chat.id, name, turn.at)
    return [Send(turn.chat.id, text)] if due else []


def is_due(
    connection: Connection,
    chat_id: int,
    name: str,
    at: datetime,
    again_after: timedelta = HINTS_KEPT,
) -> bool:
    """Note that a chat gets a hint, unless it has just had it; False then."""
    statement = insert(HINTS).values(chat_id=chat_id, hint=name, given_at=at)
    noted = connection.scalar(
        statement.on_conflict_do_update(
            index_elements=[HINTS.c.chat_id, HINTS.c.hint],
            set_={"given_at": at},
            where=HINTS.c.given_at <= at - again_after,
        ).returning(HINTS.c.chat_id)
    )
    return noted is not None
