"""The bot's questions about links: two buttons, whose data name the request and the answer."""

import re

from services.notifier.bot_texts import BotTexts
from services.notifier.sending.bot_messages import Send
from services.notifier.telegram.client import Button

# Whether the chat's reminders are wanted, and whether the chat is to go to another account.
LINK = "link"
MOVE = "move"

_ANSWER = re.compile(r"([A-Za-z0-9_-]{1,40}):(yes|no)", re.ASCII)


def question(chat_id: int, about: str, code: str, text: str, texts: BotTexts) -> Send:
    """Return a question; its answers come back as presses with the prefix `about`."""
    buttons = (
        Button(texts.yes_button(), f"{about}:{code}:yes"),
        Button(texts.no_button(), f"{about}:{code}:no"),
    )
    return Send(chat_id, text, buttons)


def read_answer(data: str) -> tuple[str, bool] | None:
    """Return the code and whether the chat agrees, from what follows the prefix."""
    answer = _ANSWER.fullmatch(data)
    return None if answer is None else (answer[1], answer[2] == "yes")
