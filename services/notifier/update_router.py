"""Who acts on what a chat does: commands by their name, presses by the prefix of their data.

A button's data is `prefix:rest`; a handler gets what follows the prefix. What a handler has to tell
Telegram it returns.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.notifier.bot_texts import BotTexts
from services.notifier.sending.bot_messages import Telling
from services.notifier.telegram.updates import Chat, Command, Pressed, Spoke


@dataclass(frozen=True, slots=True)
class Turn:
    """What a chat did is being acted on, in a transaction of its own.

    `texts` speak the language of the chat's account; before there is one, of the person.
    """

    connection: Connection
    update_id: int
    chat: Chat
    at: datetime
    texts: BotTexts


CommandHandler = Callable[[Turn, str | None], Sequence[Telling]]
PressHandler = Callable[[Turn, Pressed, str], Sequence[Telling]]


@dataclass(frozen=True, slots=True)
class Router:
    """`help` answers what is no known command, `old_button` a press that nobody knows any more."""

    commands: Mapping[str, CommandHandler]
    presses: Mapping[str, PressHandler]
    help: CommandHandler
    old_button: PressHandler

    def act(self, turn: Turn, content: Command | Spoke | Pressed) -> Sequence[Telling]:
        """Have the handler act; return what Telegram is to be told."""
        match content:
            case Command():
                return self.commands.get(content.name, self.help)(turn, content.argument)
            case Pressed():
                prefix, _, rest = content.data.partition(":")
                return self.presses.get(prefix, self.old_button)(turn, content, rest)
            case Spoke():
                return self.help(turn, None)
