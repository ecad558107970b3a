"""Carries out what the bot tells Telegram, from `telegram.messages`.

A message is sent once, by the desk. An edit takes its turn within the chat's limits like a message;
the answer to a press has no limits and goes at once. Both are repeated until Telegram has taken
them or their time has passed.
"""

import asyncio
from typing import assert_never

from sqlalchemy import Engine

from services.notifier.linking.chat_links import block, move_chat
from services.notifier.sending.bot_messages import (
    BotMessageV1,
    MessageEditV1,
    PressAnswerV1,
    read_telling,
)
from services.notifier.sending.delivery import DeliveryDesk, Envelope
from services.notifier.sending.message_states import Message, Refused
from services.notifier.sending.rate_limits import SendLimits
from services.notifier.sending.send_ends import Moved, NotYet
from services.notifier.telegram.client import TelegramClient
from services.notifier.telegram.errors import (
    Ambiguous,
    ChatMoved,
    ChatRefused,
    Failure,
    MessageRefused,
    NotSent,
    TokenRefused,
    TooManyRequests,
)
from shared.database import transaction
from shared.instants import now
from shared.messaging.deliveries import Delivery, RetryLater
from shared.process.structured_logs import get_logger

_AGAIN_SECONDS = 1.0
_TOKEN_REFUSED_SECONDS = 30.0

_log = get_logger(__name__)


class MessageConsumer:
    """Handles one message of the queue."""

    def __init__(
        self, engine: Engine, desk: DeliveryDesk, limits: SendLimits, telegram: TelegramClient
    ) -> None:
        self._engine = engine
        self._desk = desk
        self._limits = limits
        self._telegram = telegram

    async def handle(self, delivery: Delivery) -> None:
        """Carry it out, or drop it when it is too late. Raises RetryLater, UnreadableMessage."""
        match read_telling(delivery.body):
            case BotMessageV1() as body:
                message = Message(
                    identity=f"{body.kind}:{delivery.message_id}",
                    produced_at=body.produced_at,
                    not_after=body.not_after,
                    redelivered=delivery.redelivered,
                )
                await self._send(body, message, body.chat_id)
            case MessageEditV1() as edit:
                await self._edit(edit)
            case PressAnswerV1() as answer:
                await self._answer(answer)

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

    async def _edit(self, edit: MessageEditV1) -> None:
        if now() > edit.not_after:
            return
        if (wait_seconds := await self._limits.acquire(edit.chat_id)) > 0:
            raise RetryLater(wait_seconds, "Telegram's limits")
        failure = await self._telegram.edit_message(
            edit.chat_id, edit.message_id, edit.text, edit.buttons
        )
        await self._conclude(edit.chat_id, failure)

    async def _answer(self, answer: PressAnswerV1) -> None:
        if now() > answer.not_after:
            return
        failure = await self._telegram.answer_press(answer.query_id, answer.text)
        await self._conclude(answer.chat_id, failure)

    async def _conclude(self, chat_id: int, failure: Failure | None) -> None:
        """Raise RetryLater unless it is done, or never can be."""
        match failure:
            case None | ChatMoved():
                return
            case ChatRefused():
                await asyncio.to_thread(self._block_chat, chat_id)
            case MessageRefused(reason):
                _log.error("telegram refused an edit or an answer", reason=reason)
            case TooManyRequests(silence):
                await self._limits.pause(silence)
                raise RetryLater(silence.total_seconds(), "429 from Telegram")
            case TokenRefused(reason):
                raise RetryLater(_TOKEN_REFUSED_SECONDS, reason)
            case NotSent(reason) | Ambiguous(reason):
                raise RetryLater(_AGAIN_SECONDS, reason)
            case _:
                assert_never(failure)

    def _follow_chat(self, old_chat_id: int, new_chat_id: int) -> None:
        with transaction(self._engine) as connection:
            move_chat(connection, old_chat_id, new_chat_id, now())

    def _block_chat(self, chat_id: int) -> None:
        with transaction(self._engine) as connection:
            block(connection, chat_id, now())
