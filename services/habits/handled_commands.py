"""Which commands from the broker have been handled: each is carried out once.

A command is noted in the transaction that carries it out, so whatever repeats it does no harm.
"""

from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from services.habits.tables import handled_commands
from shared.contracts.day_commands import AnswerDayV1, UndoLastV1


def note_command(connection: Connection, command: AnswerDayV1 | UndoLastV1, **about: Any) -> bool:
    """Note a command as handled, with the columns it is `about`; return whether it is new."""
    noted = connection.scalar(
        insert(handled_commands)
        .values(
            command_id=command.command_id,
            account_id=command.account_id,
            pressed_at=command.at,
            **about,
        )
        .on_conflict_do_nothing()
        .returning(handled_commands.c.command_id)
    )
    return noted is not None
