"""Wires the processes of the habits service together; nothing connects before a process runs."""

import asyncio

from flask import Flask
from sqlalchemy import Engine

from services.habits import http_api
from services.habits.account_events import handle_account_events
from services.habits.command_handling import HabitCommands
from services.habits.event_store import EventStore
from services.habits.habit_queries import HabitQueries
from services.habits.rebuild_read_model import rebuild_read_model
from services.habits.refusals import register_refusals
from services.habits.settings import Settings, read_settings
from shared.access_tokens import JwksClient, KeyLookup, init_access_tokens
from shared.contracts.topology import HABITS_EVENTS
from shared.database import is_reachable, new_engine
from shared.environment import load_settings
from shared.http_app import create_http_app
from shared.http_server import serve
from shared.processes import consume, run_process, run_relay, run_setup
from shared.publisher import Publisher
from shared.structured_logs import configure_logs, get_logger

SERVICE = "habits"
_PREFETCH = 5

_log = get_logger(__name__)


def create_app(settings: Settings) -> Flask:
    """Build the HTTP app of the service."""
    return build_app(new_engine(settings.database_url), JwksClient(settings.jwks_url).find_key)


def build_app(engine: Engine, find_key: KeyLookup) -> Flask:
    """Build the HTTP app on an engine and on the keys that access tokens are verified with."""
    store = EventStore()

    def configure(app: Flask) -> None:
        init_access_tokens(app, find_key)
        register_refusals(app)
        app.extensions[http_api.COMMANDS] = HabitCommands(engine, store)
        app.extensions[http_api.QUERIES] = HabitQueries(engine, store)

    return create_http_app(
        SERVICE,
        configure=configure,
        blueprints=lambda: [http_api.blueprint],
        checks={"database": lambda: is_reachable(engine)},
    )


def serve_http() -> None:
    """Answer HTTP requests."""
    settings = _start("serve")
    serve(lambda: create_app(settings), settings.http_host, settings.http_port)


def consume_events() -> None:
    """Erase what belongs to accounts that are deleted."""
    from shared.consumer import Consumer

    settings = _start("consume")
    engine = new_engine(settings.database_url, pool_size=_PREFETCH)
    publisher = Publisher(settings.rabbitmq_url, f"{SERVICE}-consumer")
    consumer = Consumer(settings.rabbitmq_url, publisher, f"{SERVICE}-consumer")
    consumer.subscribe(HABITS_EVENTS, handle_account_events(engine), prefetch=_PREFETCH)

    async def work(stop: asyncio.Event) -> None:
        await consume(consumer, publisher, stop)
        engine.dispose()

    run_process(
        work,
        host=settings.http_host,
        ops_port=settings.ops_port,
        checks={"database": lambda: is_reachable(engine), "broker": consumer.is_consuming},
    )


def relay() -> None:
    """Move messages from the outbox to the broker."""
    settings = _start("relay")
    run_relay(
        SERVICE,
        database_url=settings.database_url,
        rabbitmq_url=settings.rabbitmq_url,
        host=settings.http_host,
        ops_port=settings.ops_port,
    )


def setup() -> None:
    """Migrate the database and declare the queue."""
    settings = _start("setup")
    run_setup(
        SERVICE,
        database_url=settings.database_url,
        rabbitmq_url=settings.rabbitmq_url,
        queues=[HABITS_EVENTS],
    )


def rebuild() -> None:
    """Build the read model anew from the events."""
    settings = _start("rebuild-read-model")
    engine = new_engine(settings.database_url, pool_size=1)
    habits = rebuild_read_model(engine, EventStore())
    engine.dispose()
    _log.info("read model rebuilt", habits=habits)


def _start(process: str) -> Settings:
    settings = load_settings(read_settings)
    configure_logs(SERVICE, process, settings.log_level)
    return settings
