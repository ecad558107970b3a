"""Acts on Telegram's updates, each once: its id is stored in the transaction of its effects.

What Telegram is to be told besides the effects (the press of a button is answered, the question
loses its buttons) is done after the commit and may fail without harm.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from sqlalchemy import Connection, Engine
from sqlalchemy.dialects.postgresql import insert

from services.notifier.accounts import share_account
from services.notifier.bot_texts import BotTexts
from services.notifier.linking.chat_links import change_membership, linked_account, unlink
from services.notifier.linking.link_requests import (
    VALID_FOR_MINUTES,
    Declined,
    Linked,
    NotOpen,
    answer_question,
    close_request,
    use_code,
)
from services.notifier.sending.bot_messages import say
from services.notifier.tables import HANDLED_UPDATES
from services.notifier.telegram.client import TelegramClient
from services.notifier.telegram.updates import (
    Chat,
    Content,
    Ignored,
    MembershipChanged,
    Pressed,
    Spoke,
    Started,
    Stopped,
    Update,
    read_update,
)
from services.notifier.translations import Translations
from shared.database import transaction
from shared.instants import now
from shared.messaging.deliveries import Delivery


@dataclass(frozen=True, slots=True)
class _PressAnswer:
    """To be told to Telegram after the commit; buttons go when the question is over."""

    press: Pressed
    text: str


class UpdateHandler:
    """Handles one update of the queue `telegram.updates`."""

    def __init__(
        self, engine: Engine, telegram: TelegramClient, translations: Translations
    ) -> None:
        self._engine = engine
        self._telegram = telegram
        self._translations = translations

    async def handle(self, delivery: Delivery) -> None:
        """Act on one update. Raises UnreadableMessage."""
        update = read_update(delivery.body)
        for answer in await asyncio.to_thread(self._apply, update):
            await self._telegram.answer_button(answer.press.query_id, answer.text)
            await self._telegram.remove_buttons(answer.press.chat.id, answer.press.message_id)

    def _apply(self, update: Update) -> Sequence[_PressAnswer]:
        at = now()
        with transaction(self._engine) as connection:
            new = connection.scalar(
                insert(HANDLED_UPDATES)
                .values(update_id=update.update_id, handled_at=at)
                .on_conflict_do_nothing()
                .returning(HANDLED_UPDATES.c.update_id)
            )
            if new is None:
                return ()
            return self._act(connection, update.content, at)

    def _act(
        self, connection: Connection, content: Content, at: datetime
    ) -> Sequence[_PressAnswer]:
        match content:
            case Started():
                self._start(connection, content, at)
            case Stopped(chat):
                self._stop(connection, chat, at)
            case Spoke(chat):
                if chat.is_private:
                    texts = self._texts_for(connection, chat)
                    say(connection, chat.id, texts.help(chat.id), at)
            case Pressed():
                return self._answer(connection, content, at)
            case MembershipChanged(chat_id, blocked, changed_at):
                change_membership(
                    connection, chat_id, blocked=blocked, changed_at=changed_at, at=at
                )
            case Ignored():
                pass
            case _:
                assert_never(content)
        return ()

    def _start(self, connection: Connection, started: Started, at: datetime) -> None:
        chat = started.chat
        texts = self._texts_for(connection, chat)
        if not chat.is_private:
            # A code shown to a group is not used up: it is still good in a private chat.
            say(connection, chat.id, texts.private_chats_only(), at)
            return
        if started.code is None:
            say(connection, chat.id, texts.welcome(chat.id, VALID_FOR_MINUTES), at)
            return
        match use_code(connection, started.code, chat.id, at):
            case Linked(account):
                say(connection, chat.id, self._texts(account.locale).linked(), at)
            case NotOpen():
                say(connection, chat.id, texts.bad_code(), at)

    def _stop(self, connection: Connection, chat: Chat, at: datetime) -> None:
        texts = self._texts_for(connection, chat)
        account_id = linked_account(connection, chat.id)
        if account_id is None:
            if chat.is_private:
                say(connection, chat.id, texts.not_linked(), at)
            return
        unlink(connection, account_id, at)
        close_request(connection, account_id)
        say(connection, chat.id, texts.stopped(), at)

    def _answer(
        self, connection: Connection, press: Pressed, at: datetime
    ) -> Sequence[_PressAnswer]:
        chat = press.chat
        match answer_question(connection, press.code, chat.id, at, agreed=press.agreed):
            case Linked(account):
                text = self._texts(account.locale).linked()
                say(connection, chat.id, text, at)
            case Declined(account):
                text = self._texts(account.locale).answered_no()
            case NotOpen():
                text = self._texts_for(connection, chat).question_is_over()
        return (_PressAnswer(press, text),)

    def _texts_for(self, connection: Connection, chat: Chat) -> BotTexts:
        """Speak the language of the chat's account; before there is one, of the person."""
        account_id = linked_account(connection, chat.id)
        if account_id is None:
            return self._texts(chat.language)
        return self._texts(share_account(connection, account_id).locale)

    def _texts(self, locale: str) -> BotTexts:
        return BotTexts(self._translations.of(locale))
