"""`dead-letters list|replay`: what could not be handled, to be read and, once mended, tried again.

`list` takes nothing away. `replay` puts a message back into its queue, confirmed, before it is
taken from the dead letters; a crash in between leaves it in both, which does no harm: every handler
knows what it has done already. A second replay finds nothing left to do.
"""

import argparse
import asyncio
import json
import sys
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import aio_pika
from aio_pika.abc import AbstractIncomingMessage, AbstractQueue

from shared.contracts.topology import WorkQueue
from shared.instants import to_json
from shared.messaging.publisher import BROKER_ERRORS, Publisher

_CONNECT_TIMEOUT_SECONDS = 5.0
_EXCERPT_CHARACTERS = 200
_DEFAULT_LIMIT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One message, as `list` shows it."""

    queue: str
    message_id: str | None
    type: str | None
    reason: str | None
    dead_since: str | None
    body: str


async def list_dead_letters(url: str, queues: Sequence[WorkQueue], limit: int) -> list[DeadLetter]:
    """Read at most `limit` dead letters of each queue, leaving them where they are."""
    found: list[DeadLetter] = []
    for queue in queues:
        async with _dead_letters_of(url, queue) as dead:
            # Held back until all are read, or the same one would come again.
            messages = [message async for message in _take(dead, limit)]
            found.extend(_describe(queue, message) for message in messages)
            for message in messages:
                await message.nack(requeue=True)
    return found


async def replay_dead_letters(
    url: str, queues: Sequence[WorkQueue], limit: int, *, name: str
) -> dict[str, int]:
    """Move at most `limit` dead letters of each queue back to it; return how many, by queue.

    `name` is for the broker's list of connections.

    Raises PublishFailed or Unroutable when the broker does not take one; it then stays dead.
    """
    moved: dict[str, int] = {}
    async with Publisher(url, name) as publisher:
        for queue in queues:
            moved[queue.name] = 0
            async with _dead_letters_of(url, queue) as dead:
                # No more than there are now: what dies again at once must not go round for ever.
                async for message in _take(dead, min(limit, _present(dead))):
                    await _put_back(publisher, queue, message)
                    await message.ack()
                    moved[queue.name] += 1
    return moved


async def count_dead_letters(url: str, queue: WorkQueue) -> int:
    """Return how many dead letters a queue has."""
    async with _dead_letters_of(url, queue) as dead:
        return _present(dead)


async def forget_dead_letters(url: str, queue: WorkQueue, before: datetime) -> int:
    """Remove the dead letters that died before an instant; return how many they were.

    The oldest is at the head, so the first younger one ends the search. What bears no instant of
    its death was put there by hand and stays. All that is not removed goes back to its place when
    the connection closes.
    """
    forgotten = 0
    async with _dead_letters_of(url, queue) as dead:
        async for message in _take(dead, _present(dead)):
            died_at = _death(queue, message).get("time")
            if not isinstance(died_at, datetime):
                continue
            if died_at >= before:
                break
            await message.ack()
            forgotten += 1
    return forgotten


@asynccontextmanager
async def _dead_letters_of(url: str, queue: WorkQueue) -> AsyncIterator[AbstractQueue]:
    connection = await aio_pika.connect(url, timeout=_CONNECT_TIMEOUT_SECONDS)
    async with connection:
        channel = await connection.channel()
        yield await channel.declare_queue(queue.dead_letter_queue, passive=True)


def _present(dead: AbstractQueue) -> int:
    return dead.declaration_result.message_count or 0


async def _take(dead: AbstractQueue, limit: int) -> AsyncIterator[AbstractIncomingMessage]:
    for _ in range(limit):
        message = await dead.get(fail=False)
        if message is None:
            return
        yield message


async def _put_back(
    publisher: Publisher, queue: WorkQueue, message: AbstractIncomingMessage
) -> None:
    # Only the event's own headers: the attempts and the history of deaths begin anew.
    headers = {
        name: value for name, value in message.headers.items() if name.startswith("cloudEvents:")
    }
    await publisher.publish(
        "",
        queue.name,
        message.body,
        message_id=message.message_id or str(uuid.uuid4()),
        headers=headers,
        message_type=message.type,
        content_type=message.content_type,
    )


def _describe(queue: WorkQueue, message: AbstractIncomingMessage) -> DeadLetter:
    headers = message.headers
    event_type = headers.get("cloudEvents:type") or message.type
    death = _death(queue, message)
    since = death.get("time")
    return DeadLetter(
        queue=queue.name,
        message_id=message.message_id,
        type=None if event_type is None else str(event_type),
        reason=death.get("reason"),
        dead_since=to_json(since) if isinstance(since, datetime) else None,
        body=message.body.decode("utf-8", "replace")[:_EXCERPT_CHARACTERS],
    )


def _death(queue: WorkQueue, message: AbstractIncomingMessage) -> dict[str, Any]:
    """Return what the broker notes of the death in this queue, or else of the last one."""
    deaths: Any = message.headers.get("x-death") or [{}]
    own_deaths = [death for death in deaths if death.get("queue") == queue.name]
    return dict((own_deaths or deaths)[0])


def run_command(
    service: str, url: str, all_queues: Sequence[WorkQueue], arguments: Sequence[str]
) -> None:
    """Run a service's command line; exits with a message when the broker is not there."""
    parser = argparse.ArgumentParser(prog=f"python -m services.{service} dead-letters")
    parser.add_argument("action", choices=("list", "replay"))
    parser.add_argument("--queue", choices=[queue.name for queue in all_queues])
    parser.add_argument("--limit", type=int, default=_DEFAULT_LIMIT, help="for each queue")
    options = parser.parse_args(arguments)
    queues = [queue for queue in all_queues if options.queue in (None, queue.name)]
    try:
        if options.action == "list":
            for letter in asyncio.run(list_dead_letters(url, queues, options.limit)):
                print(json.dumps(asdict(letter), ensure_ascii=False))
        else:
            replay = replay_dead_letters(url, queues, options.limit, name=f"{service}-dead-letters")
            for name, count in asyncio.run(replay).items():
                print(f"{name}: {count} replayed")
    except BROKER_ERRORS as error:
        sys.exit(f"RabbitMQ: {error!r}")
