"""Looks into queues from outside, as an operator would."""

import json
from typing import NamedTuple

import aio_pika
from aio_pika.abc import AbstractIncomingMessage


class Arrival(NamedTuple):
    """One delivery of an event."""

    subject: str
    version: int
    event_id: str


async def take_all(url: str, queue: str) -> list[AbstractIncomingMessage]:
    """Take everything that is in a queue now, oldest first."""
    taken = []
    async with await aio_pika.connect(url) as connection:
        source = await (await connection.channel()).get_queue(queue, ensure=False)
        while (message := await source.get(no_ack=True, fail=False)) is not None:
            taken.append(message)
    return taken


async def depth(url: str, queue: str) -> int:
    """Return how many messages wait in a queue."""
    async with await aio_pika.connect(url) as connection:
        declared = await (await connection.channel()).declare_queue(queue, passive=True)
        return declared.declaration_result.message_count or 0


async def arrivals(url: str, queue: str) -> list[Arrival]:
    """Take all events out of a queue."""
    return [
        Arrival(
            str(message.headers["cloudEvents:subject"]),
            int(json.loads(message.body)["version"]),
            str(message.message_id),
        )
        for message in await take_all(url, queue)
    ]


def first_seen(arrived: list[Arrival]) -> dict[str, list[int]]:
    """Return the versions of each aggregate in the order of their first arrival.

    Fails when a version came under two event ids: a duplicate has to be recognisable as one.
    """
    ids: dict[tuple[str, int], str] = {}
    versions: dict[str, list[int]] = {}
    for arrival in arrived:
        key = (arrival.subject, arrival.version)
        if key not in ids:
            versions.setdefault(arrival.subject, []).append(arrival.version)
        assert ids.setdefault(key, arrival.event_id) == arrival.event_id, f"two events: {key}"
    return versions
