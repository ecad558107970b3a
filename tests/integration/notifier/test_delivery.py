"""One message, one request to Telegram: on a real Redis and the simulated Telegram."""

# ruff: noqa: PLR0917 - fixtures are asked for by name

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta

import pytest
from redis.asyncio import Redis
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from services.notifier.redis_scripts import new_async_redis
from services.notifier.sending import delivery, delivery_ends, delivery_states
from services.notifier.sending.claims import Claims
from services.notifier.sending.delivery import DeliveryDesk
from services.notifier.sending.delivery_states import Known
from services.notifier.sending.envelopes import Envelope, NotYet
from services.notifier.sending.rate_limits import NoTurn, SendLimits, Turn
from services.notifier.telegram.client import Button, TelegramClient
from services.notifier.telegram.errors import Accepted, Outcome
from shared.database import new_engine, transaction
from shared.instants import now
from tests.fakes.telegram_person import TelegramPerson
from tests.integration.notifier.arrangements import Witness, an_envelope, the_end
from tests.integration.telegram_simulator.simulator_process import TOKEN

MakeDesk = Callable[..., DeliveryDesk]


@pytest.fixture
def make_desk(engine: Engine, redis: Redis, telegram: TelegramClient) -> MakeDesk:
    """Give a factory of desks, some of whose parts may be others than usual."""

    def make(sender: delivery.TelegramSender = telegram, database: Engine = engine) -> DeliveryDesk:
        return DeliveryDesk(database, Claims(redis), SendLimits(redis), sender)

    return make


@pytest.fixture
def desk(make_desk: MakeDesk) -> DeliveryDesk:
    return make_desk()


@pytest.fixture
def owner() -> Witness:
    return Witness()


@pytest.fixture
def chat_id(person: TelegramPerson) -> int:
    return person.create_chat()


def received(person: TelegramPerson, chat_id: int) -> int:
    return len(person.requests(chat_id=chat_id))


def look(engine: Engine, envelope: Envelope) -> Known:
    with transaction(engine) as connection:
        return delivery_states.look(connection, envelope.identities)


def outcome_of(engine: Engine, envelope: Envelope) -> str | None:
    ended = look(engine, envelope).ended
    return ended[envelope.identities[0]].outcome if ended else None


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


class CountingLimits(SendLimits):
    """Notes for which chats turns were asked."""

    def __init__(self, client: Redis) -> None:
        super().__init__(client)
        self.booked: list[int] = []

    async def book(self, chat_id: int, longest_wait_seconds: float) -> Turn | NoTurn:
        turn = await super().book(chat_id, longest_wait_seconds)
        self.booked.append(chat_id)
        return turn


async def test_a_message_is_sent_and_its_proof_kept(
    desk: DeliveryDesk, owner: Witness, person: TelegramPerson, chat_id: int
) -> None:
    envelope = an_envelope(chat_id, text="*plain* <b>text</b>")
    end = the_end(await desk.deliver(envelope, owner))
    said = person.messages(chat_id)
    assert [m["message_id"] for m in said] == [end.telegram_message_id]
    assert said[0]["text"] == "*plain* <b>text</b>"
    assert "parse_mode" not in person.requests(chat_id=chat_id)[0]["parameters"]
    assert owner.told == [(envelope.identities[0], "sent")]


async def test_one_message_may_stand_for_several_and_each_of_them_ends(
    desk: DeliveryDesk, owner: Witness, person: TelegramPerson, chat_id: int
) -> None:
    envelope = an_envelope(chat_id, identities=("test:first", "test:second"))
    ends = await desk.deliver(envelope, owner)
    assert not isinstance(ends, NotYet)
    assert set(ends) == {"test:first", "test:second"}
    assert len(owner.told) == 2
    assert received(person, chat_id) == 1


async def test_two_workers_and_one_identity_make_one_request(
    engine: Engine, redis: Redis, telegram_url: str, person: TelegramPerson, chat_id: int
) -> None:
    envelope, owner = an_envelope(chat_id), Witness()
    async with (
        TelegramClient(TOKEN, telegram_url, connections=5) as here,
        TelegramClient(TOKEN, telegram_url, connections=5) as there,
    ):
        desks = [
            DeliveryDesk(engine, Claims(redis), SendLimits(redis), client)
            for client in (here, there)
        ]
        await asyncio.gather(*(desk.deliver(envelope, owner) for desk in desks * 5))
    assert received(person, chat_id) == 1
    assert owner.told == [(envelope.identities[0], "sent")]


