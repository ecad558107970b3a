"""The internal messages of the queue `habits.commands`: what somebody asked for in Telegram.

They are sent by the notifier to habits alone, through the default exchange, so they are no
CloudEvents. What came of an answer, `habit.day_recorded.v1` and `habit.day_cleared.v1` tell
everybody; what was asked for is replied to in `notifier.replies` (see shared.contracts.replies).
"""

from dataclasses import dataclass
from datetime import date as local_date
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from pydantic import AwareDatetime, Discriminator, Tag, TypeAdapter

from shared.contracts.cloud_event import read_body

# `progress`: one more of what the habit's target counts.
Wish = Literal["done", "skipped", "cleared", "progress"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerDayV1:
    """What the account wants recorded of its habit's date; `at` is when it pressed.

    `command_id` names the press for ever: whoever has carried it out knows it when it comes again.
    `slot` counts the habit's times of a day from 0; the answer is for that time. Progress adds up:
    unlike the other wishes it is not overtaken by what was pressed later.
    """

    kind: Literal["answer_day"] = "answer_day"
    command_id: str
    account_id: UUID
    habit_id: UUID
    date: local_date
    slot: int
    wish: Wish
    at: AwareDatetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoLastV1:
    """The account wants its last change undone, whichever channel it came through."""

    kind: Literal["undo_last"] = "undo_last"
    command_id: str
    account_id: UUID
    at: AwareDatetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AskHabitsV1:
    """The account asks what is due on its date of today, or for its habits' statistics."""

    kind: Literal["ask_habits"] = "ask_habits"
    command_id: str
    account_id: UUID
    question: Literal["today", "stats"]
    at: AwareDatetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunImportV1:
    """An uploaded file waits to be taken in; habits sends this to itself."""

    kind: Literal["run_import"] = "run_import"
    command_id: str
    account_id: UUID
    import_id: UUID
    at: AwareDatetime


HabitsCommand = AnswerDayV1 | UndoLastV1 | AskHabitsV1 | RunImportV1


def _kind_of(body: Any) -> str:
    """Return the kind of a body; answers from before there were others do not tell it."""
    return str(body.get("kind", "answer_day")) if isinstance(body, dict) else body.kind


_ANY = cast(
    "type[HabitsCommand]",
    Annotated[
        Annotated[AnswerDayV1, Tag("answer_day")]
        | Annotated[UndoLastV1, Tag("undo_last")]
        | Annotated[AskHabitsV1, Tag("ask_habits")]
        | Annotated[RunImportV1, Tag("run_import")],
        Discriminator(_kind_of),
    ],
)
_COMMANDS: TypeAdapter[HabitsCommand] = TypeAdapter(_ANY)


def command_to_json(command: HabitsCommand) -> dict[str, Any]:
    """Return the message's body as JSON-ready values; instants end in `Z`."""
    values: dict[str, Any] = _COMMANDS.dump_python(command, mode="json")
    return values


def read_command(raw_body: bytes) -> HabitsCommand:
    """Read a body that `command_to_json` made; fields it does not know are ignored.

    Raises UnreadableMessage.
    """
    return read_body(_ANY, raw_body)
