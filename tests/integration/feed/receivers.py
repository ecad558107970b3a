"""Endpoints of other people: real HTTP servers that keep what comes, and answer as told."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests
from standardwebhooks import Webhook

from services.feed.database_pool import new_pool
from services.feed.log_reader import LogReader
from services.feed.log_watch import LogWatch
from services.feed.webhooks.deliverer import Deliverer
from services.feed.webhooks.endpoints import Endpoints
from services.feed.webhooks.sending import WebhookSender
from tests.integration.feed.story import Feed, token_of

LIMIT_SECONDS = 60


@dataclass
class Receiver:
    """`answers` are taken one after another; then everything is 204."""

    url: str = ""
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    dawdles_seconds: float = 0

    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.came]

    def verified(self, secret: str) -> list[Any]:
        """Return the bodies, each verified by somebody else's library."""
        return [Webhook(secret).verify(body, headers) for headers, body in self.came]

    def wait_for(self, count: int) -> None:
        wait_until(lambda: len(self.came) >= count)


@contextmanager
def receiver() -> Iterator[Receiver]:
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.came.append(({name.lower(): value for name, value in self.headers.items()}, body))
            time.sleep(kept.dawdles_seconds)
            status, headers = kept.answers.pop(0) if kept.answers else (204, {})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    kept.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def delivering(database_url: str, processes: int = 1) -> Iterator[None]:
    """Deliver from a thread, as the process `deliver` does."""
    stop = threading.Event()

    async def deliver() -> None:
        watch, stopping = LogWatch(database_url), asyncio.Event()
        watching = asyncio.create_task(watch.run())
        async with new_pool(database_url) as pool, WebhookSender(allow_private=True) as sender:
            running = asyncio.create_task(
                Deliverer(Endpoints(pool), LogReader(pool), watch, sender).run(stopping)
            )
            await asyncio.to_thread(stop.wait)
            stopping.set()
            await running
        watching.cancel()

    async def run() -> None:
        await asyncio.gather(*(deliver() for _ in range(processes)))

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(LIMIT_SECONDS)
        assert not thread.is_alive()


def call(
    feed: Feed, account_id: str, method: str, path: str = "", json: object = None, **claims: object
) -> requests.Response:
    """Ask for something about the webhooks of an account."""
    return requests.request(
        method,
        f"{feed.address}/api/webhooks/{path}",
        json=json,
        headers={"Authorization": f"Bearer {token_of(account_id, **claims)}"},
        timeout=LIMIT_SECONDS,
    )


def created(feed: Feed, account_id: str, url: str, **options: object) -> dict[str, Any]:
    answer = call(feed, account_id, "POST", json={"url": url, **options})
    assert answer.status_code == 201, answer.text
    webhook: dict[str, Any] = answer.json()
    return webhook


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
