"""The once-each state machine on a real Redis: every transition, and every one that must not be."""

import asyncio
import uuid
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from services.notifier.sending.message_states import Busy, Claim, Done, Message, Refused, Unknown
from services.notifier.sending.once_each import (
    EPOCH_KEY,
    KEPT_AFTER_END_SECONDS,
    OnceEach,
    record_key,
)
from shared.instants import now
from tests.integration.notifier.arrangements import a_message

SHORT_SECONDS = 0.05


@pytest.fixture
def once_each(redis: Redis) -> OnceEach:
    return OnceEach(redis)


@pytest.fixture
def hasty(redis: Redis) -> OnceEach:
    """A machine whose leases run out at once."""
    return OnceEach(redis, claim_lease_seconds=SHORT_SECONDS, sending_lease_seconds=SHORT_SECONDS)


async def claimed(once_each: OnceEach, message: Message) -> Claim:
    claim = await once_each.claim(message)
    assert isinstance(claim, Claim), claim
    return claim


async def state_of(redis: Redis, message: Message) -> str | None:
    state = await redis.hget(record_key(message.identity), "state")
    return None if state is None else str(state)


async def test_a_new_message_can_be_claimed_once(once_each: OnceEach) -> None:
    message = a_message()
    claim = await claimed(once_each, message)
    assert claim.attempt == 1
    second = await once_each.claim(message)
    assert isinstance(second, Busy)
    assert 0 < second.wait_seconds <= 15


async def test_the_same_token_gets_the_same_answer(once_each: OnceEach) -> None:
    message, token = a_message(), uuid.uuid4().hex
    first = await once_each.claim(message, token)
    assert await once_each.claim(message, token) == first


async def test_many_at_once_get_one_claim(once_each: OnceEach) -> None:
    message = a_message()
    answers = await asyncio.gather(*(once_each.claim(message) for _ in range(30)))
    assert sum(isinstance(answer, Claim) for answer in answers) == 1


async def test_a_claim_whose_lease_ran_out_is_taken_over(hasty: OnceEach) -> None:
    message = a_message()
    first = await claimed(hasty, message)
    await asyncio.sleep(2 * SHORT_SECONDS)
    second = await claimed(hasty, message)
    assert second.attempt == 2
    assert second.first_claimed_at == first.first_claimed_at


async def test_who_lost_the_claim_cannot_begin_to_send(hasty: OnceEach) -> None:
    message = a_message()
    slow = await claimed(hasty, message)
    await asyncio.sleep(2 * SHORT_SECONDS)
    quick = await claimed(hasty, message)
    assert await hasty.begin_sending(slow) is False
    assert await hasty.begin_sending(quick) is True


async def test_sending_is_never_taken_over_but_ends_as_unknown(redis: Redis) -> None:
    hasty = OnceEach(redis, sending_lease_seconds=1)
    message = a_message()
    claim = await claimed(hasty, message)
    assert await hasty.begin_sending(claim)
    assert isinstance(await hasty.claim(message), Busy)
    await asyncio.sleep(1.05)
    end = await hasty.claim(message)
    assert isinstance(end, Unknown)
    assert end.fresh
    assert await state_of(redis, message) == "unknown"
    again = await hasty.claim(message)
    assert isinstance(again, Unknown)
    assert not again.fresh


async def test_done_is_final_and_remembers_the_proof(once_each: OnceEach) -> None:
    message = a_message()
    assert await once_each.look(message.identity) is None
    claim = await claimed(once_each, message)
    await once_each.begin_sending(claim)
    assert await once_each.look(message.identity) is None
    await once_each.settle_done(claim, 77)
    for end in (await once_each.claim(message), await once_each.look(message.identity)):
        assert isinstance(end, Done)
        assert (end.telegram_message_id, end.attempts) == (77, 1)
        assert end.first_claimed_at == claim.first_claimed_at


async def test_proof_of_delivery_beats_unknown_even_when_it_comes_late(hasty: OnceEach) -> None:
    message = a_message()
    claim = await claimed(hasty, message)
    await hasty.begin_sending(claim)
    await asyncio.sleep(2 * SHORT_SECONDS)
    assert isinstance(await hasty.claim(message), Unknown)
    await hasty.settle_done(claim, 5)
    assert isinstance(await hasty.look(message.identity), Done)


async def test_nothing_but_proof_changes_what_is_final(once_each: OnceEach) -> None:
    message = a_message()
    claim = await claimed(once_each, message)
    await once_each.begin_sending(claim)
    await once_each.settle_done(claim, 5)
    await once_each.release(claim, "no")
    await once_each.settle_unknown(claim, "no")
    assert await once_each.settle_refused(claim, "refused", "no") is False
    assert isinstance(await once_each.look(message.identity), Done)


