"""The one way to publish: confirmed, mandatory, persistent, within a time limit.

A publish that returns has been confirmed by the broker. One that raises may still have arrived,
so its repetition may be a duplicate; consumers tolerate that.
"""

import asyncio
import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, cast

import aio_pika
import aiormq
from aio_pika.abc import AbstractRobustChannel, AbstractRobustConnection
from aio_pika.exceptions import (
    CONNECTION_EXCEPTIONS,
    AMQPError,
    ChannelInvalidStateError,
    DeliveryError,
    PublishError,
)
from yarl import URL

from shared.contracts.cloud_event import CONTENT_TYPE

CONFIRM_TIMEOUT_SECONDS = 5.0
HEARTBEAT_SECONDS = 10

BROKER_ERRORS = (AMQPError, ChannelInvalidStateError, ConnectionError, TimeoutError, OSError)


def broker_url(url: str, name: str) -> str:
    """Return the URL with a short heartbeat and a name for the broker's list of connections.

    The library's own default would take three minutes to notice a dead link.
    """
    query: dict[str, str | int] = {
        "heartbeat": HEARTBEAT_SECONDS,
        "name": name,
        "reconnect_interval": 1,
    }
    return str(URL(url).update_query(query))


class PublishFailed(ConnectionError):
    """The broker did not confirm in time or the connection broke; retrying can help."""


class Unroutable(Exception):
    """The broker has no queue for this message: a binding or the queue is missing."""


class Publisher:
    """Publishes on a connection and channel of its own, never on one that consumes."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        self._connection: AbstractRobustConnection | None = None
        self._channel: AbstractRobustChannel | None = None

    async def __aenter__(self) -> Self:
        """Connect. Raises OSError or aiormq errors when the broker is not there."""
        self._connection = await aio_pika.connect_robust(
            broker_url(self._url, self._name),
            timeout=CONFIRM_TIMEOUT_SECONDS,
            reconnect_interval=1.0,
        )
        channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
        assert isinstance(channel, AbstractRobustChannel)  # noqa: S101 - narrows the library's type
        self._channel = channel
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._connection is not None:
            await self._connection.close()

    @property
    def is_connected(self) -> bool:
        """Whether the connection is up at this moment."""
        return self._connection is not None and self._connection.connected.is_set()

    async def publish(
        self,
        exchange: str,
        routing_key: str,
        body: bytes | dict[str, Any],
        *,
        message_id: str,
        headers: Mapping[str, Any] | None = None,
        message_type: str | None = None,
        content_type: str | None = CONTENT_TYPE,
    ) -> None:
        """Publish one message and wait for its confirm.

        `message_id` must be unique among the publishes in flight: a returned message is matched
        by it. Raises Unroutable when no queue took it, PublishFailed for everything that a later
        try can mend.
        """
        if self._channel is None:
            raise PublishFailed("the publisher is not connected")
        data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        properties = aiormq.spec.Basic.Properties(
            message_id=message_id,
            headers=dict(headers or {}),
            message_type=message_type,
            content_type=content_type,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            app_id=self._name,
        )
        try:
            async with asyncio.timeout(CONFIRM_TIMEOUT_SECONDS):
                # The layer below: this is the hot path of the relay, and an exchange object of the
                # library's would cost half of its time.
                channel = cast("aiormq.Channel", await self._channel.get_underlay_channel())
                await channel.basic_publish(
                    data,
                    exchange=exchange,
                    routing_key=routing_key,
                    properties=properties,
                    mandatory=True,
                    wait=False,
                )
        except PublishError as returned:
            raise Unroutable(f"no queue takes {routing_key!r}") from returned
        except (DeliveryError, TimeoutError, *CONNECTION_EXCEPTIONS) as error:
            raise PublishFailed(f"no confirm from the broker: {error!r}") from error
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # aiormq cancels the waiting future when the link dies; nobody cancelled this task.
            raise PublishFailed("the link died before the confirm") from error
