"""A TCP proxy that goes wrong on demand: between a client and its server, in a thread of its own.

Our own, because no Python package in the lock and no Debian package does this: Debian's
`simpleproxy` only forwards, and Shopify's toxiproxy is a Go program from elsewhere.

Whoever uses it sees a real network's faults: a slow line, a reset, a line that takes bytes and
delivers none, an answer that gets lost. What it holds back is delivered when it forwards again, as
TCP would. A pattern is looked for in what one read brings: right for commands of a few bytes.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from yarl import URL

HOST = "127.0.0.1"
_COMMAND_SECONDS = 10
_READ_BYTES = 65_536
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

Towards = Literal["server", "client"]
BOTH_WAYS: tuple[Towards, ...] = ("server", "client")
_DEFAULT_PORTS = {"postgresql": 5432, "amqp": 5672, "redis": 6379, "http": 80}

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Trap:
    """What happens once, when a client sends certain bytes; `sprung` tells the test."""

    pattern: bytes
    effect: Literal["hold", "lose the answer"]
    sprung: threading.Event = field(default_factory=threading.Event)


@dataclass(eq=False, slots=True)
class _Link:
    """One client's connection and the one to the server; `lost_answer` is to be cut, not told."""

    writers: dict[Towards, asyncio.StreamWriter]
    lost_answer: threading.Event | None = None

    def reset(self) -> None:
        for writer in self.writers.values():
            with suppress(OSError):
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE
                )
            writer.transport.abort()


class TcpProxy:
    """Stands in front of the server that a URL names; `url` leads through it."""

    def __init__(self, server_url: str) -> None:
        self.delay_seconds = 0.0
        self._server_url = URL(server_url)
        self._target = _host_and_port(self._server_url)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._trap: _Trap | None = None
        self._flows: dict[Towards, asyncio.Event] = {}
        self._port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._open())
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        """Return the server's URL with the proxy's address in it."""
        return str(self._server_url.with_host(HOST).with_port(self._port))

    @property
    def connections(self) -> int:
        """Return how many connections there are."""
        return len(self._links)

    def redirect(self, server_url: str) -> None:
        """Lead new connections to another server, as a moved address would."""
        self._target = _host_and_port(URL(server_url))

    def cut(self) -> None:
        """Reset every connection, on both sides; new ones are let through."""
        self._do(self._cut())

    def stop_forwarding(self, *towards: Towards) -> None:
        """Take bytes and connections, and deliver nothing in these directions."""
        self._do(self._let_flow(towards or BOTH_WAYS, flowing=False))

    def forward(self) -> None:
        """Deliver again, first of all what was held back."""
        self._do(self._let_flow(BOTH_WAYS, flowing=True))

    @contextmanager
    def black_hole(self, *towards: Towards) -> Iterator[None]:
        """Forward nothing for the length of a block."""
        self.stop_forwarding(*towards)
        try:
            yield
        finally:
            self.forward()

    def hold_at(self, pattern: bytes) -> threading.Event:
        """Stop forwarding, both ways, once a client sends this, and before it is delivered."""
        return self._set_trap(_Trap(pattern, "hold"))

    def lose_answer_to(self, pattern: bytes) -> threading.Event:
        """Let this pass to the server once, and cut the connection instead of its answer."""
        return self._set_trap(_Trap(pattern, "lose the answer"))

    def _set_trap(self, trap: _Trap) -> threading.Event:
        self._trap = trap
        return trap.sprung

    def _do(self, command: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(command, self._loop).result(_COMMAND_SECONDS)

    async def _open(self) -> None:
        for towards in BOTH_WAYS:
            self._flows[towards] = asyncio.Event()
            self._flows[towards].set()
        self._server = await asyncio.start_server(self._accept, HOST, 0)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        await self._cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _cut(self) -> None:
        for link in self._links:
            link.reset()
        await asyncio.sleep(0)

    async def _let_flow(self, directions: tuple[Towards, ...], *, flowing: bool) -> None:
        for towards in directions:
            if flowing:
                self._flows[towards].set()
            else:
                self._flows[towards].clear()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Not left to the library: its own task would complain when the proxy closes.
        task = self._loop.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        try:
            answers, server = await asyncio.open_connection(*self._target)
        except OSError:
            client.transport.abort()
            return
        link = _Link({"server": server, "client": client})
        self._links.add(link)
        try:
            # Whichever side ends ends the other.
            pumps = {
                asyncio.ensure_future(self._pump(link, reader, "server")),
                asyncio.ensure_future(self._pump(link, answers, "client")),
            }
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        finally:
            self._links.discard(link)
            for writer in (server, client):
                writer.close()

    async def _pump(self, link: _Link, source: asyncio.StreamReader, towards: Towards) -> None:
        with suppress(ConnectionError):
            while data := await source.read(_READ_BYTES):
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                if towards == "server":
                    self._spring(link, data)
                elif link.lost_answer is not None:
                    link.reset()
                    link.lost_answer.set()
                    return
                await self._flows[towards].wait()
                link.writers[towards].write(data)
                await link.writers[towards].drain()
        await self._flows[towards].wait()

    def _spring(self, link: _Link, data: bytes) -> None:
        trap = self._trap
        if trap is None or trap.pattern not in data:
            return
        self._trap = None
        if trap.effect == "lose the answer":
            link.lost_answer = trap.sprung
        else:
            for flow in self._flows.values():
                flow.clear()
            trap.sprung.set()


def _host_and_port(url: URL) -> tuple[str, int]:
    port = url.port or _DEFAULT_PORTS[url.scheme]
    return url.host or HOST, port
