"""Telegram's limits and the limit of questions, on a real Redis, for several replicas at once."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from services.notifier.linking.question_limits import QUESTIONS_AN_HOUR, QuestionLimits
from services.notifier.redis_scripts import KEY_PREFIX, new_redis
from services.notifier.sending.rate_limits import ALL_CHATS_BURST, SendLimits


@pytest.fixture
def replicas(redis: Redis) -> tuple[SendLimits, SendLimits]:
    return SendLimits(redis), SendLimits(redis)


async def test_a_private_chat_gets_one_message_a_second(
    replicas: tuple[SendLimits, SendLimits],
) -> None:
    here, there = replicas
    assert await here.acquire(1) == 0
    assert 0.8 < await there.acquire(1) <= 1


async def test_a_group_gets_two_at_once_and_then_has_to_wait(
    replicas: tuple[SendLimits, SendLimits],
) -> None:
    here, there = replicas
    assert [await here.acquire(-5), await there.acquire(-5)] == [0, 0]
    assert 3 < await here.acquire(-5) <= 3.5


async def test_all_chats_together_keep_the_bots_rate(
    replicas: tuple[SendLimits, SendLimits],
) -> None:
    here, there = replicas
    began, passed, chat_id = time.monotonic(), 0, 0
    while time.monotonic() - began < 0.5:
        chat_id += 1
        waits = await asyncio.gather(here.acquire(chat_id), there.acquire(-chat_id))
        passed += waits.count(0)
    assert ALL_CHATS_BURST <= passed <= ALL_CHATS_BURST + (time.monotonic() - began) / 0.04 + 1


async def test_who_has_to_wait_costs_nobody_a_place(
    replicas: tuple[SendLimits, SendLimits],
) -> None:
    here, _ = replicas
    await here.acquire(1)
    for _ in range(20):
        assert await here.acquire(1) > 0
    assert await here.acquire(2) == 0


async def test_a_pause_silences_every_replica(replicas: tuple[SendLimits, SendLimits]) -> None:
    here, there = replicas
    await here.pause(timedelta(seconds=3))
    assert 2.9 < await there.acquire(1) <= 3.1
    assert 2.9 < await here.acquire(2) <= 3.1


async def test_a_shorter_pause_does_not_shorten_a_longer_one(
    replicas: tuple[SendLimits, SendLimits],
) -> None:
    here, there = replicas
    await here.pause(timedelta(seconds=5))
    await there.pause(timedelta(seconds=1))
    assert await here.acquire(1) > 4


class TestQuestions:
    @pytest.fixture
    def limits(self, redis_database: str) -> QuestionLimits:
        return QuestionLimits(new_redis(redis_database))

    def test_an_account_has_three_an_hour(self, limits: QuestionLimits) -> None:
        waits = [limits.acquire("anna", chat_id) for chat_id in range(1, 5)]
        assert waits[:3] == [0, 0, 0]
        assert 3590 < waits[3] <= 3600

    def test_a_chat_is_asked_three_times_an_hour_whoever_asks(self, limits: QuestionLimits) -> None:
        waits = [limits.acquire(f"account {n}", 7) for n in range(4)]
        assert waits[:3] == [0, 0, 0]
        assert waits[3] > 0

    def test_a_refused_question_counts_for_neither(self, limits: QuestionLimits) -> None:
        for n in range(QUESTIONS_AN_HOUR):
            limits.acquire(f"account {n}", 7)
        for _ in range(5):
            assert limits.acquire("anna", 7) > 0
        assert limits.acquire("anna", 8) == 0

    def test_many_at_once_get_no_more(self, limits: QuestionLimits) -> None:
        with ThreadPoolExecutor(16) as pool:
            waits = list(pool.map(lambda _: limits.acquire("anna", 7), range(32)))
        assert waits.count(0) == QUESTIONS_AN_HOUR

    async def test_after_an_hour_there_is_a_place_again(
        self, limits: QuestionLimits, redis: Redis
    ) -> None:
        for _ in range(QUESTIONS_AN_HOUR):
            limits.acquire("anna", 7)
        for key in (f"{KEY_PREFIX}:questions:account:anna", f"{KEY_PREFIX}:questions:chat:7"):
            oldest = await redis.zrange(key, 0, 0)
            await redis.zincrby(key, -3_600_001, str(oldest[0]))
        assert limits.acquire("anna", 7) == 0
        assert limits.acquire("anna", 7) > 0
