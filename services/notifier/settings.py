"""The settings of the notifier, read from the environment once, at the start of a process."""

from dataclasses import dataclass, field
from typing import Literal, cast

import marshmallow as ma
from environs import EnvError, FileAwareEnv

from shared.process.environment import (
    DATABASE_URL,
    HTTP_URL,
    PORT,
    PUBLIC_URL,
    RABBITMQ_URL,
    REDIS_URL,
    Pattern,
    optional,
)
from shared.process.structured_logs import LOG_LEVELS

UpdatesBy = Literal["polling", "webhook"]

# What Telegram allows in a secret token.
_SECRET = Pattern(r"[A-Za-z0-9_-]{0,256}", "must be at most 256 of A-Z a-z 0-9 _ -")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`public_url` is the gateway's address as Telegram sees it; only the webhook needs it."""

    database_url: str = field(repr=False)
    rabbitmq_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    jwks_url: str
    telegram_bot_token: str = field(repr=False)
    telegram_api_url: str
    telegram_updates: UpdatesBy
    telegram_webhook_secret: str = field(repr=False)
    public_url: str
    http_host: str
    http_port: int
    ops_port: int
    log_level: str


def read_settings(environment: FileAwareEnv) -> Settings:
    """Read the settings. Raises EnvError naming the variable that is wrong."""
    updates = environment.str(
        "TELEGRAM_UPDATES", "polling", validate=ma.validate.OneOf(("polling", "webhook"))
    )
    settings = Settings(
        database_url=environment.str("DATABASE_URL", validate=DATABASE_URL),
        rabbitmq_url=environment.str("RABBITMQ_URL", validate=RABBITMQ_URL),
        redis_url=environment.str("REDIS_URL", validate=REDIS_URL),
        jwks_url=environment.str("JWKS_URL", validate=HTTP_URL),
        telegram_bot_token=environment.str(
            "TELEGRAM_BOT_TOKEN", validate=ma.validate.Length(1, error="must not be empty")
        ),
        telegram_api_url=environment.str(
            "TELEGRAM_API_URL", "https://api.telegram.org", validate=HTTP_URL
        ).rstrip("/"),
        telegram_updates=cast("UpdatesBy", updates),
        telegram_webhook_secret=environment.str("TELEGRAM_WEBHOOK_SECRET", "", validate=_SECRET),
        public_url=environment.str("PUBLIC_URL", "", validate=optional(PUBLIC_URL)).rstrip("/"),
        http_host=environment.str("HTTP_HOST", "127.0.0.1"),
        http_port=environment.int("HTTP_PORT", 8000, **PORT),
        ops_port=environment.int("OPS_PORT", 9000, **PORT),
        log_level=environment.str("LOG_LEVEL", "INFO", validate=ma.validate.OneOf(LOG_LEVELS)),
    )
    if settings.telegram_updates == "webhook":
        if not settings.telegram_webhook_secret:
            raise EnvError(
                'Environment variable "TELEGRAM_WEBHOOK_SECRET" is needed for webhooks:'
                " up to 256 of A-Z a-z 0-9 _ -"
            )
        if not settings.public_url:
            raise EnvError(
                'Environment variable "PUBLIC_URL" is needed for webhooks:'
                " the gateway's address, like https://habits.example.org"
            )
    return settings
