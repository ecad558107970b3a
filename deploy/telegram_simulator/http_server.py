"""HTTP/1.1 over asyncio: h11 reads and writes the protocol, this module owns the sockets.

Owning them is the point: an answer can be to cut the connection half way, or to keep silent. A
request runs to its end even when its client has gone, as it would on the real Telegram; only
`close` ends what is still running, at once.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from http.client import responses
from typing import assert_never

import h11

from deploy.telegram_simulator.http_messages import (
    Answer,
    CutConnection,
    Reply,
    Request,
    StaySilent,
    json_reply,
)
from shared.process.structured_logs import get_logger

MAX_BODY_BYTES = 1 << 20
_READ_BYTES = 1 << 16

Handler = Callable[[Request], Awaitable[Answer]]

log = get_logger(__name__)


class BodyTooLarge(Exception):
    """The body is greater than this server takes."""


class HttpServer:
    """Serves connections until closed; each has an id of its own."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._connection_ids = itertools.count(1)
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> None:
        self._server = await asyncio.start_server(self._accept, host, port, backlog=1024)

    async def close(self) -> None:
        """Stop listening and end every open connection without waiting for its work."""
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(next(self._connection_ids), reader, writer)
        task = asyncio.create_task(connection.serve(self._handler))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)


class _Connection:
    """One client, one request at a time."""

    def __init__(
        self, connection_id: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._id = connection_id
        self._reader = reader
        self._writer = writer
        self._protocol = h11.Connection(h11.SERVER)

    async def serve(self, handler: Handler) -> None:
        try:
            while await self._serve_one(handler):
                self._protocol.start_next_cycle()
        except ConnectionError:
            pass  # the client has gone
        except h11.RemoteProtocolError as error:
            await self._refuse(error.error_status_hint, "not HTTP")
        except BodyTooLarge:
            await self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body too large")
        finally:
            self._writer.transport.abort()

    async def _serve_one(self, handler: Handler) -> bool:
        """Answer one request; return True when another may follow on this connection."""
        request = await self._read_request()
        if request is None:
            return False
        match await _answer(handler, request):
            case Reply() as reply:
                await self._write(reply, with_body=request.method != "HEAD")
            case CutConnection():
                return False
            case StaySilent():
                while await self._reader.read(_READ_BYTES):
                    pass
                return False
            case unreachable:
                assert_never(unreachable)
        done = self._protocol.our_state is h11.DONE and self._protocol.their_state is h11.DONE
        if not done:
            await self._finish_writing()
        return done

    async def _read_request(self) -> Request | None:
        head: h11.Request | None = None
        body = bytearray()
        while True:
            event = self._protocol.next_event()
            if event is h11.NEED_DATA:
                await self._receive()
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > MAX_BODY_BYTES:
                    raise BodyTooLarge
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return self._request(head, bytes(body))
            else:
                return None

    async def _receive(self) -> None:
        if self._protocol.they_are_waiting_for_100_continue:
            go_on = h11.InformationalResponse(status_code=100, headers=[])
            self._writer.write(self._protocol.send(go_on) or b"")
        self._protocol.receive_data(await self._reader.read(_READ_BYTES))

    def _request(self, head: h11.Request, body: bytes) -> Request:
        return Request(
            method=head.method.decode("ascii"),
            target=head.target.decode("ascii"),
            headers={name.decode("ascii"): value.decode("latin-1") for name, value in head.headers},
            body=body,
            connection_id=self._id,
        )

    async def _write(self, reply: Reply, *, with_body: bool = True) -> None:
        headers = {
            "Content-Type": reply.media_type,
            "Content-Length": str(len(reply.body)),
            **reply.headers,
        }
        head = h11.Response(
            status_code=reply.status,
            reason=responses.get(reply.status, ""),
            headers=list(headers.items()),
        )
        events: list[h11.Event] = [head, h11.EndOfMessage()]
        if with_body:
            events.insert(1, h11.Data(data=reply.body))
        self._writer.write(b"".join(self._protocol.send(event) or b"" for event in events))
        await self._writer.drain()

    async def _refuse(self, status: int, detail: str) -> None:
        if self._protocol.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return
        try:
            await self._write(json_reply(status, {"ok": False, "description": detail}))
            await self._finish_writing()
        except (ConnectionError, h11.LocalProtocolError):
            return

    async def _finish_writing(self) -> None:
        """Let the answer reach the client before the connection is cut."""
        self._writer.close()
        await self._writer.wait_closed()


async def _answer(handler: Handler, request: Request) -> Answer:
    try:
        return await handler(request)
    except Exception:
        log.exception("request failed", method=request.method)
        return json_reply(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            {"ok": False, "error_code": 500, "description": "Internal Server Error"},
        )
