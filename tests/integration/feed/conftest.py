"""The feed on a database of its own, written to by its own writer and asked over real HTTP."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from sqlalchemy import Engine, text

from services.feed.app import build_app
from services.feed.log_watch import LogWatch
from shared.database import new_engine
from shared.migrations import migrate
from tests.integration.feed.story import Feed
from tests.integration.habits.callers import find_key


@pytest.fixture(scope="module")
def feed_url(module_database: Callable[[str], str]) -> str:
    url = module_database("feed")
    migrate("feed", url)
    return url


@pytest.fixture(scope="module")
def module_engine(feed_url: str) -> Iterator[Engine]:
    engine = new_engine(feed_url, pool_size=10)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(module_engine: Engine) -> Engine:
    """Return an engine on an empty log."""
    with module_engine.begin() as connection:
        connection.execute(text("TRUNCATE log, erased_accounts, webhooks, deliveries"))
        connection.execute(text("UPDATE head SET position = 0"))
    return module_engine


@pytest.fixture(scope="module")
def served(feed_url: str) -> Iterator[tuple[str, LogWatch]]:
    """Yield the address of the feed's HTTP app, served from a thread."""
    watch = LogWatch(feed_url)
    config = uvicorn.Config(
        build_app(feed_url, watch, find_key, allow_private=True), log_config=None, ws="none"
    )
    server = uvicorn.Server(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=_run, args=(server, listener))
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield address, watch
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


def _run(server: Any, listener: socket.socket) -> None:
    asyncio.run(server.serve(sockets=[listener]))


@pytest.fixture
def feed(engine: Engine, served: tuple[str, LogWatch]) -> Feed:
    address, watch = served
    return Feed(engine, address, watch)
