"""Faults 13, 14 and 16: a broker that says nothing, a queue that goes, a memory alarm."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aio_pika
import pytest
from sqlalchemy import Engine

from deploy.local import executables
from deploy.local.programs import run_once
from deploy.local.rabbitmq_server import RabbitmqServer
from shared.contracts.topology import SCHEDULER_EVENTS, TELEGRAM_MESSAGES
from shared.messaging import publisher as publisher_module
from shared.messaging.broker_topology import declare_topology
from shared.messaging.consumer import Consumer
from shared.messaging.deliveries import Delivery
from shared.messaging.publisher import Publisher, PublishFailed
from tests.faults.queues import arrivals, depth, first_seen
from tests.faults.tcp_proxy import TcpProxy, Towards
from tests.integration.shared.outbox_story import running_relay, store, until_empty, waiting
from tests.servers.private import running_rabbitmq

PATIENCE_SECONDS = 60
QUEUE = TELEGRAM_MESSAGES


@pytest.fixture
def line(broker: str) -> Iterator[TcpProxy]:
    with TcpProxy(broker) as line:
        yield line


async def publish(publisher: Publisher, message_id: str | None = None) -> None:
    await publisher.publish("", QUEUE.name, {}, message_id=message_id or str(uuid.uuid4()))


async def publish_at_last(publisher: Publisher, message_id: str) -> None:
    """Repeat until the broker confirms; whatever else is raised fails the test."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                await publish(publisher, message_id)
            except PublishFailed:
                await asyncio.sleep(0.1)
            else:
                return


class TestASilentBroker:
    @pytest.mark.parametrize("towards", [("server",), ("client",), ("server", "client")])
    async def test_a_publish_fails_within_its_limit_and_works_again_afterwards(
        self, line: TcpProxy, monkeypatch: pytest.MonkeyPatch, towards: tuple[Towards, ...]
    ) -> None:
        monkeypatch.setattr(publisher_module, "CONFIRM_TIMEOUT_SECONDS", 1.0)
        async with Publisher(line.url, "test") as publisher:
            await publish(publisher)
            with line.black_hole(*towards):
                # Each by itself: not one may hang, nor look as if somebody had cancelled it.
                async with asyncio.timeout(PATIENCE_SECONDS):
                    ends = await asyncio.gather(
                        *(publish(publisher) for _ in range(10)), return_exceptions=True
                    )
                assert {type(end) for end in ends} == {PublishFailed}
            await publish_at_last(publisher, "afterwards")

    async def test_a_link_that_dies_is_a_failed_publish_not_a_cancelled_one(
        self, line: TcpProxy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # The heartbeats find the link dead long before the confirm is overdue.
        monkeypatch.setattr(publisher_module, "CONFIRM_TIMEOUT_SECONDS", float(PATIENCE_SECONDS))
        monkeypatch.setattr(publisher_module, "HEARTBEAT_SECONDS", 1)
        async with Publisher(line.url, "test") as publisher:
            await publish(publisher)
            with line.black_hole():
                with pytest.raises(PublishFailed):
                    await publish(publisher)
                monkeypatch.setattr(publisher_module, "CONFIRM_TIMEOUT_SECONDS", 1.0)
                with pytest.raises(PublishFailed):
                    await publish(publisher)
            await publish_at_last(publisher, "afterwards")

    @pytest.mark.short
    async def test_a_reset_is_a_failed_publish_and_the_next_one_works(
        self, line: TcpProxy, broker: str
    ) -> None:
        async with Publisher(line.url, "test") as publisher:
            for number in range(3):
                with line.black_hole("client"):
                    unconfirmed = asyncio.create_task(publish(publisher, f"m-{number}"))
                    await until_depth_is_above(broker, number * 2)
                    line.cut()
                    with pytest.raises(PublishFailed):
                        await unconfirmed
                await publish_at_last(publisher, f"m-{number}")
        # Each arrived unconfirmed, and again: duplicates that their id gives away.
        assert await depth(broker, QUEUE.name) == 6


async def until_depth_is_above(broker: str, count: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await depth(broker, QUEUE.name) <= count:
            await asyncio.sleep(0.05)


class TestAQueueDeletedUnderItsConsumer:
    @pytest.fixture
    def handled(self) -> list[str]:
        return []

    @asynccontextmanager
    async def consuming(self, broker: str, handled: list[str]) -> AsyncIterator[Consumer]:
        async def handler(delivery: Delivery) -> None:
            handled.append(delivery.message_id)

        async with Publisher(broker, "test") as publisher:
            consumer = Consumer(broker, publisher, "test")
            consumer.subscribe(QUEUE, handler, prefetch=5)
            consumer.subscribe(SCHEDULER_EVENTS, handler, prefetch=5)
            await consumer.start()
            try:
                yield consumer
            finally:
                await consumer.stop()

    async def test_the_process_is_not_ready_and_consumes_again_once_it_is_declared(
        self, broker: str, handled: list[str]
    ) -> None:
        async with self.consuming(broker, handled) as consumer, Publisher(broker, "o") as other:
            await publish(other, "before")
            await until(lambda: handled == ["before"])
            await delete_queue(broker, QUEUE.name)
            await until(lambda: not consumer.is_consuming())
            await declare_topology(broker, [QUEUE])
            await publish(other, "after")
            await until(lambda: handled == ["before", "after"])
            assert consumer.is_consuming()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.02)


async def delete_queue(broker: str, name: str) -> None:
    async with await aio_pika.connect(broker) as connection:
        await (await connection.channel()).queue_delete(name)


@contextmanager
def memory_alarm(server: RabbitmqServer) -> Iterator[None]:
    """Have the node believe that it has no memory left: it reads from no publisher any more."""
    rabbitmqctl(server, "set_vm_memory_high_watermark", "0.0000001")
    try:
        yield
    finally:
        rabbitmqctl(server, "set_vm_memory_high_watermark", "0.4")


def rabbitmqctl(server: RabbitmqServer, *arguments: str) -> None:
    _, node = server.programs()
    command = str(executables.rabbitmq_server().with_name("rabbitmqctl"))
    run_once([command, "-n", node.environment["RABBITMQ_NODENAME"], *arguments], node.environment)


@pytest.mark.timeout(400)
async def test_during_a_memory_alarm_the_outbox_grows_and_all_is_delivered_afterwards(
    tmp_path: Path, outbox_url: str, outbox_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher_module, "CONFIRM_TIMEOUT_SECONDS", 1.0)
    with running_rabbitmq(tmp_path) as server:
        broker = server.admin_url
        await declare_topology(broker, [SCHEDULER_EVENTS, QUEUE])
        async with running_relay(outbox_url, broker), Publisher(broker, "test") as publisher:
            store(outbox_engine, "a-1", 1)
            await until_empty(outbox_engine)
            with memory_alarm(server):
                store(outbox_engine, "a-1", 2, 3)
                store(outbox_engine, "a-2", 1)
                with pytest.raises(PublishFailed):
                    await publish(publisher)
                assert waiting(outbox_engine) == 3
                assert await depth(broker, SCHEDULER_EVENTS.name) == 1
            await until(lambda: waiting(outbox_engine) == 0)
        arrived = await arrivals(broker, SCHEDULER_EVENTS.name)
        assert first_seen(arrived) == {"a-1": [1, 2, 3], "a-2": [1]}