async def test_a_redelivered_message_is_not_sent_again_not_even_without_redis_records(
    redis: Redis, desk: DeliveryDesk, owner: Witness, person: TelegramPerson, chat_id: int
) -> None:
    envelope = an_envelope(chat_id)
    await desk.deliver(envelope, owner)
    await redis.flushdb()
    assert isinstance(await desk.deliver(envelope, owner), NotYet)
    assert received(person, chat_id) == 1


async def test_after_a_crash_in_the_middle_of_a_request_it_is_unknown_not_sent_again(
    engine: Engine,
    desk: DeliveryDesk,
    owner: Witness,
    person: TelegramPerson,
    chat_id: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery_states, "SENDING_LIMIT", timedelta(0))
    envelope = an_envelope(chat_id)
    desk._begin(envelope, owner, "a worker that dies")
    assert isinstance(await desk.deliver(envelope, owner), NotYet)
    await desk.give_up("reminder", look(engine, envelope).vanished, owner)
    assert outcome_of(engine, envelope) == "unknown"
    assert owner.told == [(envelope.identities[0], "unknown")]
    assert received(person, chat_id) == 0


async def test_after_a_crash_before_the_request_another_worker_sends(
    redis: Redis, desk: DeliveryDesk, owner: Witness, chat_id: int
) -> None:
    envelope = an_envelope(chat_id)
    abandoned = Claims(redis).claimed(envelope.identities[0])
    assert await abandoned.__aenter__()
    assert isinstance(await desk.deliver(envelope, owner), NotYet)
    # Its lease runs out.
    await redis.flushdb()
    assert the_end(await desk.deliver(envelope, owner)).outcome == "sent"


async def test_a_worker_that_was_paused_longer_than_its_claim_does_not_send(
    redis: Redis, make_desk: MakeDesk, owner: Witness, person: TelegramPerson, chat_id: int
) -> None:
    envelope = an_envelope(chat_id)
    assert the_end(await make_desk().deliver(envelope, owner)).outcome == "sent"
    assert isinstance(await make_desk()._send(envelope, owner), NotYet)
    assert received(person, chat_id) == 1


async def test_a_cancelled_handler_leaves_no_request_without_its_end(
    engine: Engine, make_desk: MakeDesk, owner: Witness
) -> None:
    telegram = GatedTelegram()
    desk, envelope = make_desk(telegram), an_envelope(1)
    handler = asyncio.create_task(desk.deliver(envelope, owner))
    await telegram.reached.wait()
    handler.cancel()
    with pytest.raises(asyncio.CancelledError):
        await handler
    telegram.gate.set()
    await desk.finish()
    assert telegram.sent == 1
    assert outcome_of(engine, envelope) == "sent"


async def test_while_another_worker_sends_a_message_comes_back_later(
    make_desk: MakeDesk, owner: Witness
) -> None:
    telegram = GatedTelegram()
    desk, envelope = make_desk(telegram), an_envelope(1)
    handler = asyncio.create_task(desk.deliver(envelope, owner))
    await telegram.reached.wait()
    assert isinstance(await make_desk().deliver(envelope, owner), NotYet)
    telegram.gate.set()
    assert the_end(await handler).outcome == "sent"
    assert telegram.sent == 1


async def test_a_message_whose_owner_is_gone_or_says_no_is_not_sent(
    engine: Engine, desk: DeliveryDesk, person: TelegramPerson, chat_id: int
) -> None:
    for owner in (Witness(exists=False), Witness(allows=False)):
        envelope = an_envelope(chat_id)
        assert isinstance(await desk.deliver(envelope, owner), NotYet)
        assert look(engine, envelope).is_open(envelope.identities[0])
    assert received(person, chat_id) == 0


