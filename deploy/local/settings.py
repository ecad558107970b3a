"""The settings of `make run`: from the environment, then from `.env`, then the defaults.

Every variable of the contract is checked here, before anything starts: a wrong value would
otherwise show up as one of twenty processes that keeps failing.
"""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import marshmallow as ma
from dotenv import dotenv_values
from environs import FileAwareEnv

from deploy.local.programs import REPOSITORY
from shared.process.environment import PORT, POSITIVE
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
    "LOG_LEVEL",
    "DATABASE_PREFIX",
    "HABIT_TRACKER_RUN_DIR",
)
SERVER_URLS = ("POSTGRES_URL", "RABBITMQ_URL", "REDIS_URL")

_TOKEN = re.compile(r"[0-9]+:[A-Za-z0-9_-]{20,}")
_ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?")
_DATABASE_PREFIX = re.compile(r"[a-z][a-z0-9_]{0,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a user can choose; an empty server URL means a private server."""

    run_directory: Path
    gateway_port: int
    public_url: str
    postgres_url: str = field(repr=False)
    rabbitmq_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    database_prefix: str
    telegram_bot_token: str = field(repr=False)
    telegram_api_url: str
    telegram_simulator_port: int
    telegram_updates: Updates
    cors_allowed_origins: tuple[str, ...]
    reminder_grace_seconds: int
    register_per_minute: int
    token_per_minute: int
    failed_logins: int
    log_level: str

    @property
    def uses_simulator(self) -> bool:
        """Whether the Telegram simulator takes the place of Telegram."""
        return not self.telegram_bot_token


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
    gateway_port = environment.int("GATEWAY_PORT", 8080, validate=PORT)
    updates = environment.str(
        "TELEGRAM_UPDATES", "polling", validate=ma.validate.OneOf(get_args(Updates))
    )
    settings = Settings(
        run_directory=Path(
            environment.str("HABIT_TRACKER_RUN_DIR", str(REPOSITORY / ".run"))
        ).absolute(),
        gateway_port=gateway_port,
        public_url=environment.str(
            "PUBLIC_URL", f"http://localhost:{gateway_port}", validate=_url("http", "https")
        ).rstrip("/"),
        postgres_url=environment.str(
            "POSTGRES_URL", "", validate=_optional(_url("postgresql", "postgres"))
        ),
        rabbitmq_url=environment.str("RABBITMQ_URL", "", validate=_optional(_url("amqp", "amqps"))),
        redis_url=environment.str("REDIS_URL", "", validate=_optional(_url("redis", "rediss"))),
        database_prefix=environment.str(
            "DATABASE_PREFIX", "habit_tracker_", validate=_pattern(_DATABASE_PREFIX)
        ),
        telegram_bot_token=environment.str(
            "TELEGRAM_BOT_TOKEN", "", validate=_optional(_pattern(_TOKEN))
        ),
        telegram_api_url=environment.str(
            "TELEGRAM_API_URL", "https://api.telegram.org", validate=_url("http", "https")
        ).rstrip("/"),
        telegram_simulator_port=environment.int("TELEGRAM_SIMULATOR_PORT", 8081, validate=PORT),
        telegram_updates="webhook" if updates == "webhook" else "polling",
        cors_allowed_origins=_origins(environment),
        reminder_grace_seconds=environment.int("REMINDER_GRACE_SECONDS", 3600, validate=POSITIVE),
        register_per_minute=environment.int(
            "RATE_LIMIT_REGISTER_PER_MINUTE", 10, validate=POSITIVE
        ),
        token_per_minute=environment.int("RATE_LIMIT_TOKEN_PER_MINUTE", 30, validate=POSITIVE),
        failed_logins=environment.int("RATE_LIMIT_FAILED_LOGINS", 5, validate=POSITIVE),
        log_level=environment.str("LOG_LEVEL", "INFO", validate=ma.validate.OneOf(LOG_LEVELS)),
    )
    if settings.uses_simulator and settings.telegram_simulator_port == gateway_port:
        raise ma.ValidationError("TELEGRAM_SIMULATOR_PORT: must differ from GATEWAY_PORT")
    return settings


def _origins(environment: FileAwareEnv) -> tuple[str, ...]:
    value = environment.str("CORS_ALLOWED_ORIGINS", "")
    origins = tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
    if not all(_ORIGIN.fullmatch(origin) for origin in origins):
        raise ma.ValidationError("CORS_ALLOWED_ORIGINS: each must be like https://example.org")
    return origins


def _url(*schemes: str) -> ma.validate.Validator:
    names = "|".join(schemes)
    return _pattern(re.compile(rf"""(?:{names})://[^\s"']+"""), f"must start with {names}://")


def _pattern(pattern: re.Pattern[str], error: str = "has the wrong form") -> ma.validate.Validator:
    return ma.validate.Regexp(re.compile(rf"(?:{pattern.pattern})\Z"), error=error)


def _optional(validator: ma.validate.Validator) -> ma.validate.Validator:
    return _Optional(validator)


class _Optional(ma.validate.Validator):
    """Accept an empty value beside those that the other validator accepts."""

    def __init__(self, validator: ma.validate.Validator) -> None:
        self._validator = validator

    def __call__(self, value: str) -> str:
        return value and self._validator(value)
