"""Wires the notifier's HTTP app; nothing connects before it runs."""

from flask import Flask

from services.notifier.bot_router import new_update_handler
from services.notifier.linking.chat_linking import ChatLinking
from services.notifier.linking.link_api import add_link_routes, register_refusals
from services.notifier.linking.question_limits import QuestionLimits
from services.notifier.redis_scripts import new_redis, redis_answers
from services.notifier.scopes import needed_scope
from services.notifier.service import SERVICE
from services.notifier.settings import Settings
from services.notifier.telegram.bot_name import CachedBotName
from services.notifier.telegram.client import TelegramClient
from services.notifier.telegram.webhook_api import HandleUpdate, add_webhook_route
from services.notifier.translations import Translations
from shared.database import is_reachable, new_engine
from shared.http.access_tokens import JwksClient, KeyLookup, init_access_tokens
from shared.http.app import ApiBlueprint, create_http_app
from shared.http.server import serve as serve_http
from shared.process.ops_http import ReadinessChecks


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
        init_access_tokens(app, find_key, needed_scope)
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
        SERVICE.name, configure=configure, blueprints=lambda: [blueprint], checks=checks
    )


def serve(settings: Settings) -> None:
    """Answer HTTP requests, from when there are keys to judge their tokens with."""
    keys = JwksClient(settings.jwks_url)
    keys.wait_for_keys()
    serve_http(lambda: create_app(settings, keys), settings.http_host, settings.http_port)
