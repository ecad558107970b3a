"""Carries out what people ask for in Telegram, and imports, from the queue `habits.commands`."""

import asyncio
from collections.abc import Callable
from typing import assert_never

from sqlalchemy import Engine

from services.habits.asked_questions import AskedQuestions
from services.habits.days.day_commands import DayCommands
from services.habits.days.pressed_answers import carry_out_press
from services.habits.owners import AccountErased
from services.habits.portable.import_work import Importing
from services.habits.undo.asked_undo import carry_out_undo
from services.habits.undo.undo_commands import UndoCommands
from shared.contracts.day_commands import (
    AnswerDayV1,
    AskHabitsV1,
    HabitsCommand,
    RunImportV1,
    UndoLastV1,
    read_command,
)
from shared.messaging.deliveries import Delivery, Handler
from shared.process.structured_logs import get_logger

_log = get_logger(__name__)


def handle_telegram_commands(
    engine: Engine,
    days: DayCommands,
    undo: UndoCommands,
    questions: AskedQuestions,
    importing: Importing,
) -> Handler:
    """Return the handler of the queue `habits.commands`."""

    def carry_out(command: HabitsCommand) -> None:
        match command:
            case AnswerDayV1():
                carry_out_press(engine, days, command)
            case AskHabitsV1():
                questions.answer(command)
            case UndoLastV1():
                carry_out_undo(engine, undo, command)
            case RunImportV1():
                importing.run(command.account_id, command.import_id)
            case _:
                assert_never(command)

    async def handle(delivery: Delivery) -> None:
        command = read_command(delivery.body)
        await asyncio.to_thread(_unless_erased, carry_out, command)

    return handle


def _unless_erased(carry_out: Callable[[HabitsCommand], None], command: HabitsCommand) -> None:
    try:
        carry_out(command)
    except AccountErased:
        _log.info("a command of an erased account", command_id=command.command_id)
