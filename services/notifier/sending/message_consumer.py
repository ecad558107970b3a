"""Sends the bot's questions and replies from `telegram.messages`, each once."""

import asyncio

from sqlalchemy import Engine

from services.notifier.linking.chat_links import block, move_chat
from services.notifier.sending.bot_messages import BotMessageV1
from services.notifier.sending.delivery import DeliveryDesk, Envelope
from services.notifier.sending.message_states import Message, Refused
from services.notifier.sending.send_ends import Moved, NotYet
from shared.contracts.cloud_event import read_body
from shared.database import transaction
from shared.instants import now
from shared.messaging.deliveries import Delivery, RetryLater


class MessageConsumer:
    """Handles one message of the queue."""

    def __init__(self, engine: Engine, desk: DeliveryDesk) -> None:
        self._engine = engine
        self._desk = desk

    async def handle(self, delivery: Delivery) -> None:
        """Send it, or drop it when its time has passed. Raises RetryLater, UnreadableMessage."""
        body = read_body(BotMessageV1, delivery.body)
        message = Message(
            identity=f"{body.kind}:{delivery.message_id}",
            produced_at=body.produced_at,
            not_after=body.not_after,
            redelivered=delivery.redelivered,
        )
        await self._send(body, message, body.chat_id)

    async def _send(self, body: BotMessageV1, message: Message, chat_id: int) -> None:
        envelope = Envelope(
            message=message,
            kind=body.kind,
            chat_id=chat_id,
            text=body.text,
            buttons=body.buttons,
        )
        match await self._desk.deliver(envelope):
            case NotYet(delay_seconds, reason):
                raise RetryLater(delay_seconds, reason)
            case Moved(new_chat_id):
                await asyncio.to_thread(self._follow_chat, chat_id, new_chat_id)
                await self._send(body, message, new_chat_id)
            case Refused(outcome="chat_gone"):
                await asyncio.to_thread(self._block_chat, chat_id)
            case _:
                return

    def _follow_chat(self, old_chat_id: int, new_chat_id: int) -> None:
        with transaction(self._engine) as connection:
            move_chat(connection, old_chat_id, new_chat_id, now())

    def _block_chat(self, chat_id: int) -> None:
        with transaction(self._engine) as connection:
            block(connection, chat_id, now())
