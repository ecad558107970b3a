"""Undoes what is asked for in Telegram: once, however often it comes; replies what it was."""

from functools import partial

from sqlalchemy import Connection, Engine

from services.habits.days.day_events import Channel
from services.habits.handled_commands import note_command
from services.habits.owners import lock_owner
from services.habits.undo.undo_commands import (
    NothingToUndo,
    UndoBreaksRule,
    UndoCommands,
)
from shared.contracts.day_commands import UndoLastV1
from shared.contracts.replies import UndoReplyV1, reply_to_json
from shared.contracts.topology import NOTIFIER_REPLIES
from shared.database import transaction
from shared.outbox.table import add_message


def carry_out_undo(engine: Engine, undo: UndoCommands, command: UndoLastV1) -> None:
    """Undo the account's last change; command, change and reply are one transaction.

    Raises AccountErased.
    """
    with transaction(engine) as connection:
        lock_owner(connection, command.account_id)
        if note_command(connection, command):
            body = reply_to_json(_undo(connection, undo, command))
            add_message(connection, NOTIFIER_REPLIES, str(command.account_id), body)


def _undo(connection: Connection, undo: UndoCommands, command: UndoLastV1) -> UndoReplyV1:
    reply = partial(UndoReplyV1, command_id=command.command_id, account_id=command.account_id)
    try:
        with connection.begin_nested():
            undone = undo.undo_last_in(connection, command.account_id, Channel.TELEGRAM)
    except NothingToUndo:
        return reply(change=None)
    except UndoBreaksRule as broken:
        return reply(change=broken.stored_type, refused=broken.reasons)
    return reply(
        change=undone.stored_type,
        action=undone.action,
        date=undone.date,
        changed_at=undone.at,
    )
