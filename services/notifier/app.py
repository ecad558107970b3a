"""Wires the notifier's HTTP app and its one-shots; nothing connects before one runs.

`consume`, `bot` and `relay` have files of their own, so that each process imports only what it
runs.
"""

from collections.abc import Sequence

from flask import Flask

from services.notifier import operator_commands
from services.notifier.bot_router import new_update_handler
from services.notifier.linking.chat_linking import ChatLinking
from services.notifier.linking.link_api import add_link_routes, register_refusals
from services.notifier.linking.question_limits import QuestionLimits
from services.notifier.process_start import SERVICE, redis_answers, start
from services.notifier.provisioning import provision_redis
from services.notifier.redis_scripts import new_redis
from services.notifier.settings import Settings, read_settings
from services.notifier.telegram.bot_name import CachedBotName
from services.notifier.telegram.client import TelegramClient
from services.notifier.telegram.webhook_api import HandleUpdate, add_webhook_route
from services.notifier.translations import Translations
from shared.contracts.topology import NOTIFIER_QUEUES
from shared.database import is_reachable, new_engine
from shared.http.access_tokens import JwksClient, KeyLookup, init_access_tokens
from shared.http.app import ApiBlueprint, create_http_app
from shared.http.server import serve
from shared.messaging.dead_letters import run_command
from shared.process.environment import load_settings
from shared.process.ops_http import ReadinessChecks
from shared.process.processes import run_setup


def create_app(settings: Settings, keys: JwksClient | None = None) -> Flask:
    """Build the HTTP app of the service."""
    keys = keys or JwksClient(settings.jwks_url)
    engine = new_engine(settings.database_url)
    redis = new_redis(settings.redis_url)
    linking = ChatLinking(
        engine,
        QuestionLimits(redis),
        CachedBotName(
            lambda: TelegramClient(
                settings.telegram_bot_token, settings.telegram_api_url, connections=1
            )
        ),
        Translations(),
    )
    return build_app(
        linking,
        keys.find_key,
        new_update_handler(engine).handle,
        settings.telegram_webhook_secret,
        {
            "database": lambda: is_reachable(engine),
            "redis": lambda: redis_answers(redis),
            "public_keys": keys.has_keys,
        },
    )


def build_app(
    linking: ChatLinking,
    find_key: KeyLookup,
    handle_update: HandleUpdate,
    webhook_secret: str,
    checks: ReadinessChecks,
) -> Flask:
    """Build the HTTP app of its parts."""

    def configure(app: Flask) -> None:
        init_access_tokens(app, find_key)
        register_refusals(app)

    blueprint = ApiBlueprint(
        "Telegram",
        __name__,
        url_prefix="/api/tg",
        description="Linking an account with the Telegram chat that gets its reminders.",
    )
    add_link_routes(blueprint, linking)
    add_webhook_route(blueprint, handle_update, webhook_secret)
    return create_http_app(
        SERVICE, configure=configure, blueprints=lambda: [blueprint], checks=checks
    )


def serve_http() -> None:
    """Answer HTTP requests, from when there are keys to judge their tokens with."""
    settings = start("serve")
    keys = JwksClient(settings.jwks_url)
    keys.wait_for_keys()
    serve(lambda: create_app(settings, keys), settings.http_host, settings.http_port)


def setup() -> None:
    """Migrate the database, declare the queues, begin the first epoch in Redis."""
    settings = start("setup")
    run_setup(
        SERVICE,
        database_url=settings.database_url,
        rabbitmq_url=settings.rabbitmq_url,
        queues=NOTIFIER_QUEUES,
    )
    provision_redis(settings.database_url, settings.redis_url)


def work_on_dead_letters(arguments: Sequence[str]) -> None:
    """List or replay dead letters."""
    settings = load_settings(read_settings)
    run_command(SERVICE, settings.rabbitmq_url, NOTIFIER_QUEUES, arguments)


def work_on_unhandled_updates(arguments: Sequence[str]) -> None:
    """List, try again or forget updates that could not be handled."""
    settings = start("unhandled-updates")
    engine = new_engine(settings.database_url, pool_size=1)
    operator_commands.work_on_unhandled_updates(engine, new_update_handler(engine).retry, arguments)
    engine.dispose()
