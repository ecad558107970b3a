"""The settings of `make run`: from the environment, then from `.env`, then the defaults.

Every variable of the contract is checked here, before anything starts: a wrong value would
otherwise show up as one of twenty processes that keeps failing.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import marshmallow as ma
from dotenv import dotenv_values
from environs import FileAwareEnv

from deploy.gateway.settings import GatewayChoices, read_gateway_choices
from deploy.local.programs import REPOSITORY
from shared.process.environment import (
    DATABASE_URL,
    HTTP_URL,
    PORT,
    POSITIVE,
    RABBITMQ_URL,
    REDIS_URL,
    Pattern,
    optional,
)
from shared.process.structured_logs import LOG_LEVELS

Updates = Literal["polling", "webhook"]

VARIABLES = (
    "GATEWAY_PORT",
    "TELEGRAM_BOT_TOKEN",
    "TELEGRAM_API_URL",
    "TELEGRAM_SIMULATOR_PORT",
    "TELEGRAM_UPDATES",
    "POSTGRES_URL",
    "RABBITMQ_URL",
    "REDIS_URL",
    "CORS_ALLOWED_ORIGINS",
    "REMINDER_GRACE_SECONDS",
    "RATE_LIMIT_REGISTER_PER_MINUTE",
    "RATE_LIMIT_TOKEN_PER_MINUTE",
    "RATE_LIMIT_FAILED_LOGINS",
    "PUBLIC_URL",
    "TRUSTED_PROXIES",
    "WEBHOOKS_ALLOW_PRIVATE",
    "LOG_LEVEL",
    "DATABASE_PREFIX",
    "HABIT_TRACKER_RUN_DIR",
)
SERVER_URLS = ("POSTGRES_URL", "RABBITMQ_URL", "REDIS_URL")

_TOKEN = Pattern(
    r"[0-9]+:[A-Za-z0-9_-]{20,}", "must be as @BotFather gives it: digits, a colon, 35 characters"
)
_DATABASE_PREFIX = Pattern(
    r"[a-z][a-z0-9_]{0,40}", "must be lower-case letters, digits and _, and begin with a letter"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a user can choose; an empty server URL means a private server."""

    run_directory: Path
    gateway_port: int
    gateway: GatewayChoices
    postgres_url: str = field(repr=False)
    rabbitmq_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    database_prefix: str
    telegram_bot_token: str = field(repr=False)
    telegram_api_url: str
    telegram_simulator_port: int
    telegram_updates: Updates
    reminder_grace_seconds: int
    failed_logins: int
    webhooks_allow_private: bool
    log_level: str

    @property
    def uses_simulator(self) -> bool:
        """Whether the Telegram simulator takes the place of Telegram."""
        return not self.telegram_bot_token

    @property
    def public_url(self) -> str:
        """The gateway's address as the outside sees it; without a choice, that of this machine."""
        chosen = self.gateway.public_url
        return chosen.geturl() if chosen else f"http://localhost:{self.gateway_port}"


def load_dotenv(file: Path) -> None:
    """Take from the file what the environment does not say; an empty value says nothing."""
    for name in VARIABLES:
        if not os.environ.get(name):
            os.environ.pop(name, None)
    for name, value in dotenv_values(file).items():
        if value:
            os.environ.setdefault(name, value)


def read_settings(environment: FileAwareEnv) -> Settings:
    """Read and check all settings; an error names the variable, never its value."""
    gateway_port = environment.int("GATEWAY_PORT", 8080, **PORT)
    updates = environment.str(
        "TELEGRAM_UPDATES", "polling", validate=ma.validate.OneOf(get_args(Updates))
    )
    settings = Settings(
        run_directory=Path(
            environment.str("HABIT_TRACKER_RUN_DIR", str(REPOSITORY / ".run"))
        ).absolute(),
        gateway_port=gateway_port,
        gateway=read_gateway_choices(environment),
        postgres_url=environment.str("POSTGRES_URL", "", validate=optional(DATABASE_URL)),
        rabbitmq_url=environment.str("RABBITMQ_URL", "", validate=optional(RABBITMQ_URL)),
        redis_url=environment.str("REDIS_URL", "", validate=optional(REDIS_URL)),
        database_prefix=environment.str(
            "DATABASE_PREFIX", "habit_tracker_", validate=_DATABASE_PREFIX
        ),
        telegram_bot_token=environment.str("TELEGRAM_BOT_TOKEN", "", validate=optional(_TOKEN)),
        telegram_api_url=environment.str(
            "TELEGRAM_API_URL", "https://api.telegram.org", validate=HTTP_URL
        ).rstrip("/"),
        telegram_simulator_port=environment.int("TELEGRAM_SIMULATOR_PORT", 8081, **PORT),
        telegram_updates="webhook" if updates == "webhook" else "polling",
        reminder_grace_seconds=environment.int("REMINDER_GRACE_SECONDS", 3600, **POSITIVE),
        failed_logins=environment.int("RATE_LIMIT_FAILED_LOGINS", 5, **POSITIVE),
        webhooks_allow_private=environment.bool("WEBHOOKS_ALLOW_PRIVATE", False),
        log_level=environment.str("LOG_LEVEL", "INFO", validate=ma.validate.OneOf(LOG_LEVELS)),
    )
    if settings.uses_simulator and settings.telegram_simulator_port == gateway_port:
        raise ma.ValidationError("TELEGRAM_SIMULATOR_PORT: must be another port than GATEWAY_PORT")
    return settings
