"""One poll at a time, and none beside a webhook."""

import asyncio
import time

import pytest
from telegram import Bot
from telegram.error import Conflict

from tests.fakes.telegram_person import TelegramPerson
from tests.integration.telegram_simulator.simulator_process import MakeBot


async def _poll_open(person: TelegramPerson, count: int = 1) -> None:
    """Wait until that many polls are under way."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        polls = await asyncio.to_thread(person.requests, "getUpdates")
        if sum(not poll["settled"] for poll in polls) >= count:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("no open poll")


async def test_a_long_poll_returns_as_soon_as_somebody_writes(
    bot: Bot, person: TelegramPerson
) -> None:
    chat_id = person.create_chat()
    poll = asyncio.create_task(bot.get_updates(timeout=20))
    await _poll_open(person)
    started = time.monotonic()
    await asyncio.to_thread(person.say, chat_id, "hello")
    [update] = await poll
    assert update.message is not None
    assert time.monotonic() - started < 1


async def test_a_second_poll_ends_the_first(
    bot: Bot, person: TelegramPerson, make_bot: MakeBot
) -> None:
    chat_id = person.create_chat()
    first = asyncio.create_task(bot.get_updates(timeout=20))
    await _poll_open(person)
    async with make_bot() as other:
        second = asyncio.create_task(other.get_updates(timeout=20))
        with pytest.raises(Conflict, match="terminated by other getUpdates request"):
            await first
        await asyncio.to_thread(person.say, chat_id, "hello")
        assert len(await second) == 1


async def test_no_poll_while_a_webhook_is_set(bot: Bot, person: TelegramPerson) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=20))
    await _poll_open(person)
    await bot.set_webhook("http://127.0.0.1:9/webhook/")
    with pytest.raises(Conflict, match="terminated by setWebhook request"):
        await poll
    with pytest.raises(Conflict, match="can't use getUpdates method while webhook is active"):
        await bot.get_updates()
    await bot.delete_webhook()
    assert await bot.get_updates() == ()


async def test_messages_pass_in_parallel_beside_an_open_poll(
    bot: Bot, person: TelegramPerson, make_bot: MakeBot
) -> None:
    chat_id = person.create_chat()
    poll = asyncio.create_task(bot.get_updates(timeout=50))
    await _poll_open(person)
    async with make_bot(read_timeout_seconds=30) as sender:
        for _ in range(10):
            await asyncio.gather(*(sender.send_message(chat_id, f"no {n}") for n in range(20)))
    assert len(person.messages(chat_id)) == 200
    assert not poll.done()
    await asyncio.to_thread(person.say, chat_id, "done")
    assert len(await poll) == 1
