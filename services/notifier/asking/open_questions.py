"""What chats have asked for and have not been told yet, so that each reply is told once.

The reply is told in the chat that asked, if that is still the account's; what nobody asked, or what
was told already, is told to nobody.
"""

from datetime import datetime

from sqlalchemy import Connection, delete
from sqlalchemy.dialects.postgresql import insert

from services.notifier.tables import OPEN_QUESTIONS

_columns = OPEN_QUESTIONS.c


def note_asked(
    connection: Connection, command_id: str, account_id: str, chat_id: int, at: datetime
) -> None:
    """Note that a chat waits for the reply to a command."""
    connection.execute(
        insert(OPEN_QUESTIONS).values(
            command_id=command_id, account_id=account_id, chat_id=chat_id, asked_at=at
        )
    )


def take_asked(connection: Connection, command_id: str, account_id: str) -> int | None:
    """Return the chat that waits for a reply, which waits no longer; None when none does."""
    chat_id: int | None = connection.scalar(
        delete(OPEN_QUESTIONS)
        .where(_columns.command_id == command_id, _columns.account_id == account_id)
        .returning(_columns.chat_id)
    )
    return chat_id


def erase_questions(connection: Connection, account_id: str) -> None:
    """Forget what an account has asked for."""
    connection.execute(delete(OPEN_QUESTIONS).where(_columns.account_id == account_id))
