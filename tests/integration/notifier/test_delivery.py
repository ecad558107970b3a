"""One message, one request to Telegram: on a real Redis and the simulated Telegram."""

# ruff: noqa: PLR0917 - fixtures are asked for by name

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from services.notifier.redis_scripts import new_async_redis
from services.notifier.sending import delivery, send_marks
from services.notifier.sending.delivery import DeliveryDesk, Envelope
from services.notifier.sending.message_states import Claim, Done, Message, Refused, Unknown
from services.notifier.sending.once_each import OnceEach
from services.notifier.sending.rate_limits import SendLimits
from services.notifier.sending.send_ends import Moved, NotYet
from services.notifier.telegram.client import Button, TelegramClient
from services.notifier.telegram.errors import Accepted, Outcome
from shared.instants import now
from tests.fakes.telegram_person import TelegramPerson
from tests.integration.notifier.arrangements import a_message
from tests.integration.telegram_simulator.simulator_process import TOKEN


def envelope(message: Message, chat_id: int, text: str = "hello") -> Envelope:
    return Envelope(message=message, kind="reminder", chat_id=chat_id, text=text)


@pytest.fixture
def desk(redis: Redis, telegram: TelegramClient) -> DeliveryDesk:
    return DeliveryDesk(OnceEach(redis), SendLimits(redis), telegram)


@pytest.fixture
def chat_id(person: TelegramPerson) -> int:
    return person.create_chat()


def received(person: TelegramPerson, chat_id: int) -> int:
    return len(person.requests(chat_id=chat_id))


