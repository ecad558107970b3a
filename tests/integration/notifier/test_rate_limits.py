"""Telegram's limits and the limit of questions, on a real Redis, for several replicas at once."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from services.notifier.linking.question_limits import QUESTIONS_AN_HOUR, QuestionLimits
from services.notifier.redis_scripts import KEY_PREFIX, new_redis
from services.notifier.sending.rate_limits import NoTurn, SendLimits, Turn


@pytest.fixture
def replicas(redis: Redis) -> tuple[SendLimits, SendLimits]:
    return SendLimits(redis), SendLimits(redis)


async def booked(limits: SendLimits, chat_id: int) -> float:
    """Book a turn however far it is; return the seconds until it begins."""
    turn = await limits.book(chat_id, 30)
    assert isinstance(turn, Turn)
    return turn.seconds_left()


async def wait_of_refused(limits: SendLimits, chat_id: int) -> float:
    turn = await limits.book(chat_id, 0.5)
    assert isinstance(turn, NoTurn)
    return turn.wait_seconds


async def test_the_first_turn_is_at_once(replicas: tuple[SendLimits, SendLimits]) -> None:
    turn = await replicas[0].book(1, 0)
    assert isinstance(turn, Turn)
    assert turn.was_at_once


async def test_a_chat_gets_one_turn_a_second_whoever_books(
    replicas: tuple[SendLimits, SendLimits],
) -> None:
    here, there = replicas
    waits = [await booked(limits, 1) for limits in (here, there, here, there)]
    assert [round(wait, 1) for wait in waits] == [0, 1, 2, 3]
    assert 3 < await wait_of_refused(here, 1) <= 4


async def test_what_is_refused_is_not_booked(replicas: tuple[SendLimits, SendLimits]) -> None:
    here, _ = replicas
    await booked(here, 1)
    for _ in range(5):
        await wait_of_refused(here, 1)
    assert 0.5 < await booked(here, 1) <= 1


async def test_all_chats_together_get_one_turn_every_40_ms_in_the_order_they_ask(
    replicas: tuple[SendLimits, SendLimits],
) -> None:
    began = asyncio.get_running_loop().time()
    begins: list[float] = []
    for number in range(60):
        turn = await replicas[number % 2].book(number, 0)
        assert isinstance(turn, Turn)
        begins.append(turn.begins_at - began)
    assert begins == sorted(begins)
    for start in begins:
        assert len([each for each in begins if start <= each < start + 1]) <= 30
    assert begins[-1] > 59 * 0.04 - 0.1


async def test_a_chat_that_has_to_wait_takes_no_turn_from_the_others_before_its_own(
    replicas: tuple[SendLimits, SendLimits],
) -> None:
    here, there = replicas
    for _ in range(10):
        await booked(here, 1)
    assert await booked(there, 2) < 0.1
    assert await booked(there, 3) < 0.1


async def test_a_turn_that_another_has_booked_is_not_given_twice(
    redis: Redis, replicas: tuple[SendLimits, SendLimits]
) -> None:
    here, there = replicas
    bookings = ((limits, 2 * n + (limits is here)) for n in range(20) for limits in (here, there))
    await asyncio.gather(*(booked(limits, chat_id) for limits, chat_id in bookings))
    booked_turns = await redis.zrange(f"{KEY_PREFIX}:rate:turns", 0, -1)
    # Those that have begun meanwhile are forgotten.
    assert len(set(booked_turns)) == len(booked_turns)
    first, *_, last = (int(str(turn)) for turn in booked_turns)
    assert last - first + 1 == len(booked_turns) >= 30


async def test_a_clock_that_was_set_back_keeps_no_chat_waiting(
    redis: Redis, replicas: tuple[SendLimits, SendLimits]
) -> None:
    in_an_hour_ms = (time.time() + 3600) * 1000
    await redis.set(f"{KEY_PREFIX}:rate:chat:1", in_an_hour_ms)
    await redis.zadd(f"{KEY_PREFIX}:rate:turns", {"0": in_an_hour_ms // 40})
    assert await booked(replicas[0], 1) < 0.1


async def test_a_429_silences_its_chat_in_every_replica(
    replicas: tuple[SendLimits, SendLimits],
) -> None:
    here, there = replicas
    await here.pause_chat(1, timedelta(seconds=3))
    assert 2.9 < await wait_of_refused(there, 1) <= 3.1
    assert await there.is_silenced(1)
    assert not await there.is_silenced(2)
    assert await booked(there, 2) < 0.1


async def test_a_429_for_several_chats_silences_the_bot(
    replicas: tuple[SendLimits, SendLimits],
) -> None:
    here, there = replicas
    for chat_id in (1, 2, 2, 1):
        await here.pause_chat(chat_id, timedelta(seconds=3))
    assert not await there.is_silenced(9)
    await here.pause_chat(3, timedelta(seconds=3))
    assert 2.9 < await wait_of_refused(there, 9) <= 3.1


async def test_a_429_of_long_ago_says_nothing_about_the_bot(
    redis: Redis, replicas: tuple[SendLimits, SendLimits]
) -> None:
    here, _ = replicas
    for chat_id in (1, 2):
        await here.pause_chat(chat_id, timedelta(seconds=3))
        await redis.zincrby(f"{KEY_PREFIX}:rate:refused-chats", -6000, str(chat_id))
    await here.pause_chat(3, timedelta(seconds=3))
    assert not await here.is_silenced(9)


async def test_a_shorter_pause_does_not_shorten_a_longer_one(
    replicas: tuple[SendLimits, SendLimits],
) -> None:
    here, there = replicas
    await here.pause_bot(timedelta(seconds=5))
    await there.pause_bot(timedelta(seconds=1))
    assert await wait_of_refused(here, 1) > 4


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
