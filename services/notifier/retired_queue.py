"""Empties and deletes `telegram.updates`, the queue in which earlier releases kept updates.

Telegram has been told that these updates arrived, so they are nowhere else. They are handled here
first; the dead among them go to the unhandled ones. While a process of an earlier release still
consumes, the queue is left to it. As the only consumer we are given whatever is published until the
queue is deleted; a later publish has no queue, is not confirmed, and comes from Telegram again.

This file can go with the first release that no longer follows one with the queue.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aio_pika
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage, AbstractQueue
from aiormq.exceptions import ChannelNotFoundEntity
from sqlalchemy.exc import SQLAlchemyError

from shared.contracts.cloud_event import UnreadableMessage
from shared.contracts.topology import RETRY_DELAYS_SECONDS, WorkQueue
from shared.messaging.publisher import BROKER_ERRORS
from shared.process.structured_logs import get_logger

QUEUE = WorkQueue("telegram.updates")
FIRST_ATTEMPT_SECONDS = 5.0
AGAIN_SECONDS = 15.0
_ATTEMPT_SECONDS = 60.0
_CONNECT_SECONDS = 5.0
_PATIENCE_SECONDS = 30
# What was being published when we came has arrived after this.
_QUIET_SECONDS = 0.5

Take = Callable[[bytes], None]

_log = get_logger(__name__)


async def retire_queue(url: str, handle: Take, keep_dead: Take) -> bool:
    """Empty the queue and delete it; False when that has to be tried again later.

    `handle` and `keep_dead` take one update each, and raise UnreadableMessage for what is none.
    """
    try:
        async with asyncio.timeout(_ATTEMPT_SECONDS):
            connection = await aio_pika.connect(url, timeout=_CONNECT_SECONDS)
            async with connection:
                if not await _work_off(connection, handle):
                    _log.info("an older process still consumes", queue=QUEUE.name)
                    return False
                await _move_dead(connection, keep_dead)
    except (SQLAlchemyError, *BROKER_ERRORS) as error:
        _log.warning("queue not retired, trying again", queue=QUEUE.name, reason=repr(error))
        return False
    return True


@asynccontextmanager
async def queue_retired(url: str, handle: Take, keep_dead: Take) -> AsyncIterator[None]:
    """Retire the queue before a block brings newer updates; later ones wait for no broker."""
    again = asyncio.create_task(_keep_retiring(url, handle, keep_dead))
    await asyncio.wait({again}, timeout=FIRST_ATTEMPT_SECONDS)
    try:
        yield
    finally:
        again.cancel()
        await asyncio.gather(again, return_exceptions=True)


async def _keep_retiring(url: str, handle: Take, keep_dead: Take) -> None:
    while True:
        if await retire_queue(url, handle, keep_dead):
            return
        await asyncio.sleep(AGAIN_SECONDS)


async def _work_off(connection: AbstractConnection, handle: Take) -> bool:
    """Empty and delete the queue and its retries; False while somebody else consumes."""
    if (queue := await _find(connection, QUEUE.name)) is None:
        return True
    if _consumers(queue) > 0:
        return False
    arrived: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
    await queue.consume(arrived.put)
    for delay_seconds in RETRY_DELAYS_SECONDS:
        await _empty_retries(connection, QUEUE.retry_queue(delay_seconds), handle)
    await _handle_arrived(arrived, handle)
    if (found := await _find(connection, QUEUE.name)) is None or _consumers(found) > 1:
        return False
    await queue.delete(if_unused=False, if_empty=False)
    # Of these there is no other copy any more.
    await _handle_arrived(arrived, _patient(handle), acknowledge=False)
    _log.info("queue retired", queue=QUEUE.name)
    return True


async def _empty_retries(connection: AbstractConnection, name: str, handle: Take) -> None:
    if (queue := await _find(connection, name)) is None:
        return
    while (message := await queue.get(fail=False)) is not None:
        await asyncio.to_thread(_handle_one, message, handle)
        await message.ack()
    await queue.delete(if_unused=False, if_empty=False)


async def _handle_arrived(
    arrived: asyncio.Queue[AbstractIncomingMessage], handle: Take, *, acknowledge: bool = True
) -> None:
    while True:
        try:
            message = await asyncio.wait_for(arrived.get(), _QUIET_SECONDS)
        except TimeoutError:
            return
        await asyncio.to_thread(_handle_one, message, handle)
        if acknowledge:
            await message.ack()


def _handle_one(message: AbstractIncomingMessage, handle: Take) -> None:
    try:
        handle(message.body)
    except UnreadableMessage as error:
        _log.error("an update that is none, dropped", reason=str(error))


def _patient(handle: Take) -> Take:
    def take(raw: bytes) -> None:
        for _ in range(_PATIENCE_SECONDS):
            try:
                return handle(raw)
            except SQLAlchemyError as error:
                _log.warning("not handled, trying again", reason=repr(error))
                time.sleep(1)
        return handle(raw)

    return take


async def _move_dead(connection: AbstractConnection, keep_dead: Take) -> None:
    """Keep the dead letters elsewhere; what is no update stays, and with it the queue."""
    if (queue := await _find(connection, QUEUE.dead_letter_queue)) is None:
        return
    unreadable = []
    while (message := await queue.get(fail=False)) is not None:
        try:
            await asyncio.to_thread(keep_dead, message.body)
        except UnreadableMessage:
            unreadable.append(message)
        else:
            await message.ack()
    for message in unreadable:
        await message.nack(requeue=True)
    if unreadable:
        _log.warning("unreadable letters stay", queue=queue.name, count=len(unreadable))
    else:
        await queue.delete(if_unused=False, if_empty=False)


async def _find(connection: AbstractConnection, name: str) -> AbstractQueue | None:
    channel = await connection.channel()
    try:
        return await channel.declare_queue(name, passive=True)
    except ChannelNotFoundEntity:
        return None


def _consumers(queue: AbstractQueue) -> int:
    return queue.declaration_result.consumer_count or 0