class GatedTelegram:
    """Accepts a message only when the gate opens."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.gate = asyncio.Event()
        self.sent = 0

    async def send_message(
        self, chat_id: int, text: str, buttons: Sequence[Button] = ()
    ) -> Outcome:
        self.reached.set()
        await self.gate.wait()
        self.sent += 1
        return Accepted(42)


async def test_a_message_is_sent_and_its_proof_kept(
    desk: DeliveryDesk, person: TelegramPerson, chat_id: int
) -> None:
    message = a_message()
    end = await desk.deliver(envelope(message, chat_id, "*plain* <b>text</b>"))
    assert isinstance(end, Done)
    said = person.messages(chat_id)
    assert [m["message_id"] for m in said] == [end.telegram_message_id]
    assert said[0]["text"] == "*plain* <b>text</b>"
    assert "parse_mode" not in person.requests(chat_id=chat_id)[0]["parameters"]


async def test_two_workers_and_one_identity_make_one_request(
    redis: Redis, telegram_url: str, person: TelegramPerson, chat_id: int
) -> None:
    message = a_message()
    async with (
        TelegramClient(TOKEN, telegram_url, connections=5) as here,
        TelegramClient(TOKEN, telegram_url, connections=5) as there,
    ):
        desks = [
            DeliveryDesk(OnceEach(redis), SendLimits(redis), client) for client in (here, there)
        ]
        ends = await asyncio.gather(
            *(desk.deliver(envelope(message, chat_id)) for desk in desks * 5),
        )
    assert received(person, chat_id) == 1
    assert all(isinstance(end, Done | NotYet) for end in ends)
    assert any(isinstance(end, Done) for end in ends)


async def test_a_redelivered_message_is_not_sent_again(
    desk: DeliveryDesk, person: TelegramPerson, chat_id: int
) -> None:
    message = a_message()
    first = await desk.deliver(envelope(message, chat_id))
    second = await desk.deliver(envelope(message, chat_id))
    assert isinstance(first, Done)
    assert isinstance(second, Done)
    assert second.telegram_message_id == first.telegram_message_id
    assert received(person, chat_id) == 1


async def test_after_a_crash_in_the_middle_of_a_request_it_is_unknown_not_sent_again(
    redis: Redis, telegram: TelegramClient, person: TelegramPerson, chat_id: int
) -> None:
    once_each = OnceEach(redis, sending_lease_seconds=0.1)
    message = a_message()
    claim = await once_each.claim(message)
    assert isinstance(claim, Claim)
    await once_each.begin_sending(claim)
    end = await DeliveryDesk(once_each, SendLimits(redis), telegram).deliver(
        envelope(message, chat_id)
    )
    assert isinstance(end, Unknown)
    assert received(person, chat_id) == 0


async def test_after_a_crash_before_the_request_another_worker_sends(
    redis: Redis, telegram: TelegramClient, person: TelegramPerson, chat_id: int
) -> None:
    once_each = OnceEach(redis, claim_lease_seconds=0.1)
    message = a_message()
    await once_each.claim(message)
    end = await DeliveryDesk(once_each, SendLimits(redis), telegram).deliver(
        envelope(message, chat_id)
    )
    assert isinstance(end, Done)
    assert end.attempts == 2
    assert received(person, chat_id) == 1


async def test_a_worker_that_was_paused_longer_than_its_lease_does_not_send(
    redis: Redis, desk: DeliveryDesk, person: TelegramPerson, chat_id: int
) -> None:
    hasty = OnceEach(redis, claim_lease_seconds=0.01)
    message = a_message()
    slow = await hasty.claim(message)
    assert isinstance(slow, Claim)
    await asyncio.sleep(0.05)
    assert isinstance(await desk.deliver(envelope(message, chat_id)), Done)
    late = await desk._send(slow, envelope(message, chat_id))
    assert isinstance(late, NotYet)
    assert received(person, chat_id) == 1


async def test_a_cancelled_handler_leaves_no_request_without_its_mark(redis: Redis) -> None:
    telegram = GatedTelegram()
    desk = DeliveryDesk(OnceEach(redis), SendLimits(redis), telegram)
    message = a_message()
    handler = asyncio.create_task(desk.deliver(envelope(message, 1)))
    await telegram.reached.wait()
    handler.cancel()
    with pytest.raises(asyncio.CancelledError):
        await handler
    telegram.gate.set()
    await desk.finish()
    assert telegram.sent == 1
    assert isinstance(await OnceEach(redis).look(message.identity), Done)


async def test_while_another_worker_sends_a_message_comes_back_later(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "LONGEST_WAIT_SECONDS", 0.2)
    telegram = GatedTelegram()
    desk = DeliveryDesk(OnceEach(redis), SendLimits(redis), telegram)
    message = a_message()
    handler = asyncio.create_task(desk.deliver(envelope(message, 1)))
    await telegram.reached.wait()
    other = await desk.deliver(envelope(message, 2))
    assert isinstance(other, NotYet)
    telegram.gate.set()
    assert isinstance(await handler, Done)
    assert telegram.sent == 1


async def test_what_is_past_its_time_is_never_sent(
    desk: DeliveryDesk, person: TelegramPerson, chat_id: int
) -> None:
    end = await desk.deliver(envelope(a_message(not_after=now() - timedelta(seconds=1)), chat_id))
    assert isinstance(end, Refused)
    assert end.outcome == "expired"
    assert received(person, chat_id) == 0


async def test_what_passes_its_time_while_waiting_for_its_turn_is_not_sent(
    desk: DeliveryDesk, person: TelegramPerson, chat_id: int
) -> None:
    await desk.deliver(envelope(a_message(), chat_id))
    end = await desk.deliver(
        envelope(a_message(not_after=now() + timedelta(milliseconds=300)), chat_id)
    )
    assert isinstance(end, Refused)
    assert end.outcome == "expired"
    assert received(person, chat_id) == 1


async def test_a_sent_message_stays_sent_after_its_time(
    desk: DeliveryDesk, chat_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = a_message()
    assert isinstance(await desk.deliver(envelope(message, chat_id)), Done)
    monkeypatch.setattr(delivery, "now", lambda: message.not_after + timedelta(seconds=1))
    assert isinstance(await desk.deliver(envelope(message, chat_id)), Done)


async def test_a_429_silences_all_replicas_and_the_message_is_sent_afterwards(
    redis: Redis, desk: DeliveryDesk, telegram: TelegramClient, person: TelegramPerson, chat_id: int
) -> None:
    person.fault("too_many_requests", retry_after_seconds=3, method="sendMessage")
    message = a_message()
    end = await desk.deliver(envelope(message, chat_id))
    assert end == NotYet(3, "429 from Telegram")
    replica = DeliveryDesk(OnceEach(redis), SendLimits(redis), telegram)
    other_chat = person.create_chat()
    assert isinstance(await replica.deliver(envelope(a_message(), other_chat)), NotYet)
    assert received(person, other_chat) == 0
    await redis.delete("notifier:rate:pause", f"notifier:rate:chat:{chat_id}")
    assert isinstance(await replica.deliver(envelope(message, chat_id)), Done)


async def test_a_wait_that_is_short_is_waited_for(
    desk: DeliveryDesk, person: TelegramPerson, chat_id: int
) -> None:
    ends = await asyncio.gather(*(desk.deliver(envelope(a_message(), chat_id)) for _ in range(2)))
    assert all(isinstance(end, Done) for end in ends)
    first, second = (request["received_at_seconds"] for request in person.requests(chat_id=chat_id))
    assert abs(second - first) > 0.9


@pytest.mark.parametrize("fault", ["blocked", "deactivated", "chat_not_found"])
async def test_a_chat_that_is_gone_ends_the_message(
    desk: DeliveryDesk, person: TelegramPerson, chat_id: int, fault: str
) -> None:
    person.fault(fault, method="sendMessage")
    message = a_message()
    for _ in range(2):
        end = await desk.deliver(envelope(message, chat_id))
        assert isinstance(end, Refused)
        assert end.outcome == "chat_gone"
    assert received(person, chat_id) == 1


async def test_a_message_that_telegram_does_not_take_is_not_repeated(
    desk: DeliveryDesk, person: TelegramPerson, chat_id: int
) -> None:
    person.fault("refused", method="sendMessage", description="Bad Request: message is too long")
    message = a_message()
    for _ in range(2):
        end = await desk.deliver(envelope(message, chat_id))
        assert isinstance(end, Refused)
        assert end.outcome == "refused"
    assert received(person, chat_id) == 1


async def test_a_moved_chat_tells_where_it_went(
    redis: Redis, desk: DeliveryDesk, person: TelegramPerson
) -> None:
    group = person.create_chat(type="group")
    new_id = person.migrate(group)
    message = a_message()
    assert await desk.deliver(envelope(message, group)) == Moved(new_id)
    assert isinstance(await desk.deliver(envelope(message, new_id)), Done)


async def test_a_refused_token_silences_the_bot_until_it_is_accepted(
    redis: Redis, desk: DeliveryDesk, person: TelegramPerson, chat_id: int
) -> None:
    person.fault("unauthorized", method="sendMessage")
    message = a_message()
    end = await desk.deliver(envelope(message, chat_id))
    assert isinstance(end, NotYet)
    assert not desk.token_is_accepted()
    assert await redis.pttl("notifier:rate:pause") > 29_000
    await redis.delete("notifier:rate:pause", f"notifier:rate:chat:{chat_id}")
    assert isinstance(await desk.deliver(envelope(message, chat_id)), Done)
    assert desk.token_is_accepted()


async def test_a_5xx_of_telegram_is_tried_again(
    redis: Redis, desk: DeliveryDesk, person: TelegramPerson, chat_id: int
) -> None:
    person.fault("server_error", method="sendMessage", times=2)
    message = a_message()
    delays = []
    for _ in range(2):
        end = await desk.deliver(envelope(message, chat_id))
        assert isinstance(end, NotYet)
        delays.append(end.delay_seconds)
        await redis.delete(f"notifier:rate:chat:{chat_id}")
    assert delays == [1, 5]
    assert isinstance(await desk.deliver(envelope(message, chat_id)), Done)
    assert len(person.messages(chat_id)) == 1


async def test_a_telegram_that_cannot_be_reached_is_tried_again(redis: Redis) -> None:
    async with TelegramClient(TOKEN, "http://127.0.0.1:9", connections=1) as nowhere:
        desk = DeliveryDesk(OnceEach(redis), SendLimits(redis), nowhere)
        end = await desk.deliver(envelope(a_message(), 1))
    assert isinstance(end, NotYet)


@pytest.mark.parametrize("fault", ["drop_before_recording", "drop_after_recording", "garbage"])
async def test_a_broken_answer_is_unknown_and_not_repeated(
    desk: DeliveryDesk, person: TelegramPerson, chat_id: int, fault: str
) -> None:
    person.fault(fault, method="sendMessage")
    message = a_message()
    for _ in range(2):
        assert isinstance(await desk.deliver(envelope(message, chat_id)), Unknown)
    assert received(person, chat_id) == 1


async def test_an_answer_that_comes_too_late_is_unknown_and_not_repeated(
    desk: DeliveryDesk,
    person: TelegramPerson,
    chat_id: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.notifier.telegram.client.REQUEST_LIMIT_SECONDS", 0.3)
    person.fault("delay_after_recording", method="sendMessage", delay_seconds=1)
    message = a_message()
    for _ in range(2):
        assert isinstance(await desk.deliver(envelope(message, chat_id)), Unknown)
    assert len(person.messages(chat_id)) == 1


class TestWithoutRedis:
    @pytest.fixture
    async def away(self) -> AsyncIterator[Redis]:
        client = new_async_redis("redis://127.0.0.1:9/0")
        yield client
        await client.aclose()

    async def test_nothing_is_sent(
        self, away: Redis, telegram: TelegramClient, person: TelegramPerson, chat_id: int
    ) -> None:
        desk = DeliveryDesk(OnceEach(away), SendLimits(away), telegram)
        with pytest.raises(Exception, match="Connect"):
            await desk.deliver(envelope(a_message(), chat_id))
        assert received(person, chat_id) == 0

    async def test_proof_of_delivery_is_not_lost_with_its_mark(
        self,
        redis: Redis,
        away: Redis,
        telegram: TelegramClient,
        person: TelegramPerson,
        chat_id: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(send_marks, "MARK_LIMIT_SECONDS", 1.5)
        once_each = OnceEach(redis)
        desk = DeliveryDesk(once_each, SendLimits(redis), telegram)
        desk._marks = send_marks.SendMarks(OnceEach(away), SendLimits(away))
        end = await desk.deliver(envelope(a_message(), chat_id))
        assert isinstance(end, Done)
        assert len(person.messages(chat_id)) == 1

    async def test_a_lost_mark_before_sending_is_taken_back(
        self, redis: Redis, telegram: TelegramClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        once_each = OnceEach(redis)
        real = once_each.begin_sending

        async def reply_lost(claim: Claim) -> bool:
            await real(claim)
            raise RedisConnectionError("Connection closed")

        monkeypatch.setattr(once_each, "begin_sending", reply_lost)
        desk = DeliveryDesk(once_each, SendLimits(redis), telegram)
        message = a_message()
        with pytest.raises(RedisConnectionError):
            await desk.deliver(envelope(message, 1))
        assert isinstance(await OnceEach(redis).claim(message), Claim)