@pytest.mark.parametrize("sending", [False, True])
async def test_refused_is_final(once_each: OnceEach, sending: bool) -> None:  # noqa: FBT001
    message = a_message()
    claim = await claimed(once_each, message)
    if sending:
        await once_each.begin_sending(claim)
    assert await once_each.settle_refused(claim, "chat_gone", "Forbidden: blocked: by the user")
    end = await once_each.claim(message)
    assert isinstance(end, Refused)
    assert (end.outcome, end.reason) == ("chat_gone", "Forbidden: blocked: by the user")


async def test_unknown_is_final(once_each: OnceEach) -> None:
    message = a_message()
    claim = await claimed(once_each, message)
    await once_each.begin_sending(claim)
    await once_each.settle_unknown(claim, "ReadTimeout")
    end = await once_each.claim(message)
    assert isinstance(end, Unknown)
    assert end.reason == "ReadTimeout"


@pytest.mark.parametrize("sending", [False, True])
async def test_what_was_surely_not_sent_may_be_tried_again(
    once_each: OnceEach,
    sending: bool,  # noqa: FBT001
) -> None:
    message = a_message()
    claim = await claimed(once_each, message)
    if sending:
        await once_each.begin_sending(claim)
    await once_each.release(claim, "429")
    assert (await claimed(once_each, message)).attempt == 2


async def test_a_mark_needs_the_token_of_the_claim(once_each: OnceEach) -> None:
    message = a_message()
    claim = await claimed(once_each, message)
    await once_each.begin_sending(claim)
    stranger = Claim(
        message=message, token="stranger", attempt=1, first_claimed_at=claim.first_claimed_at
    )
    await once_each.settle_unknown(stranger, "no")
    await once_each.release(stranger, "no")
    assert await once_each.begin_sending(stranger) is False
    assert await once_each.look(message.identity) is None


async def test_a_record_outlives_its_message_by_a_day(once_each: OnceEach, redis: Redis) -> None:
    message = a_message(not_after=now() + timedelta(hours=1))
    claim = await claimed(once_each, message)
    key = record_key(message.identity)
    wanted = 3600 + KEPT_AFTER_END_SECONDS
    assert wanted - 5 <= await redis.ttl(key) <= wanted
    await redis.persist(key)
    await once_each.begin_sending(claim)
    await once_each.settle_done(claim, 1)
    assert wanted - 5 <= await redis.ttl(key) <= wanted


async def test_a_late_message_still_leaves_a_record_for_a_day(
    once_each: OnceEach, redis: Redis
) -> None:
    message = a_message(not_after=now() - timedelta(hours=30))
    await claimed(once_each, message)
    assert await redis.ttl(record_key(message.identity)) >= KEPT_AFTER_END_SECONDS - 5


async def test_provisioning_again_begins_no_new_epoch(once_each: OnceEach, redis: Redis) -> None:
    before = await redis.hgetall(EPOCH_KEY)
    await once_each.provision()
    assert await redis.hgetall(EPOCH_KEY) == before


class TestAfterRedisLostItsRecords:
    @pytest.fixture(autouse=True)
    async def _loss(self, once_each: OnceEach, redis: Redis) -> None:
        await once_each.watch_epoch()
        await redis.flushdb()

    async def test_an_older_message_becomes_unknown(self, once_each: OnceEach) -> None:
        old = a_message(produced_at=now() - timedelta(minutes=5))
        end = await once_each.claim(old)
        assert isinstance(end, Unknown)
        assert end.fresh

    async def test_a_fresh_message_is_sent(self, once_each: OnceEach) -> None:
        await claimed(once_each, a_message(produced_at=now() + timedelta(milliseconds=5)))

    async def test_a_redelivered_one_of_the_doubtful_time_becomes_unknown(
        self, once_each: OnceEach, redis: Redis
    ) -> None:
        await asyncio.sleep(0.02)
        produced_at = now()
        await asyncio.sleep(0.02)
        again = a_message(produced_at=produced_at, redelivered=True)
        first = a_message(produced_at=produced_at)
        assert isinstance(await once_each.claim(again), Unknown)
        await claimed(once_each, first)

    async def test_a_redelivered_one_produced_later_is_sent(self, once_each: OnceEach) -> None:
        await once_each.watch_epoch()
        await asyncio.sleep(0.02)
        await claimed(once_each, a_message(redelivered=True))

    async def test_a_process_that_has_just_started_trusts_nothing_older(self, redis: Redis) -> None:
        produced_at = now()
        await asyncio.sleep(0.02)
        assert isinstance(await OnceEach(redis).claim(a_message(produced_at=produced_at)), Unknown)
