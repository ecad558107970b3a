"""What a chat can say about its link: /start, /stop, and the buttons of the bot's questions."""

import hashlib
from collections.abc import Sequence

from services.notifier.bot_texts import BotTexts
from services.notifier.hints import hint, is_due
from services.notifier.linking.chat_links import linked_account, unlink
from services.notifier.linking.link_questions import MOVE, question, read_answer
from services.notifier.linking.link_requests import (
    VALID_FOR_MINUTES,
    Declined,
    Linked,
    NotOpen,
    TakesChatAway,
    answer_question,
    close_request,
    use_code,
)
from services.notifier.sending.bot_messages import AnswerPress, Edit, Send, Telling
from services.notifier.telegram.updates import Pressed
from services.notifier.translations import Translations
from services.notifier.update_router import Turn


class LinkTalk:
    """Handlers of commands and presses, for the router."""

    def __init__(self, translations: Translations) -> None:
        self._translations = translations

    def start(self, turn: Turn, code: str | None) -> Sequence[Telling]:
        """Link the chat by the code of a deep link; without one, explain how to get it.

        A chat that belongs to another account is asked first: whoever made the link may not be
        the one who opened it.
        """
        chat_id, texts = turn.chat.id, turn.texts
        if code is None:
            return hint(turn, "welcome", texts.welcome(chat_id, VALID_FOR_MINUTES))
        match use_code(turn.connection, code, chat_id, turn.at):
            case Linked(account):
                return [Send(chat_id, self._texts(account.locale).linked())]
            case TakesChatAway():
                asked = question(chat_id, MOVE, code, texts.move_question(), texts)
                return [asked] if asks_anew(turn, code) else []
            case NotOpen():
                return hint(turn, "bad code", texts.bad_code())

    def stop(self, turn: Turn, _argument: str | None) -> Sequence[Telling]:
        """End the link of the chat, and whatever else its account has asked for."""
        account_id = linked_account(turn.connection, turn.chat.id)
        if account_id is None:
            return hint(turn, "not linked", turn.texts.not_linked())
        unlink(turn.connection, account_id, turn.at)
        close_request(turn.connection, account_id)
        return [Send(turn.chat.id, turn.texts.stopped())]

    def answer_link(self, turn: Turn, press: Pressed, data: str) -> Sequence[Telling]:
        """Take the answer to whether the chat is to be linked; only the asked chat's counts."""
        if (answer := read_answer(data)) is None:
            return over(turn, press)
        code, agreed = answer
        match answer_question(turn.connection, code, turn.chat.id, turn.at, agreed=agreed):
            case Linked(account):
                return self._linked(press, account.locale)
            case Declined(account):
                return ended(press, self._texts(account.locale).answered_no())
            case NotOpen():
                return over(turn, press)

    def answer_move(self, turn: Turn, press: Pressed, data: str) -> Sequence[Telling]:
        """Take the answer to whether the chat is to go to the account that made the code.

        A no leaves the code good: the account may still use it in a chat of its own.
        """
        if (answer := read_answer(data)) is None:
            return over(turn, press)
        code, agreed = answer
        if not agreed:
            return ended(press, turn.texts.not_moved())
        match use_code(turn.connection, code, turn.chat.id, turn.at, may_take_away=True):
            case Linked(account):
                return self._linked(press, account.locale)
            case _:
                return over(turn, press)

    def _linked(self, press: Pressed, locale: str) -> Sequence[Telling]:
        text = self._texts(locale).linked()
        return [*ended(press, text), Send(press.chat.id, text)]

    def _texts(self, locale: str) -> BotTexts:
        return BotTexts(self._translations.of(locale))


def asks_anew(turn: Turn, code: str) -> bool:
    """Whether the chat has not just been asked about this code."""
    # Of a code only a hash is kept, here as everywhere.
    asked = hashlib.sha256(code.encode()).hexdigest()
    return is_due(turn.connection, turn.chat.id, f"move {asked}", turn.at)


def over(turn: Turn, press: Pressed) -> Sequence[Telling]:
    """Say that a question is no longer open, and take its buttons away."""
    text = turn.texts.question_is_over()
    if is_due(turn.connection, turn.chat.id, f"over {press.message_id}", turn.at):
        return ended(press, text)
    return [AnswerPress(press.chat.id, press.query_id, text)]


def ended(press: Pressed, text: str) -> Sequence[Telling]:
    """Answer the press, and take the question's buttons away."""
    return [
        AnswerPress(press.chat.id, press.query_id, text),
        Edit(press.chat.id, press.message_id),
    ]