class TestItsTime:
    async def test_what_is_past_its_time_is_never_sent(
        self, desk: DeliveryDesk, owner: Witness, person: TelegramPerson, chat_id: int
    ) -> None:
        late = an_envelope(chat_id, not_after=now() - timedelta(seconds=1))
        assert the_end(await desk.deliver(late, owner)).outcome == "expired"
        assert received(person, chat_id) == 0

    async def test_what_passes_its_time_while_waiting_for_its_turn_is_not_sent(
        self, desk: DeliveryDesk, owner: Witness, person: TelegramPerson, chat_id: int
    ) -> None:
        await desk.deliver(an_envelope(chat_id), owner)
        soon = an_envelope(chat_id, not_after=now() + timedelta(milliseconds=300))
        assert the_end(await desk.deliver(soon, owner)).outcome == "expired"
        assert received(person, chat_id) == 1

    async def test_a_sent_message_stays_sent_after_its_time(
        self,
        engine: Engine,
        desk: DeliveryDesk,
        owner: Witness,
        chat_id: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        envelope = an_envelope(chat_id)
        await desk.deliver(envelope, owner)
        monkeypatch.setattr(delivery, "now", lambda: envelope.not_after + timedelta(seconds=1))
        assert await desk.deliver(envelope, owner) == {}
        assert outcome_of(engine, envelope) == "sent"


class TestTurns:
    async def test_a_wait_that_is_short_is_waited_for(
        self, desk: DeliveryDesk, owner: Witness, person: TelegramPerson, chat_id: int
    ) -> None:
        both = (desk.deliver(an_envelope(chat_id), owner) for _ in range(2))
        ends = await asyncio.gather(*both)
        assert [the_end(each).outcome for each in ends] == ["sent", "sent"]
        first, second = (each["received_at_seconds"] for each in person.requests(chat_id=chat_id))
        assert abs(second - first) > 0.9

    async def test_who_waits_for_a_turn_holds_no_place(
        self, make_desk: MakeDesk, owner: Witness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(delivery, "PLACES", 1)
        desk = make_desk(telegram := GatedTelegram())
        telegram.gate.set()
        await desk.deliver(an_envelope(1), owner)
        waiting = asyncio.create_task(desk.deliver(an_envelope(1), owner))
        others = [await desk.deliver(an_envelope(chat_id), owner) for chat_id in range(2, 7)]
        assert not waiting.done()
        assert [the_end(each).outcome for each in others] == ["sent"] * 5
        assert the_end(await waiting).outcome == "sent"

    async def test_a_long_wait_is_for_another_time(
        self, make_desk: MakeDesk, owner: Witness
    ) -> None:
        telegram = GatedTelegram()
        telegram.gate.set()
        desk = make_desk(telegram)
        few = [asyncio.create_task(desk.deliver(an_envelope(1), owner)) for _ in range(3)]
        await asyncio.sleep(0.2)
        later = await desk.deliver(an_envelope(1), owner)
        assert isinstance(later, NotYet)
        assert later.delay_seconds > 2
        assert [the_end(each).outcome for each in await asyncio.gather(*few)] == ["sent"] * 3

    async def test_a_place_that_comes_after_the_turn_has_passed_needs_another_turn(
        self, engine: Engine, redis: Redis, owner: Witness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(delivery, "PLACES", 1)
        telegram, limits = GatedTelegram(), CountingLimits(redis)
        desk = DeliveryDesk(engine, Claims(redis), limits, telegram)
        first = asyncio.create_task(desk.deliver(an_envelope(1), owner))
        await telegram.reached.wait()
        monkeypatch.setattr(delivery, "_TURN_IS_GOOD_SECONDS", 0.0)
        late = asyncio.create_task(desk.deliver(an_envelope(2), owner))
        while limits.booked.count(2) < 1:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        telegram.gate.set()
        await first
        # The chat had its turn a moment ago: it has to wait for the next.
        assert isinstance(await late, NotYet)
        assert limits.booked.count(2) == 2

    async def test_when_the_process_stops_what_waits_goes_back_and_what_is_sent_ends(
        self, engine: Engine, make_desk: MakeDesk, owner: Witness
    ) -> None:
        telegram = GatedTelegram()
        desk, sent, waiting = make_desk(telegram), an_envelope(1), an_envelope(1)
        sending = asyncio.create_task(desk.deliver(sent, owner))
        await telegram.reached.wait()
        waits = asyncio.create_task(desk.deliver(waiting, owner))
        await asyncio.sleep(0.1)
        desk.stop_taking()
        assert await waits == NotYet(1, "the process stops")
        telegram.gate.set()
        await desk.finish()
        assert the_end(await sending).outcome == "sent"
        assert look(engine, waiting).is_open(waiting.identities[0])


class TestSilence:
    async def test_a_429_silences_the_chat_in_all_replicas_and_nobody_else(
        self,
        redis: Redis,
        make_desk: MakeDesk,
        owner: Witness,
        person: TelegramPerson,
        chat_id: int,
    ) -> None:
        person.fault("too_many_requests", retry_after_seconds=3, method="sendMessage")
        envelope = an_envelope(chat_id)
        assert await make_desk().deliver(envelope, owner) == NotYet(3, "429 from Telegram")
        replica = make_desk()
        assert isinstance(await replica.deliver(envelope, owner), NotYet)
        assert received(person, chat_id) == 1
        stranger = an_envelope(person.create_chat())
        assert the_end(await replica.deliver(stranger, owner)).outcome == "sent"
        await redis.flushdb()
        end = the_end(await replica.deliver(envelope, owner))
        assert (end.outcome, end.attempts) == ("sent", 2)

    async def test_a_429_for_several_chats_silences_the_bot(
        self, desk: DeliveryDesk, owner: Witness, person: TelegramPerson
    ) -> None:
        person.fault("too_many_requests", retry_after_seconds=3, method="sendMessage", times=3)
        for _ in range(3):
            assert isinstance(await desk.deliver(an_envelope(person.create_chat()), owner), NotYet)
        stranger = person.create_chat()
        assert isinstance(await desk.deliver(an_envelope(stranger), owner), NotYet)
        assert received(person, stranger) == 0

    async def test_a_turn_that_was_booked_before_a_429_is_given_up(
        self, redis: Redis, make_desk: MakeDesk, owner: Witness
    ) -> None:
        desk = make_desk(telegram := GatedTelegram())
        telegram.gate.set()
        await desk.deliver(an_envelope(1), owner)
        waiting = asyncio.create_task(desk.deliver(an_envelope(1), owner))
        await asyncio.sleep(0.1)
        await SendLimits(redis).pause_chat(1, timedelta(seconds=30))
        assert isinstance(await waiting, NotYet)
        assert telegram.sent == 1

    async def test_a_refused_token_silences_the_bot_until_it_is_accepted(
        self,
        redis: Redis,
        desk: DeliveryDesk,
        owner: Witness,
        person: TelegramPerson,
        chat_id: int,
    ) -> None:
        person.fault("unauthorized", method="sendMessage")
        envelope = an_envelope(chat_id)
        assert isinstance(await desk.deliver(envelope, owner), NotYet)
        assert not desk.token_is_accepted()
        assert await redis.pttl("notifier:rate:pause") > 29_000
        await redis.flushdb()
        assert the_end(await desk.deliver(envelope, owner)).outcome == "sent"
        assert desk.token_is_accepted()


@pytest.mark.parametrize("fault", ["blocked", "deactivated", "chat_not_found"])
async def test_a_chat_that_is_gone_ends_the_message(
    desk: DeliveryDesk, owner: Witness, person: TelegramPerson, chat_id: int, fault: str
) -> None:
    person.fault(fault, method="sendMessage")
    assert the_end(await desk.deliver(an_envelope(chat_id), owner)).outcome == "chat_gone"


@pytest.mark.parametrize(
    ("fault", "options"),
    [("refused", {"description": "Bad Request: message is too long"}), ("migrated", {})],
)
async def test_a_message_that_telegram_does_not_take_is_not_repeated(
    desk: DeliveryDesk,
    owner: Witness,
    person: TelegramPerson,
    chat_id: int,
    fault: str,
    options: dict[str, str],
) -> None:
    person.fault(fault, method="sendMessage", **options)
    assert the_end(await desk.deliver(an_envelope(chat_id), owner)).outcome == "refused"


async def test_a_telegram_that_cannot_be_reached_is_tried_again(
    make_desk: MakeDesk, owner: Witness
) -> None:
    async with TelegramClient(TOKEN, "http://127.0.0.1:9", connections=1) as nowhere:
        desk = make_desk(nowhere)
        delays = []
        envelope = an_envelope(1)
        for _ in range(2):
            end = await desk.deliver(envelope, owner)
            assert isinstance(end, NotYet)
            delays.append(end.delay_seconds)
    assert delays == [1, 5]


async def test_what_the_bot_api_refuses_with_a_500_is_tried_again(
    desk: DeliveryDesk, owner: Witness, person: TelegramPerson, chat_id: int
) -> None:
    person.fault("server_error", method="sendMessage", status=500)
    envelope = an_envelope(chat_id)
    assert isinstance(await desk.deliver(envelope, owner), NotYet)
    assert person.messages(chat_id) == []


@pytest.mark.parametrize(
    ("status", "description"),
    [
        (500, "Internal Server Error: restart"),
        (502, "Bad Gateway"),
        (503, "Service Unavailable"),
        (504, "Gateway Timeout"),
    ],
)
@pytest.mark.parametrize("recorded", [True, False])
async def test_a_5xx_of_telegram_proves_nothing_and_is_not_repeated(
    desk: DeliveryDesk,
    owner: Witness,
    person: TelegramPerson,
    chat_id: int,
    status: int,
    description: str,
    recorded: bool,  # noqa: FBT001
) -> None:
    person.fault(
        "server_error",
        method="sendMessage",
        status=status,
        description=description,
        recorded=recorded,
    )
    assert the_end(await desk.deliver(an_envelope(chat_id), owner)).outcome == "unknown"
    assert len(person.messages(chat_id)) == int(recorded)


async def test_while_telegram_fails_it_is_asked_less_and_less(
    redis: Redis, desk: DeliveryDesk, owner: Witness, person: TelegramPerson
) -> None:
    person.fault("server_error", method="sendMessage", times=3)
    pauses = []
    for _ in range(4):
        await desk.deliver(an_envelope(person.create_chat()), owner)
        pauses.append(round(await redis.pttl("notifier:rate:pause") / 1000))
        await redis.flushdb()
    assert pauses == [1, 2, 5, 0]


@pytest.mark.parametrize("fault", ["drop_before_recording", "drop_after_recording", "garbage"])
async def test_a_broken_answer_is_unknown_and_not_repeated(
    redis: Redis,
    desk: DeliveryDesk,
    owner: Witness,
    person: TelegramPerson,
    chat_id: int,
    fault: str,
) -> None:
    person.fault(fault, method="sendMessage")
    envelope = an_envelope(chat_id)
    assert the_end(await desk.deliver(envelope, owner)).outcome == "unknown"
    await redis.flushdb()
    assert isinstance(await desk.deliver(envelope, owner), NotYet)
    assert received(person, chat_id) == 1


async def test_an_answer_that_comes_too_late_is_unknown_and_not_repeated(
    desk: DeliveryDesk,
    owner: Witness,
    person: TelegramPerson,
    chat_id: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.notifier.telegram.client.REQUEST_LIMIT_SECONDS", 0.3)
    person.fault("delay_after_recording", method="sendMessage", delay_seconds=1)
    assert the_end(await desk.deliver(an_envelope(chat_id), owner)).outcome == "unknown"
    assert len(person.messages(chat_id)) == 1


class TestServersThatAreAway:
    @pytest.fixture
    async def away(self) -> AsyncIterator[Redis]:
        client = new_async_redis("redis://127.0.0.1:9/0")
        yield client
        await client.aclose()

    async def test_without_redis_nothing_is_sent(
        self,
        engine: Engine,
        away: Redis,
        telegram: TelegramClient,
        person: TelegramPerson,
        chat_id: int,
    ) -> None:
        desk = DeliveryDesk(engine, Claims(away), SendLimits(away), telegram)
        with pytest.raises(Exception, match="Connect"):
            await desk.deliver(an_envelope(chat_id), Witness())
        assert received(person, chat_id) == 0

    async def test_without_the_database_nothing_is_sent(
        self,
        make_desk: MakeDesk,
        telegram: TelegramClient,
        owner: Witness,
        person: TelegramPerson,
        chat_id: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(delivery_ends, "MARK_LIMIT_SECONDS", 0.1)
        nowhere = new_engine("postgresql://nobody@127.0.0.1:9/none")
        with pytest.raises(OperationalError):
            await make_desk(telegram, nowhere).deliver(an_envelope(chat_id), owner)
        assert received(person, chat_id) == 0

    async def test_an_end_is_written_when_the_database_is_back(
        self, engine: Engine, desk: DeliveryDesk, monkeypatch: pytest.MonkeyPatch, chat_id: int
    ) -> None:
        class Away(Witness):
            refusals = 2

            def record(self, *_: object) -> None:
                if self.refusals:
                    self.refusals -= 1
                    raise OperationalError("", None, Exception("the server closed the connection"))

        envelope = an_envelope(chat_id)
        assert the_end(await desk.deliver(envelope, Away())).outcome == "sent"
        assert outcome_of(engine, envelope) == "sent"

    async def test_a_point_of_no_return_whose_confirmation_was_lost_is_taken_back(
        self, engine: Engine, desk: DeliveryDesk, owner: Witness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begin = desk._begin

        def answer_lost(*arguments: object) -> int | None:
            begin(*arguments)  # type: ignore[arg-type]
            raise OperationalError("", None, Exception("the server closed the connection"))

        monkeypatch.setattr(desk, "_begin", answer_lost)
        envelope = an_envelope(1)
        with pytest.raises(OperationalError):
            await desk.deliver(envelope, owner)
        assert look(engine, envelope).is_open(envelope.identities[0])
