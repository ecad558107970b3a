"""Wires the HTTP app of the habits service and its one-shots; nothing connects before one runs.

`consume` and `relay` have files of their own, so that each process imports only what it runs.
"""

from collections.abc import Callable, Sequence

from flask import Flask
from sqlalchemy import Engine

from services.habits import http_api
from services.habits.command_handling import HabitCommands
from services.habits.event_store import EventStore
from services.habits.habit_queries import HabitQueries
from services.habits.process_start import SERVICE, start
from services.habits.rebuild_read_model import rebuild_read_model
from services.habits.refusals import register_refusals
from services.habits.settings import Settings, read_settings
from services.habits.stored_events import HABITS
from shared.contracts.topology import HABITS_QUEUES
from shared.database import is_reachable, new_engine
from shared.http.access_tokens import JwksClient, KeyLookup, init_access_tokens
from shared.http.app import create_http_app
from shared.http.server import serve
from shared.messaging.dead_letters import run_command
from shared.process.environment import load_settings
from shared.process.processes import run_setup
from shared.process.structured_logs import get_logger

_log = get_logger(__name__)


def create_app(settings: Settings, keys: JwksClient | None = None) -> Flask:
    """Build the HTTP app of the service."""
    keys = keys or JwksClient(settings.jwks_url)
    return build_app(new_engine(settings.database_url), keys.find_key, keys.has_keys)


def build_app(
    engine: Engine, find_key: KeyLookup, has_keys: Callable[[], bool] = lambda: True
) -> Flask:
    """Build the HTTP app on an engine and on the keys that access tokens are verified with."""
    store = EventStore(HABITS)

    def configure(app: Flask) -> None:
        init_access_tokens(app, find_key)
        register_refusals(app)
        app.extensions[http_api.COMMANDS] = HabitCommands(engine, store)
        app.extensions[http_api.QUERIES] = HabitQueries(engine, store)

    return create_http_app(
        SERVICE,
        configure=configure,
        blueprints=lambda: [http_api.blueprint],
        checks={"database": lambda: is_reachable(engine), "public_keys": has_keys},
    )


def serve_http() -> None:
    """Answer HTTP requests, from when there are keys to judge their tokens with."""
    settings = start("serve")
    keys = JwksClient(settings.jwks_url)
    keys.wait_for_keys()
    serve(lambda: create_app(settings, keys), settings.http_host, settings.http_port)


def setup() -> None:
    """Migrate the database and declare the queue."""
    settings = start("setup")
    run_setup(
        SERVICE,
        database_url=settings.database_url,
        rabbitmq_url=settings.rabbitmq_url,
        queues=HABITS_QUEUES,
    )


def rebuild() -> None:
    """Build the read model anew from the events."""
    settings = start("rebuild-read-model")
    engine = new_engine(settings.database_url, pool_size=1)
    habits = rebuild_read_model(engine, EventStore(HABITS))
    engine.dispose()
    _log.info("read model rebuilt", habits=habits)


def work_on_dead_letters(arguments: Sequence[str]) -> None:
    """List or replay dead letters."""
    settings = load_settings(read_settings)
    run_command(SERVICE, settings.rabbitmq_url, HABITS_QUEUES, arguments)
