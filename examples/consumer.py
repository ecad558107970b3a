"""A consumer of all events with their whole history: bind a queue, read the feed, then the queue.

It keeps the newest state of each subject in a file. Written from docs/events.md alone; needs the
packages aio-pika and requests. It may be killed at any moment and started again.
"""

import asyncio
import json
import os
import sqlite3
from typing import Any

import aio_pika
import requests

QUEUE = f"consumer.{os.environ['CONSUMER_NAME']}.events"
TABLES = """
CREATE TABLE IF NOT EXISTS states (subject PRIMARY KEY, version, type, owner, body);
CREATE TABLE IF NOT EXISTS cursor (one INTEGER PRIMARY KEY CHECK (one = 1), event_id TEXT);
"""
KEEP = """
INSERT INTO states VALUES (?, ?, ?, ?, ?) ON CONFLICT (subject) DO UPDATE
   SET version = excluded.version, type = excluded.type, body = excluded.body
 WHERE states.version < excluded.version
"""
IS_ERASED = "SELECT 1 FROM states WHERE subject = ? AND type LIKE 'account.deleted.%'"


def keep(file: sqlite3.Connection, subject: str, event_type: str, body: dict[str, Any]) -> None:
    """Keep a state unless a newer one is known: duplicates and reordering do no harm."""
    owner = body.get("owner_id") or body.get("account_id")
    if file.execute(IS_ERASED, (owner,)).fetchone():
        return
    file.execute(KEEP, (subject, body["version"], event_type, owner, json.dumps(body)))
    if event_type.startswith("account.deleted."):
        file.execute("DELETE FROM states WHERE owner = ?", (subject,))


def read_feed(file: sqlite3.Connection) -> None:
    """Read the feed from where we were to its end."""
    headers = {"Authorization": f"Bearer {os.environ['FEED_TOKEN']}"}
    row = file.execute("SELECT event_id FROM cursor").fetchone()
    last = {"lastEventId": row[0]} if row else {}
    while True:
        answer = requests.get(os.environ["FEED_URL"], params=last, headers=headers, timeout=30)
        answer.raise_for_status()
        if not (page := answer.json()):
            return
        last = {"lastEventId": page[-1]["id"]}
        with file:
            for event in page:
                keep(file, event["subject"], event["type"], event["data"])
            file.execute("INSERT OR REPLACE INTO cursor VALUES (1, ?)", (page[-1]["id"],))


async def main() -> None:
    file = sqlite3.connect(os.environ["STATE_FILE"])
    file.executescript(TABLES)
    async with await aio_pika.connect(os.environ["AMQP_URL"]) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=100)
        queue = await channel.declare_queue(
            QUEUE, durable=True, arguments={"x-queue-type": "quorum"}
        )
        await queue.bind("events", "#")  # first the queue: nothing can slip through between the two
        read_feed(file)
        async with queue.iterator() as messages:
            async for message in messages:
                with file:
                    subject = str(message.headers["cloudEvents:subject"])
                    keep(file, subject, str(message.routing_key), json.loads(message.body))
                await message.ack()  # last: what is not kept comes again


if __name__ == "__main__":
    asyncio.run(main())
