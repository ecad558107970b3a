"""Tells chats, once each, what came of what they asked for, from the queue `notifier.replies`."""

import asyncio

from sqlalchemy import Engine

from services.notifier.accounts import share_account
from services.notifier.asking.open_questions import take_asked
from services.notifier.asking.reply_texts import ReplyTexts
from services.notifier.linking.chat_links import linked_chat
from services.notifier.sending.bot_messages import Send, tell
from services.notifier.translations import Translations
from shared.contracts.replies import Reply, read_reply
from shared.database import transaction
from shared.instants import now
from shared.messaging.deliveries import Delivery


class ReplyEvents:
    """Handles one message of the queue."""

    def __init__(self, engine: Engine, translations: Translations) -> None:
        self._engine = engine
        self._translations = translations

    async def handle(self, delivery: Delivery) -> None:
        """Tell the chat that had asked. Raises UnreadableMessage."""
        await asyncio.to_thread(self._tell, read_reply(delivery.body))

    def _tell(self, reply: Reply) -> None:
        account_id = str(reply.account_id)
        with transaction(self._engine) as connection:
            account = share_account(connection, account_id)
            chat_id = take_asked(connection, reply.command_id, account_id)
            if chat_id is None or linked_chat(connection, account_id) != chat_id:
                return
            texts = ReplyTexts(self._translations.of(account.locale))
            tell(connection, Send(chat_id, texts.of(reply)), now())
