"""Wires the process `serve`: the feed over HTTP, on an event loop."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import uvicorn
from starlette.applications import Starlette

from services.feed.asgi_app import create_asgi_app
from services.feed.database_pool import new_pool
from services.feed.http_api import FeedApi
from services.feed.log_reader import LogReader
from services.feed.log_watch import LogWatch
from services.feed.settings import Settings
from services.feed.webhooks.endpoints import Endpoints
from services.feed.webhooks.sending import WebhookSender
from services.feed.webhooks.webhooks_api import WebhooksApi
from shared.database import is_reachable, new_engine
from shared.http.access_tokens import JwksClient, KeyLookup
from shared.process.stop_budget import REQUESTS_SECONDS

# Longer than the gateway keeps an idle connection, so that the gateway is the one to close it.
_KEEP_ALIVE_SECONDS = 75
_LARGEST_HEADERS = 64 * 1024


def build_app(
    database_url: str,
    watch: LogWatch,
    find_key: KeyLookup,
    has_keys: Callable[[], bool] = lambda: True,
    *,
    allow_private: bool = False,
) -> Starlette:
    """Build the app on a database and on the keys that access tokens are verified with."""
    pool, sender = new_pool(database_url), WebhookSender(allow_private=allow_private)
    reader = LogReader(pool)
    webhooks = WebhooksApi(Endpoints(pool), reader, sender, find_key, allow_private=allow_private)
    probe = new_engine(database_url, pool_size=1)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        watching = asyncio.create_task(watch.run())
        async with pool, sender:
            yield
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        probe.dispose()

    return create_asgi_app(
        [*FeedApi(reader, watch, find_key).routes(), *webhooks.routes()],
        checks={"database": lambda: is_reachable(probe), "public_keys": has_keys},
        lifespan=lifespan,
    )


class _Server(uvicorn.Server):
    """Ends long polls and streams when it is told to stop, and exits as a success."""

    def __init__(self, config: uvicorn.Config, watch: LogWatch) -> None:
        super().__init__(config)
        self._watch = watch

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, number)
        yield

    def _stop(self, number: int) -> None:
        self.handle_exit(number, None)
        self._watch.close()


def serve(settings: Settings) -> None:
    """Answer HTTP requests, from when there are keys to judge their tokens with."""
    keys = JwksClient(settings.jwks_url)
    keys.wait_for_keys()
    watch = LogWatch(settings.database_url)
    config = uvicorn.Config(
        build_app(
            settings.database_url,
            watch,
            keys.find_key,
            keys.has_keys,
            allow_private=settings.webhooks_allow_private,
        ),
        host=settings.http_host,
        port=settings.http_port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        # More than the gateway lets through, so that it is the one to refuse large headers.
        h11_max_incomplete_event_size=_LARGEST_HEADERS,
        timeout_graceful_shutdown=REQUESTS_SECONDS,
    )
    _Server(config, watch).run()
