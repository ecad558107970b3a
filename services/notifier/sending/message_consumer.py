"""Carries out what the bot tells Telegram, from `telegram.messages`.

A message is sent once, by the desk. An edit takes its turn within the chat's limits like a message;
the answer to a press has turns of its own. Both are repeated until Telegram has taken them or their
time has passed.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from sqlalchemy import Connection, Engine

from services.notifier.linking.chat_links import block
from services.notifier.sending import delivery_states
from services.notifier.sending.bot_messages import (
    BotMessageV1,
    Edit,
    MessageEditV1,
    PressAnswerV1,
    read_telling,
)
from services.notifier.sending.delivery import DeliveryDesk
from services.notifier.sending.delivery_ends import TOKEN_REFUSED_PAUSE
from services.notifier.sending.delivery_states import Ends, Known
from services.notifier.sending.envelopes import Envelope, NotYet
from services.notifier.sending.rate_limits import NoTurn, SendLimits, Turn
from services.notifier.telegram.client import TelegramClient
from services.notifier.telegram.errors import (
    Ambiguous,
    ChatRefused,
    Failure,
    MessageRefused,
    NotSent,
    ServerFailed,
    TokenRefused,
    TooManyRequests,
)
from shared.database import transaction
from shared.instants import now
from shared.messaging.deliveries import Delivery, RetryLater
from shared.process.structured_logs import get_logger

_AGAIN_SECONDS = 1.0

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Chat:
    """The owner of a message of the bot: its chat, whether it is linked or not."""

    chat_id: int

    def may_send(self, connection: Connection) -> bool:
        return True

    def lock(self, connection: Connection) -> bool:
        return True

    def record(self, connection: Connection, ends: Ends) -> None:
        """Note that the chat is gone; nothing else is kept."""
        if any(end.outcome == "chat_gone" for end in ends.values()):
            block(connection, self.chat_id, now())


# What a message is to show now, given what was asked for; None when it is to be let be.
Refresh = Callable[[Connection, Edit], Edit | None]


def as_asked(_connection: Connection, edit: Edit) -> Edit:
    """Show what was asked for."""
    return edit


class MessageConsumer:
    """Handles one message of the queue."""

    def __init__(
        self,
        engine: Engine,
        desk: DeliveryDesk,
        limits: SendLimits,
        telegram: TelegramClient,
        refresh: Refresh = as_asked,
    ) -> None:
        self._engine = engine
        self._reading = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._desk = desk
        self._limits = limits
        self._telegram = telegram
        self._refresh = refresh

    async def handle(self, delivery: Delivery) -> None:
        """Carry it out, or drop it when it is too late. Raises RetryLater, UnreadableMessage."""
        match read_telling(delivery.body):
            case BotMessageV1() as body:
                await self._send(body, f"{body.kind}:{delivery.message_id}")
            case MessageEditV1() as edit:
                await self._edit(edit)
            case PressAnswerV1() as answer:
                await self._answer(answer)

    async def _send(self, body: BotMessageV1, identity: str) -> None:
        envelope = Envelope(
            identities=(identity,),
            kind=body.kind,
            chat_id=body.chat_id,
            text=body.text,
            buttons=body.buttons,
            not_after=body.not_after,
        )
        owner = _Chat(body.chat_id)
        known = await asyncio.to_thread(self._look, envelope)
        if known.vanished:
            await self._desk.give_up(envelope.kind, known.vanished, owner)
            return
        for seconds in known.busy_seconds.values():
            raise RetryLater(seconds, "another worker has it")
        if known.ended:
            return
        end = await self._desk.deliver(envelope, owner)
        if isinstance(end, NotYet):
            raise RetryLater(end.delay_seconds, end.reason)

    def _look(self, envelope: Envelope) -> Known:
        with self._reading.connect() as connection:
            return delivery_states.look(connection, envelope.identities)

    async def _edit(self, edit: MessageEditV1) -> None:
        if now() > edit.not_after:
            return
        await _wait_for(await self._limits.book(edit.chat_id, 0))
        asked = Edit(edit.chat_id, edit.message_id, edit.text, edit.buttons)
        shown = await asyncio.to_thread(self._to_show, asked)
        if shown is None:
            return
        failure = await self._telegram.edit_message(
            shown.chat_id, shown.message_id, shown.text, shown.buttons
        )
        await self._conclude(edit.chat_id, failure)
        # Edits overtake each other: whichever comes last, the message must end up as it is to be.
        if await asyncio.to_thread(self._to_show, asked) != shown:
            raise RetryLater(_AGAIN_SECONDS, "it is to show something else by now")

    def _to_show(self, asked: Edit) -> Edit | None:
        with self._reading.connect() as connection:
            return self._refresh(connection, asked)

    async def _answer(self, answer: PressAnswerV1) -> None:
        if now() > answer.not_after:
            return
        await _wait_for(await self._limits.book_answer(answer.chat_id))
        failure = await self._telegram.answer_press(answer.query_id, answer.text)
        await self._conclude(answer.chat_id, failure)

    async def _conclude(self, chat_id: int, failure: Failure | None) -> None:
        """Raise RetryLater unless it is done, or never can be."""
        match failure:
            case None:
                return
            case ChatRefused():
                await asyncio.to_thread(self._block_chat, chat_id)
            case MessageRefused(reason):
                _log.error("telegram refused an edit or an answer", reason=reason)
            case TooManyRequests(silence):
                await self._limits.pause_chat(chat_id, silence)
                raise RetryLater(silence.total_seconds(), "429 from Telegram")
            case TokenRefused(reason):
                raise RetryLater(TOKEN_REFUSED_PAUSE.total_seconds(), reason)
            case NotSent(reason) | Ambiguous(reason) | ServerFailed(reason):
                raise RetryLater(_AGAIN_SECONDS, reason)
            case _:
                assert_never(failure)

    def _block_chat(self, chat_id: int) -> None:
        with transaction(self._engine) as connection:
            block(connection, chat_id, now())


async def _wait_for(turn: Turn | NoTurn) -> None:
    """Wait until the turn begins. Raises RetryLater when there is none."""
    if isinstance(turn, NoTurn):
        raise RetryLater(turn.wait_seconds, "Telegram's limits")
    await asyncio.sleep(turn.seconds_left())
