"""Wires the HTTP app of the habits service; nothing connects before it runs."""

from collections.abc import Callable

from flask import Flask
from sqlalchemy import Engine

from services.habits import http_api
from services.habits.command_handling import HabitCommands
from services.habits.days import days_api
from services.habits.days.day_commands import DayCommands
from services.habits.days.day_queries import DayQueries
from services.habits.days.stored_days import DAYS
from services.habits.event_store import EventStore
from services.habits.habit_queries import HabitQueries
from services.habits.history.history_queries import HistoryQueries
from services.habits.portable import portable_api
from services.habits.public_list import public_api
from services.habits.public_list.public_list import PublicList
from services.habits.refusals import register_refusals
from services.habits.scopes import needed_scope
from services.habits.service import SERVICE
from services.habits.settings import Settings
from services.habits.statistics import statistics_api
from services.habits.statistics.statistics_queries import StatisticsQueries
from services.habits.stored_events import HABITS
from services.habits.undo import undo_api
from services.habits.undo.undo_commands import UndoCommands
from shared.database import is_reachable, new_engine
from shared.http.access_tokens import JwksClient, KeyLookup, init_access_tokens
from shared.http.app import create_http_app
from shared.http.server import serve as serve_http


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
        init_access_tokens(app, find_key, needed_scope)
        register_refusals(app)
        commands = HabitCommands(engine, store)
        app.extensions[http_api.COMMANDS] = commands
        app.extensions[public_api.PUBLIC_LIST] = PublicList(engine, commands)
        app.extensions[http_api.QUERIES] = HabitQueries(engine)
        app.extensions[http_api.HISTORY] = HistoryQueries(engine, store)
        app.extensions[days_api.DAY_COMMANDS] = DayCommands(engine, EventStore(DAYS))
        app.extensions[days_api.DAY_QUERIES] = DayQueries(engine, store)
        app.extensions[portable_api.PORTABLE_ENGINE] = engine
        app.extensions[undo_api.UNDO_COMMANDS] = UndoCommands(engine, store, EventStore(DAYS))
        app.extensions[statistics_api.STATISTICS_QUERIES] = StatisticsQueries(engine, store)

    return create_http_app(
        SERVICE.name,
        configure=configure,
        blueprints=lambda: [
            http_api.blueprint,
            public_api.blueprint,
            days_api.blueprint,
            statistics_api.blueprint,
            undo_api.blueprint,
            portable_api.blueprint,
        ],
        checks={"database": lambda: is_reachable(engine), "public_keys": has_keys},
    )


def serve(settings: Settings) -> None:
    """Answer HTTP requests, from when there are keys to judge their tokens with."""
    keys = JwksClient(settings.jwks_url)
    keys.wait_for_keys()
    serve_http(lambda: create_app(settings, keys), settings.http_host, settings.http_port)
